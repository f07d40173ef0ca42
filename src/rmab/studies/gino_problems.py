"""Learners on eight problems with a hundred arms: what they have learned after 100 to 10,000 periods.

Seven of the problems are indexable, the flipped arm is not. The paper claims that GINO-Q is near-optimal, faster than learners
of the Whittle index, and better than they are even on arms that are indexable. Our own aim is a score of at least 0.9, and 0.85
for the age of information, for GINO-Q with our changes and for certainty equivalence, the learner to begin with.

*Better* is judged at the end: a difference of more than NOISE, which is that of one evaluation, beyond its interval. How
learners are run and other claims judged: :mod:`rmab.studies.gino_learners`. The paper's problems of channel allocation and
patrol are in an appendix that was not available; those here are ours.

Reference: G. Chen, S. C. Liew, D. Gunduz, "GINO-Q: learning an asymptotically optimal index policy for restless multi-armed
bandits", arXiv:2408.09882 (2024), abstract.
"""

from __future__ import annotations

from collections.abc import Mapping

from rmab.index.whittle import whittle_index
from rmab.studies.gino_figure_2 import SCALES
from rmab.studies.gino_learners import (
    CERTAIN,
    CITATION,
    GAIN,
    INDEX,
    OURS,
    PUBLISHED,
    WHITTLE,
    Stage,
    faster,
    learns,
    run_scores,
)
from rmab.studies.learning_claims import at_least, better, last, shown
from rmab.studies.learning_rows import ScoreRow
from rmab.studies.study import AS_MEASURED, Claim, Definition

NOISE = 0.02
AGES = "age of information"
AIM = {AGES: 0.85}
USUAL_AIM = 0.9


def instances() -> tuple[Stage, ...]:
    """Eight problems with a hundred arms each."""
    return (
        Stage("gino", "gino-v1", "70", 10),
        Stage("flipped", "flipped-v1", "70", 10),
        Stage("circulant", "circulant-v1", "20", 10),
        Stage("restart", "restart-v1", "20", 10),
        Stage("mentoring", "mentoring-v1", "10", 10),
        Stage("patrol", "patrol-v1", "30", 1),
        Stage(AGES, "age-of-information-v1", "20", 5),
        Stage("channel allocation", "channel-allocation-v1", "25", 25),
    )


def judge(instances: Mapping[str, Stage], rows: tuple[ScoreRow, ...]) -> tuple[Claim, ...]:
    """Our aims, and the paper's claims."""
    problems = {name: instance.problem() for name, instance in instances.items()}
    indexable = [name for name, p in problems.items() if whittle_index(p.arms, p.criterion).indexable.all()]
    return (
        *(_aim(rows, name, policy) for policy in (OURS, CERTAIN) for name in instances),
        *(learns(rows, name, PUBLISHED, "paper") for name in instances),
        *(_better(rows, name, PUBLISHED, "paper") for name in indexable),
        *(_better(rows, name, OURS, "ours") for name in indexable),
        *(_known(rows, name) for name in indexable),
        *(faster(rows, name) for name in instances),
    )


def _aim(rows: tuple[ScoreRow, ...], name: str, policy: str) -> Claim:
    level = AIM.get(name, USUAL_AIM)
    return at_least(f"{name}: {policy} ends at {level:g} or more (ours)", last(rows, name, policy), level)


def _better(rows: tuple[ScoreRow, ...], name: str, policy: str, whose: str) -> Claim:
    statement = f"{name}: {policy} is better than Whittle learning although the arms are indexable ({whose})"
    return better(statement, last(rows, name, policy), last(rows, name, WHITTLE), NOISE)


def _known(rows: tuple[ScoreRow, ...], name: str) -> Claim:
    gain, whittle = last(rows, name, GAIN), last(rows, name, INDEX)
    return Claim(f"{name}: the exact indices, gain against Whittle", f"{shown(gain)} against {shown(whittle)}", AS_MEASURED)


STUDY = Definition(
    name="gino/problems",
    title="Learners on eight problems with a hundred arms",
    citation=f"{CITATION}, abstract; the problems are ours or of others",
    instances=instances,
    run=run_scores,
    scales=SCALES,
    judge=judge,
)

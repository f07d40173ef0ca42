"""Learners on an arm that is not indexable: Whittle learners fail and their alarm rings, GINO-Q and models of the arm succeed.

The arm is that of the scenario flipped-v1 with 70 % acted on. Its state 0 has three roots, -4, -0.6 and 2, and the gain index
puts it last. A Whittle learner with one start goes to the lower or to the upper root by chance; at the upper one, where it goes
the more often the more arms there are, it puts state 0 first. One that learns from both ends at once notices that they come to
rest apart, and acts on their mean, which is wrong too. The known *Whittle index* is the lowest root, which happens to rank well
here.

How learners are run and claims judged: :mod:`rmab.studies.gino_learners`. *Fails* is a score below HALF at the end.

Reference: G. Chen, S. C. Liew, D. Gunduz, "GINO-Q: learning an asymptotically optimal index policy for restless multi-armed
bandits", arXiv:2408.09882 (2024), for the claims, which it makes about another arm; the alarm is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rmab.learn.tabular.whittle_q import WhittleQ
from rmab.studies.gino_figure_2 import SCALES
from rmab.studies.gino_learners import (
    CITATION,
    KNOWN,
    LEARNERS,
    OURS,
    PUBLISHED,
    WHITTLE,
    WIQL_,
    Stage,
    faster,
    learns,
    run_scores,
    unaffected,
)
from rmab.studies.learning_claims import at_most, last
from rmab.studies.learning_rows import ScoreRow
from rmab.studies.study import NOT_REPRODUCED, REPRODUCED, Claim, Definition

ONE_END = "Whittle Q, 1 start"
FAILING = (WHITTLE, ONE_END, WIQL_)
HALF = 0.5


def instances() -> tuple[Stage, ...]:
    """Ten, a hundred and a thousand arms, 70 % acted on."""
    return tuple(Stage(f"M = {10 * scale}, N = {7 * scale}", "flipped-v1", "70", scale) for scale in (1, 10, 100))


def judge(instances: Mapping[str, Stage], rows: tuple[ScoreRow, ...]) -> tuple[Claim, ...]:
    """Who fails, whether the alarm rings, who succeeds, and how fast."""
    succeeding = [policy for policy in LEARNERS if policy not in FAILING]
    return (
        *(_fails(rows, name, policy) for name in instances for policy in FAILING),
        *(_rings(rows, name) for name in instances),
        *(
            learns(rows, name, policy, "paper" if policy == PUBLISHED else "ours")
            for name in instances
            for policy in succeeding
        ),
        *(unaffected(rows, tuple(instances), policy) for policy in (PUBLISHED, OURS)),
        *(faster(rows, name) for name in instances),
    )


def _fails(rows: tuple[ScoreRow, ...], name: str, policy: str) -> Claim:
    whose = "ours" if policy == WIQL_ else "paper, of another arm"
    return at_most(f"{name}: {policy} fails ({whose})", last(rows, name, policy), HALF)


def _rings(rows: tuple[ScoreRow, ...], name: str) -> Claim:
    end = last(rows, name, WHITTLE)
    verdict = REPRODUCED if end.alarmed == end.seeds else NOT_REPRODUCED
    return Claim(f"{name}: the alarm of several roots rings on every seed (ours)", f"{end.alarmed} of {end.seeds}", verdict)


STUDY = Definition(
    name="gino/flipped",
    title="Learning on an arm without a Whittle index",
    citation=f"{CITATION}, its example with the actions exchanged",
    instances=instances,
    run=partial(run_scores, learners={**LEARNERS, ONE_END: lambda problem: WhittleQ(both_ends=False)}, known=KNOWN),
    scales=SCALES,
    judge=judge,
)

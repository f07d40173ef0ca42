"""Figure 2 of the GINO-Q paper: learning curves on its arm, with 10 and with 100 arms, and at other budgets.

The paper's panels have 70 % of the arms acted on, where the price is 0, which is also where its price starts: they do not show
that a price is learned. The budgets of 30, 50 and 90 % do. With 50 % state 0 ties with the detour at the price, and the order
of the tie decides between the bound and chance.

*State 0 first* is the order that a Whittle learner ends with if it takes the charge of 2, where W only touches zero, for the
index of the paper's state 1.

How learners are run and claims judged: :mod:`rmab.studies.gino_learners`. The constants of GINO-Q and its rate of exploration
are in an appendix that was not available.

Reference: G. Chen, S. C. Liew, D. Gunduz, "GINO-Q: learning an asymptotically optimal index policy for restless multi-armed
bandits", arXiv:2408.09882 (2024), figure 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rmab.policies.index import IndexPolicy
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
from rmab.studies.study import NOT_REPRODUCED, REPRODUCED, Claim, Definition, Scale

FIRST = "state 0 first"
SMALL, LARGE = "M = 10, N = 7", "M = 100, N = 70"
MARKS = (10, 20, 50, 100, 200, 500, 2000, 10_000)
SCALES = {
    "glance": Scale((10, 100, 300), steps=300, burn_in=0, replicates=2),
    "quick": Scale((10, 100, 1000, 10_000), steps=10_000, burn_in=0, replicates=4),
    "full": Scale(MARKS, steps=10_000, burn_in=0, replicates=10),
}


def instances() -> tuple[Stage, ...]:
    """The paper's two problems, and three other budgets of 100 arms."""
    other = (Stage(f"M = 100, N = {n}", "gino-v1", n, 10) for n in ("30", "50", "90"))
    return Stage(SMALL, "gino-v1", "70", 1), Stage(LARGE, "gino-v1", "70", 10), *other


def judge(instances: Mapping[str, Stage], rows: tuple[ScoreRow, ...]) -> tuple[Claim, ...]:
    """Whether the gain index is learned, what Whittle learners do on this arm, and how fast."""
    return (
        *(learns(rows, name, PUBLISHED, "paper") for name in instances),
        *(
            learns(rows, name, policy, "ours")
            for name in instances
            for policy in LEARNERS
            if policy not in (PUBLISHED, WHITTLE, WIQL_)
        ),
        *(learns(rows, name, WHITTLE, "ours: the arm is indexable") for name in instances),
        *(_no_better_than_chance(rows, name) for name in (SMALL, LARGE)),
        *(_worse_than_chance(rows, name) for name in (SMALL, LARGE)),
        _silent(rows),
        *(unaffected(rows, (SMALL, LARGE), policy) for policy in (PUBLISHED, OURS)),
        *(faster(rows, name) for name in instances),
    )


def _no_better_than_chance(rows: tuple[ScoreRow, ...], name: str) -> Claim:
    return at_most(f"{name}: Whittle learning is no better than chance (paper)", last(rows, name, WHITTLE), 0.0)


def _worse_than_chance(rows: tuple[ScoreRow, ...], name: str) -> Claim:
    return at_most(f"{name}: the order with {FIRST} is worse than chance (paper)", last(rows, name, FIRST), 0.0)


def _silent(rows: tuple[ScoreRow, ...]) -> Claim:
    rang = {row.instance: row.alarmed for row in rows if row.policy == WHITTLE}
    found = ", ".join(f"{count} ({name})" for name, count in rang.items())
    verdict = NOT_REPRODUCED if any(rang.values()) else REPRODUCED
    return Claim("the alarm of several roots rings on no seed, as the arm is indexable (ours)", found, verdict)


STUDY = Definition(
    name="gino/figure-2",
    title="Learning on the arm of GINO-Q, at five budgets",
    citation=f"{CITATION}, figure 2, arm reconstructed",
    instances=instances,
    run=partial(run_scores, known={**KNOWN, FIRST: lambda problem: IndexPolicy([[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]])}),
    scales=SCALES,
    judge=judge,
)

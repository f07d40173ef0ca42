"""State aggregation in learning the Whittle index: the error that more experience does not take away.

The mentoring arm with 40 levels, discounted by 0.95, a hundred copies, half of them acted on, so that all levels are visited.
Levels are lumped into 4, 8,
10 or 20 runs of neighbours, which share their table entries and their charge (:class:`rmab.learn.Aggregation`). The index of
this arm rises and falls, and its range is about a third, which is what errors are to be held against.

*Whittle Q* is :class:`rmab.learn.WhittleQ`, *in rounds* :class:`rmab.learn.QLearningIndex` with speedy Q-learning; T are all
periods of the run.

1. The abstract of arXiv:2409.04605 says that with function approximation, of which this is the simplest kind, the index is
   learned. *Learned* is an error of at most LEARNED at the end.
2. Whether what is left is bias: a run four times as long ends with no more than a fifth less of it.

The bodies of both papers were not available.

References: P. Kakarapalli, D. Kayande, R. Meshram, "Faster Q-learning algorithms for restless bandits", arXiv:2409.05908
(2024); V. Mittal, R. Meshram, S. Prakash, "Whittle index learning algorithms for restless bandits with constant stepsizes",
arXiv:2409.04605 (2024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import spearmanr

from rmab.learn.learner import Learner
from rmab.learn.tabular.aggregation import Aggregation
from rmab.learn.tabular.q_learning import QLearningIndex
from rmab.learn.tabular.whittle_q import WhittleQ
from rmab.models.criterion import Discounted
from rmab.parallel import Progress
from rmab.studies.faster_q_arms import CITATION, Learned, learned
from rmab.studies.faster_q_runs import learned_index
from rmab.studies.learning_claims import at_most, curve
from rmab.studies.learning_rows import ClusterRow, interval
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Definition, Scale

STATES, LEARNED, LONGER, LEFT = 40, 0.05, 4, 0.8
WHITTLE, ROUNDS = "Whittle Q", "in rounds"
SHORT, LONG = "T / 4", "T"


def learners(clusters: int) -> dict[str, Learner]:
    """Both learners with so many clusters."""
    shared = Aggregation.uniform(STATES, clusters)
    return {WHITTLE: WhittleQ(both_ends=False, aggregation=shared), ROUNDS: QLearningIndex(aggregation=shared)}


def run(
    instances: Sequence[Learned], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[ClusterRow, ...]:
    """Errors and rank correlations with ``scale.sizes`` clusters, after ``scale.steps`` periods and after a quarter of them."""
    rows: list[ClusterRow] = []
    for number, instance in enumerate(instances):
        exact = instance.index()
        for done, clusters in enumerate(scale.sizes):
            for name, learner in learners(clusters).items():
                for title, steps in ((SHORT, scale.steps // LONGER), (LONG, scale.steps)):
                    source = np.random.SeedSequence(entropy, spawn_key=(number, clusters))
                    found = learned_index(
                        instance, learner, steps=steps, seeds=scale.replicates, source=source, threads=threads
                    )
                    errors, alike = np.abs(found - exact).max(axis=1), float(np.mean([_alike(index, exact) for index in found]))
                    rows.append(ClusterRow(instance.name, f"{name}, {title}", clusters, *interval(errors), alike))
            if progress is not None:
                progress(number * len(scale.sizes) + done + 1, len(instances) * len(scale.sizes))
    return tuple(rows)


def _alike(index: np.ndarray, exact: np.ndarray) -> float:
    return float(spearmanr(index, exact).statistic) if np.ptp(index) > 0 else 0.0


def judge(instances: Mapping[str, Learned], rows: tuple[ClusterRow, ...]) -> tuple[Claim, ...]:
    """Whether the index is learned, and whether the error is bias."""
    name = next(iter(instances))
    return (
        *(_learned(row) for learner in (WHITTLE, ROUNDS) for row in curve(rows, name, f"{learner}, {LONG}") if row.at < STATES),
        *(
            _bias(rows, name, learner, row)
            for learner in (WHITTLE, ROUNDS)
            for row in curve(rows, name, f"{learner}, {LONG}")
            if row.at < STATES
        ),
    )


def _learned(row: ClusterRow) -> Claim:
    claim = at_most(f"{row.at:g} clusters: {row.policy}: the index is learned (paper, of function approximation)", row, LEARNED)
    return Claim(claim.statement, f"{claim.found}; rank correlation {row.correlation:.2f}", claim.verdict)


def _bias(rows: Sequence[ClusterRow], name: str, learner: str, long: ClusterRow) -> Claim:
    short = next(row for row in curve(rows, name, f"{learner}, {SHORT}") if row.at == long.at)
    level = LEFT * short.mean
    verdict = REPRODUCED if long.low >= level else NOT_REPRODUCED if long.high < level else AS_MEASURED
    statement = f"{long.at:g} clusters: {learner}: four times the periods take away no more than a fifth of the error (ours)"
    return Claim(statement, f"{short.mean:.4f}, then {long.mean:.4f} ({long.low:.4f} to {long.high:.4f})", verdict)


STUDY = Definition(
    name="faster-q/aggregation",
    title="State aggregation in learning the Whittle index",
    citation=f"{CITATION}; Mittal, Meshram, Prakash, arXiv:2409.04605, abstract",
    instances=lambda: (replace(learned("mentoring", Discounted(0.95), title="mentoring, 40 levels", states=STATES), acted=50),),
    run=run,
    scales={
        "glance": Scale((4, 20), steps=1000, burn_in=0, replicates=2),
        "quick": Scale((4, 8, 10, 20), steps=20_000, burn_in=0, replicates=3),
        "full": Scale((4, 8, 10, 20), steps=40_000, burn_in=0, replicates=6),
    },
    judge=judge,
)

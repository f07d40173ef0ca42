"""Variants of Q-learning and ways to explore in learning the Whittle index: error against samples.

A hundred copies of one arm, discounted by 0.9, a fifth (of mentoring a tenth) acted on; the tables are shared, so a period
gives a hundred samples. The learner is :class:`rmab.learn.QLearningIndex`, with its safeguards: without them confidence bounds
starve states, whose charge then runs away. All rules have the step sizes that suit moving charges.

1. The abstract claims that with confidence bounds (UCB) the index is learned faster than with epsilon-greedy exploration, and
   that phased Q-learning, with either, converges best.
2. *Faster* is judged by the error at the end, and at a tenth of the periods.

The width of the bounds and the temperature are the best of those we tried (0.05 to 3, and 0.2 and 1), epsilon is the learner's
default; *UCB* keeps the chance of one random period in twenty that stops states from starving, *UCB + ε* puts the bounds on top
of the same epsilon.

The paper learns with single arms, which explore by their own tables; here a budget is shared and the bonus is on the index.
The body of the paper was not available, its arms and constants among it.

Reference: P. Kakarapalli, D. Kayande, R. Meshram, "Faster Q-learning algorithms for restless bandits", arXiv:2409.05908 (2024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import inf

from rmab.learn.exploration import EpsilonGreedy, EpsilonSoftmax, Exploration, Softmax, UpperConfidence
from rmab.learn.learner import Learner
from rmab.learn.tabular.generalised_speedy import GeneralisedSpeedy
from rmab.learn.tabular.phased import Phased
from rmab.learn.tabular.plain_sweeps import PlainSweeps
from rmab.learn.tabular.q_learning import QLearningIndex
from rmab.learn.tabular.speedy import FORGETTING, Speedy
from rmab.learn.tabular.sweep_rule import SweepRule
from rmab.studies.faster_q_arms import CITATION, Learned, discounted
from rmab.studies.faster_q_runs import run_errors
from rmab.studies.learning_claims import better, curve, last
from rmab.studies.learning_rows import PeriodRow
from rmab.studies.study import Claim, Definition, Scale

EPSILON, TEMPERATURE, WIDTH = 0.4, 1.0, 3.0
GREEDY, BOUNDS, BOTH = "ε", "UCB", "UCB + ε"
PLAIN, PHASED = "plain", "phased"
RULES: dict[str, SweepRule] = {
    PLAIN: PlainSweeps(FORGETTING),
    "speedy": Speedy(FORGETTING),
    "generalised": GeneralisedSpeedy(steps=FORGETTING),
    PHASED: Phased(5),
}
EXPLORING: dict[str, Exploration] = {
    GREEDY: EpsilonGreedy(EPSILON, decay=inf, floor=EPSILON),
    BOUNDS: UpperConfidence(WIDTH),
    BOTH: UpperConfidence(WIDTH, floor=EPSILON),
    "softmax": Softmax(TEMPERATURE),
    "ε-softmax": EpsilonSoftmax(TEMPERATURE, start=EPSILON, decay=inf, floor=EPSILON),
}
PAIRS = (
    *((rule, way) for rule in RULES for way in (GREEDY, BOUNDS)),
    *((PLAIN, way) for way in (BOTH, "softmax", "ε-softmax")),
)
LEARNERS = {f"{rule}, {way}": QLearningIndex(RULES[rule], exploration=EXPLORING[way]) for rule, way in PAIRS}


def _learners(instance: Learned) -> Mapping[str, Learner]:
    return LEARNERS


def judge(instances: Mapping[str, Learned], rows: tuple[PeriodRow, ...]) -> tuple[Claim, ...]:
    """Confidence bounds against epsilon-greedy exploration, and phased Q-learning against all."""
    return (
        *(_bounds(rows, name, rule) for rule in RULES for name in instances),
        *(_bounds_early(rows, name) for name in instances),
        *(_both(rows, name) for name in instances),
        *(_phased(rows, name) for name in instances),
    )


def _bounds(rows: Sequence[PeriodRow], name: str, rule: str) -> Claim:
    statement = f"{name}: {rule} with UCB has a smaller error at the end than with ε-greedy exploration (paper)"
    return better(statement, last(rows, name, f"{rule}, {BOUNDS}"), last(rows, name, f"{rule}, {GREEDY}"), 0.0, lower=True)


def _bounds_early(rows: Sequence[PeriodRow], name: str) -> Claim:
    end = last(rows, name, f"{PLAIN}, {BOUNDS}").at
    bounds, greedy = (
        next(row for row in curve(rows, name, f"{PLAIN}, {way}") if row.at >= end / 10) for way in (BOUNDS, GREEDY)
    )
    statement = (
        f"{name}: {PLAIN} with UCB has a smaller error after {bounds.at:g} periods than with ε-greedy exploration (paper)"
    )
    return better(statement, bounds, greedy, 0.0, lower=True)


def _both(rows: Sequence[PeriodRow], name: str) -> Claim:
    statement = f"{name}: {PLAIN} with {BOTH} has a smaller error at the end than with ε-greedy alone (our other reading)"
    return better(statement, last(rows, name, f"{PLAIN}, {BOTH}"), last(rows, name, f"{PLAIN}, {GREEDY}"), 0.0, lower=True)


def _phased(rows: Sequence[PeriodRow], name: str) -> Claim:
    ends = [last(rows, name, learner) for learner in LEARNERS]
    phased = min((row for row in ends if row.policy.startswith(PHASED)), key=lambda row: row.mean)
    best = min((row for row in ends if not row.policy.startswith(PHASED)), key=lambda row: row.mean)
    return better(f"{name}: {phased.policy} has the smallest error at the end (paper)", phased, best, 0.0, lower=True)


STUDY = Definition(
    name="faster-q/index",
    title="Variants of Q-learning and ways to explore in learning the Whittle index",
    citation=CITATION,
    instances=discounted,
    run=partial(run_errors, learners=_learners),
    scales={
        "glance": Scale((100, 1000), steps=1000, burn_in=0, replicates=2),
        "quick": Scale((100, 300, 1000, 3000, 10_000), steps=10_000, burn_in=0, replicates=4),
        "full": Scale((100, 300, 1000, 3000, 20_000), steps=20_000, burn_in=0, replicates=10),
    },
    judge=judge,
)

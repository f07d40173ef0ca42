"""Constant step sizes in learning the Whittle index: what they leave, with and without averaging, and against falling ones.

A hundred copies of one arm, a fifth of them acted on; tables move by the constant step alpha, charges by gamma, well below it.
Average and discounted by 0.9; errors are the largest over the states, means and 95 % intervals are over seeds.

``constant-step/floor``: the error at the end against alpha. The abstract promises an analysis of such a pair of constant steps;
as we have it, the error is of the order of alpha + gamma / alpha. It is judged where both terms vanish together, gamma =
alpha^2, between the largest step looked at and the smallest with which the charges have turned over, gamma times the periods,
ENOUGH times:

1. *the error itself* must fall like alpha to the power of 1 or more, where TOLERANCE less counts as 1;
2. *the mean square of the error*, in which such floors are often proved, likewise;
3. with averaging, where the noise of the charges is taken out, what is left is bias.

At the index both actions are worth the same in the reference state, so the larger of two noisy numbers enters its own target,
and is too large by the order of the noise, which is the square root of alpha. This bias of the error itself is not of the order
of alpha, and averaging does not touch it. (Ours, for the case where 1 does not hold and 2 does.)

``constant-step/curves``: the error against periods, with the three ways to explore of the abstract, which says that the index
is learned. *Learned* is an error of at most LEARNED at the end.

The body of the paper was not available: arms, constants and the way to explore of a shared budget are ours.

Reference: V. Mittal, R. Meshram, S. Prakash, "Whittle index learning algorithms for restless bandits with constant stepsizes",
arXiv:2409.04605 (2024), abstract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import hypot, inf

import numpy as np

from rmab.learn.exploration import EpsilonSoftmax, Exploration, Softmax
from rmab.learn.learner import Learner
from rmab.learn.steps import Steps
from rmab.learn.tabular.whittle_q import WhittleQ
from rmab.parallel import Progress
from rmab.studies.faster_q_arms import Learned, averaged_and_discounted
from rmab.studies.faster_q_index import EPSILON, TEMPERATURE
from rmab.studies.faster_q_runs import learned_index, run_errors
from rmab.studies.learning_claims import at_most, better, curve, last
from rmab.studies.learning_rows import PeriodRow, StepRow, interval
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim, Definition, Scale

CITATION = "Mittal, Meshram, Prakash, Whittle index learning with constant stepsizes, arXiv:2409.04605, abstract"
LEARNED, TOLERANCE, ENOUGH = 0.05, 0.2, 80.0
SQUARED, LAST, MEAN = "γ = α²", "last", "mean"
WORDS = {LAST: "last charge", MEAN: "mean of the charges"}
RATIOS = {SQUARED: lambda alpha: alpha, "γ = α / 10": lambda alpha: 0.1, "γ = α / 2": lambda alpha: 0.5}
AVERAGING = {LAST: inf, MEAN: 3.0}
LARGE_STEP, SMALL_STEP, FALLING = "0.1", "0.02", "falling"


def learner(table: Steps, charge: Steps, averaging: float, exploration: Exploration | None = None) -> WhittleQ:
    """A learner with one start; its usual exploration by default."""
    if exploration is None:
        return WhittleQ(table=table, charge=charge, averaging=averaging, both_ends=False)
    return WhittleQ(table=table, charge=charge, averaging=averaging, both_ends=False, exploration=exploration)


def run_floor(
    instances: Sequence[Learned], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[StepRow, ...]:
    """Errors after ``scale.steps`` periods with tables that move by ``scale.sizes``."""
    cells = [(number, instance, name, way) for number, instance in enumerate(instances) for name in RATIOS for way in AVERAGING]
    rows: list[StepRow] = []
    for done, (number, instance, name, way) in enumerate(cells):
        exact = instance.index()
        for alpha in scale.sizes:
            charge = Steps(alpha * RATIOS[name](alpha))
            one = learner(Steps(alpha), charge, AVERAGING[way])
            source = np.random.SeedSequence(entropy, spawn_key=(number,))
            found = learned_index(instance, one, steps=scale.steps, seeds=scale.replicates, source=source, threads=threads)
            errors = np.abs(found - exact).max(axis=1)
            rows.append(
                StepRow(
                    instance.name,
                    f"{name}, {way}",
                    alpha,
                    *interval(errors),
                    float((errors**2).mean()),
                    charge.scale * scale.steps,
                )
            )
        if progress is not None:
            progress(done + 1, len(cells))
    return tuple(rows)


def judge_floor(instances: Mapping[str, Learned], rows: tuple[StepRow, ...]) -> tuple[Claim, ...]:
    """How error and mean square scale with the step, and what averaging does at a large ratio of the steps."""
    return (
        *(_scales_with_step(rows, name, way, square=False) for way in AVERAGING for name in instances),
        *(_scales_with_step(rows, name, way, square=True) for way in AVERAGING for name in instances),
        *(_ratio_matters(rows, name) for name in instances),
        *(_averaging_helps(rows, name) for name in instances),
    )


def _scales_with_step(rows: Sequence[StepRow], name: str, way: str, *, square: bool) -> Claim:
    which = "mean square of the error" if square else "error"
    statement = f"{name}: the {which} of the {WORDS[way]} is of the order of α, with γ = α² (paper)"
    settled = [row for row in curve(rows, name, f"{SQUARED}, {way}") if row.turned >= ENOUGH]
    if len(settled) < 2:
        return Claim(statement, "the run is too short to tell", AS_MEASURED)
    first, end = settled[0], settled[-1]
    times = 2.0 if square else 1.0  # the relative half-width of a square is twice that of the number
    small, large = (row.square if square else row.mean for row in (first, end))
    apart = float(np.log(end.at / first.at))
    power = float(np.log(large / small)) / apart
    half = times * hypot(first.half / first.mean, end.half / end.mean) / apart
    found = f"{large:.3g} at α = {end.at:g}, {small:.3g} at α = {first.at:g}: like α to the power of {power:.2f} ± {half:.2f}"
    least = 1.0 - TOLERANCE
    verdict = REPRODUCED if power - half >= least else NOT_REPRODUCED if power + half < least else AS_MEASURED
    return Claim(statement, found, verdict)


def _ratio_matters(rows: Sequence[StepRow], name: str) -> Claim:
    small, large = (curve(rows, name, f"{ratio}, {LAST}")[0] for ratio in ("γ = α / 10", "γ = α / 2"))
    statement = f"{name}: at the smallest step the last charge is worse with γ = α / 2 than with γ = α / 10 (order of γ / α)"
    return better(statement, small, large, 0.0, lower=True)


def _averaging_helps(rows: Sequence[StepRow], name: str) -> Claim:
    plain, mean = (curve(rows, name, f"γ = α / 2, {way}")[0] for way in (LAST, MEAN))
    statement = f"{name}: at the smallest step and γ = α / 2, the mean of the charges is better than the last (ours)"
    return better(statement, mean, plain, 0.0, lower=True)


def _exploring() -> dict[str, Learner]:
    table, charge = Steps(0.02), Steps(0.002)
    return {
        f"{SMALL_STEP}, softmax": learner(table, charge, AVERAGING[MEAN], Softmax(TEMPERATURE)),
        f"{SMALL_STEP}, ε-softmax": learner(
            table, charge, AVERAGING[MEAN], EpsilonSoftmax(TEMPERATURE, start=EPSILON, decay=inf, floor=EPSILON)
        ),
    }


def _learners(instance: Learned) -> dict[str, Learner]:
    """Two constant pairs of steps and falling ones, with and without averaging; softmax with the smaller pair."""
    usual = WhittleQ()
    steps = {
        LARGE_STEP: (Steps(0.1), Steps(0.01)),
        SMALL_STEP: (Steps(0.02), Steps(0.002)),
        FALLING: (usual.table, usual.charge),
    }
    made: dict[str, Learner] = {
        f"{name}, {way}": learner(*pair, averaging) for name, pair in steps.items() for way, averaging in AVERAGING.items()
    }
    return made | _exploring()


def judge_curves(instances: Mapping[str, Learned], rows: tuple[PeriodRow, ...]) -> tuple[Claim, ...]:
    """Whether the index is learned with each way to explore, and whether falling steps do better."""
    ways = {f"{SMALL_STEP}, {MEAN}": "ε-greedy", f"{SMALL_STEP}, softmax": "softmax", f"{SMALL_STEP}, ε-softmax": "ε-softmax"}
    return (
        *(_learned(rows, name, policy, way) for policy, way in ways.items() for name in instances),
        *(_falling_is_better(rows, name) for name in instances),
        *(_early(rows, name) for name in instances),
    )


def _learned(rows: Sequence[PeriodRow], name: str, policy: str, way: str) -> Claim:
    statement = f"{name}: constant steps with {way} exploration learn the index, within {LEARNED:g} (paper)"
    return at_most(statement, last(rows, name, policy), LEARNED)


def _falling_is_better(rows: Sequence[PeriodRow], name: str) -> Claim:
    statement = f"{name}: falling steps end with a smaller error than the smaller constant ones (ours)"
    return better(statement, last(rows, name, f"{FALLING}, {MEAN}"), last(rows, name, f"{SMALL_STEP}, {MEAN}"), 0.0, lower=True)


def _early(rows: Sequence[PeriodRow], name: str) -> Claim:
    early = [curve(rows, name, f"{policy}, {MEAN}")[0] for policy in (LARGE_STEP, SMALL_STEP, FALLING)]
    found = ", ".join(f"{row.mean:.3f} ({row.policy.split(',')[0]})" for row in early)
    return Claim(f"{name}: errors of the mean after {early[0].at:g} periods", found, AS_MEASURED)


STUDIES = (
    Definition(
        name="constant-step/floor",
        title="Constant steps in learning the Whittle index: what error they leave",
        citation=CITATION,
        instances=averaged_and_discounted,
        run=run_floor,
        scales={
            "glance": Scale((0.05, 0.2), steps=2000, burn_in=0, replicates=2),
            "quick": Scale((0.05, 0.1, 0.2), steps=36_000, burn_in=0, replicates=3),
            "full": Scale((0.02, 0.05, 0.1, 0.2), steps=40_000, burn_in=0, replicates=6),
        },
        judge=judge_floor,
    ),
    Definition(
        name="constant-step/curves",
        title="Constant against falling steps in learning the Whittle index",
        citation=CITATION,
        instances=averaged_and_discounted,
        run=partial(run_errors, learners=_learners),
        scales={
            "glance": Scale((200, 1000), steps=1000, burn_in=0, replicates=2),
            "quick": Scale((300, 1000, 3000, 10_000), steps=10_000, burn_in=0, replicates=4),
            "full": Scale((300, 1000, 3000, 10_000, 30_000), steps=30_000, burn_in=0, replicates=8),
        },
        judge=judge_curves,
    ),
)

"""Variants of Q-learning at a fixed charge: how far the value is from the exact one after so many samples.

One arm pays a charge of 0.2 for every activation, discounted by 0.9. A generative model gives every rule the same number of
samples of each state and action, in synchronous sweeps (:func:`rmab.learn.charged_error`); phased Q-learning takes 20 of them
for each of its updates. Means and 95 % intervals are over seeds.

1. The abstract claims that phased Q-learning converges fastest. *Per sample* is judged at the end, against the best of the
   others. *Per update* compares its error after 100 updates, that is after 2,000 samples, with that of the others after 100
   (in the smallest run after 20).
2. That the speedy rules are faster than plain Q-learning with steps of 1 / k is the claim of their own papers.
3. Generalised speedy Q-learning runs with the largest weight that is safe for the arm, min(w*, 2 / (1 + discount)); at the
   published limit w* alone it diverges on some arms.

The abstract's claims about exploration have no meaning under a generative model; see faster-q/index. The body of the paper was
not available.

Reference: P. Kakarapalli, D. Kayande, R. Meshram, "Faster Q-learning algorithms for restless bandits", arXiv:2409.05908 (2024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rmab.learn.steps import Steps
from rmab.learn.tabular.charged_error import charged_error
from rmab.learn.tabular.generalised_speedy import GeneralisedSpeedy
from rmab.learn.tabular.phased import Phased
from rmab.learn.tabular.plain_sweeps import PlainSweeps
from rmab.learn.tabular.speedy import HARMONIC, Speedy
from rmab.learn.tabular.sweep_rule import SweepRule
from rmab.models.criterion import Discounted
from rmab.parallel import Progress, map_chunks
from rmab.studies.faster_q_arms import CITATION, Learned, discounted
from rmab.studies.learning_claims import better, curve, last
from rmab.studies.learning_rows import SampleRow, interval
from rmab.studies.study import Claim, Definition, Scale

CHARGE, EACH, UPDATES = 0.2, 20, 100
PHASED, SPEEDY, PLAIN = "phased, 20 samples", "speedy", "plain, 1 / k"
RULES: dict[str, SweepRule] = {
    PLAIN: PlainSweeps(HARMONIC),
    "plain, 0.1": PlainSweeps(Steps(0.1)),
    "plain, falling": PlainSweeps(),
    SPEEDY: Speedy(),
    "generalised speedy": GeneralisedSpeedy(),
    PHASED: Phased(EACH),
}


@dataclass(frozen=True, eq=False)
class Charged(Learned):
    """An arm that pays the charge for every activation."""

    @property
    def beginning(self) -> str:
        """The charge."""
        return f"charge {CHARGE:g}"


def instances() -> tuple[Charged, ...]:
    """The four arms."""
    return tuple(Charged(arm.name, arm.arms, arm.criterion, arm.acted) for arm in discounted())


def run(
    instances: Sequence[Learned], scale: Scale, *, entropy: int, threads: int | None = None, progress: Progress | None = None
) -> tuple[SampleRow, ...]:
    """The error of every rule on every arm after ``scale.sizes`` samples of each cell, of ``scale.steps`` in all."""
    cells = [(number, instance, name) for number, instance in enumerate(instances) for name in RULES]
    rows: list[SampleRow] = []
    for done, (number, instance, name) in enumerate(cells):
        work = partial(_errors, instance, RULES[name], scale, entropy, number)
        errors = np.array([error for part in map_chunks(work, scale.replicates, chunk=1, threads=threads) for error in part])
        rows += [SampleRow(instance.name, name, at, *interval(errors[:, i])) for i, at in enumerate(scale.sizes)]
        if progress is not None:
            progress(done + 1, len(cells))
    return tuple(rows)


def _errors(
    instance: Learned, rule: SweepRule, scale: Scale, entropy: int, number: int, first: int, last: int
) -> list[NDArray[np.float64]]:
    found = []
    for seed in range(first, last):
        random = np.random.SeedSequence(entropy, spawn_key=(number, seed))
        criterion = cast(Discounted, instance.criterion)
        run = charged_error(instance.arms, criterion, rule, charge=CHARGE, samples=scale.steps, rng=random)
        found.append(run.errors[np.searchsorted(run.samples, scale.sizes), 0])
    return found


def judge(instances: Mapping[str, Learned], rows: tuple[SampleRow, ...]) -> tuple[Claim, ...]:
    """Phased Q-learning per sample and per update, and the speedy rules against the plain one."""
    return (
        *(_per_sample(rows, name) for name in instances),
        *(_per_update(rows, name) for name in instances),
        *(_speedy(rows, name, rule) for rule in (SPEEDY, "generalised speedy") for name in instances),
    )


def _per_sample(rows: Sequence[SampleRow], name: str) -> Claim:
    best = min((last(rows, name, rule) for rule in RULES if rule != PHASED), key=lambda row: row.mean)
    statement = f"{name}: phased Q-learning has the smallest error after {best.at:g} samples of each cell (paper)"
    return better(statement, last(rows, name, PHASED), best, 0.0, lower=True)


def _per_update(rows: Sequence[SampleRow], name: str) -> Claim:
    places = {row.at for row in rows}
    at = max(at for at in places if at <= UPDATES and EACH * at in places)
    phased = next(row for row in curve(rows, name, PHASED) if row.at == EACH * at)
    others = [next(row for row in curve(rows, name, rule) if row.at == at) for rule in RULES if rule != PHASED]
    statement = f"{name}: phased Q-learning has the smallest error after {at:g} updates (paper, our other reading)"
    return better(statement, phased, min(others, key=lambda row: row.mean), 0.0, lower=True)


def _speedy(rows: Sequence[SampleRow], name: str, rule: str) -> Claim:
    statement = f"{name}: {rule} has a smaller error than plain Q-learning with steps of 1 / k (its own paper)"
    return better(statement, last(rows, name, rule), last(rows, name, PLAIN), 0.0, lower=True)


STUDY = Definition(
    name="faster-q/fixed-charge",
    title="Variants of Q-learning at a fixed charge",
    citation=CITATION,
    instances=instances,
    run=run,
    scales={
        "glance": Scale((20, 100, 400), steps=400, burn_in=0, replicates=3),
        "quick": Scale((20, 100, 400, 2000), steps=2000, burn_in=0, replicates=10),
        "full": Scale((20, 100, 500, 2000, 10_000), steps=10_000, burn_in=0, replicates=20),
    },
    judge=judge,
)

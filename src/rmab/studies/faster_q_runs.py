"""The run that the studies of index learning share: the error of the learned index after given numbers of periods.

Every learner is trained afresh for every number of periods that is looked at, on the same random numbers, so a shorter run is
the beginning of a longer one. The error is the largest over the states; means and 95 % intervals are over seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rmab.learn.learner import Learner
from rmab.learn.trainer import train
from rmab.parallel import Progress
from rmab.studies.faster_q_arms import Learned
from rmab.studies.learning_rows import PeriodRow, interval
from rmab.studies.study import Scale


def learned_index(
    instance: Learned, learner: Learner, *, steps: int, seeds: int, source: np.random.SeedSequence, threads: int | None
) -> NDArray[np.float64]:
    """What every seed has learned, shape ``(seeds, S)``."""
    problem = instance.problem()
    return train(learner, problem, steps=steps, seeds=seeds, rng=source, evaluation=None, threads=threads).index[:, 0]


def run_errors(
    instances: Sequence[Learned],
    scale: Scale,
    *,
    entropy: int,
    learners: Callable[[Learned], Mapping[str, Learner]],
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[PeriodRow, ...]:
    """Train the learners of each instance for each of the periods ``scale.sizes``, ``scale.replicates`` seeds each."""
    cells = [(number, instance, *named) for number, instance in enumerate(instances) for named in learners(instance).items()]
    rows: list[PeriodRow] = []
    for done, (number, instance, name, learner) in enumerate(cells):
        exact = instance.index()
        for at in scale.sizes:
            source = np.random.SeedSequence(entropy, spawn_key=(number,))
            found = learned_index(instance, learner, steps=at, seeds=scale.replicates, source=source, threads=threads)
            rows.append(PeriodRow(instance.name, name, at, *interval(np.abs(found - exact).max(axis=1))))
        if progress is not None:
            progress(done + 1, len(cells))
    return tuple(rows)

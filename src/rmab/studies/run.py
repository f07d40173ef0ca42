"""The run that all studies of policies share: every policy on every instance and size, on common random numbers.

Each policy is made anew for every problem. Different sizes use different random numbers, policies of one size the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from rmab.bound.result import Bound
from rmab.models.problem import Problem
from rmab.parallel import Progress
from rmab.policies.base import Policy
from rmab.simulation.outcome import Outcome
from rmab.simulation.run import simulate
from rmab.studies.rows import Row
from rmab.studies.study import Scale

AnyRow = TypeVar("AnyRow", bound=Row)


def run_policies(
    instances: Sequence[Any],
    scale: Scale,
    policies: Mapping[str, Callable[[Problem], Policy]],
    *,
    bound: Callable[[Problem], Bound],
    row: Callable[[str, str, Problem, Outcome, float], AnyRow],
    entropy: int,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[AnyRow, ...]:
    """Simulate the policies on every instance and size.

    Parameters
    ----------
    instances : sequence
        What is simulated: objects with a ``name`` and a method ``problem(size)``.
    scale : Scale
        How much.
    policies : mapping of str to callable
        How each policy is made for a problem, by name.
    bound : callable
        From a problem to the bound that its rewards are held against.
    row : callable
        From the names of instance and policy, the problem, the outcome and the bound per arm to a row.
    entropy : int
        Repeats the run.
    threads : int, optional
        As for :func:`rmab.simulate`.
    progress : callable, optional
        Called as ``progress(done, cells)`` after each instance, size and policy.

    Returns
    -------
    tuple of Row
        One per instance, size and policy, in this order.
    """
    cells = [(instance, size) for instance in instances for size in scale.sizes]
    rows: list[AnyRow] = []
    for number, (instance, size) in enumerate(cells):
        problem = instance.problem(size)
        line = bound(problem).value / problem.arms.n_arms
        for name, make in policies.items():
            outcome = simulate(
                problem,
                make(problem),
                steps=scale.steps,
                replicates=scale.replicates,
                burn_in=scale.burn_in,
                rng=np.random.SeedSequence(entropy, spawn_key=(number,)),
                engine="arms",
                threads=threads,
            )
            rows.append(row(instance.name, name, problem, outcome, line))
            if progress is not None:
                progress(len(rows), len(cells) * len(policies))
    return tuple(rows)


def series(rows: Sequence[AnyRow], instance: str, policy: str) -> list[AnyRow]:
    """The rows of one curve, by number of arms."""
    return sorted((row for row in rows if (row.instance, row.policy) == (instance, policy)), key=lambda row: row.n_arms)

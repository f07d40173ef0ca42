"""The counts engine: the number of arms of each type in each state is all that matters.

For priority rules only: they treat arms of one type and state alike. The law of rewards, activations and occupancies is that
of the per-arm engine; the cost per period does not depend on the number of arms.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.counts_engine import run_counts
from rmab.models.problem import Problem
from rmab.policies.base import PriorityRule
from rmab.simulation.engine import Record, Workers, empty_record, rule_tables
from rmab.simulation.streams import key

Rows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


class Census(NamedTuple):
    """The arrays of a problem that the counts kernel takes."""

    multiplicity: NDArray[np.int64]
    start_counts: NDArray[np.int64]
    start: Rows
    moves: Rows
    rewards: NDArray[np.float64]


def simulate_counts(
    problem: Problem, rule: PriorityRule, *, steps: int, replicates: int, number: int, workers: Workers
) -> Record:
    """Run a priority rule on counts; ``number`` is the entropy of the run.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[0, 1], [0, 1]], multiplicity=[3])
    >>> problem = Problem(arms, TopK(1), Average(), start=0)
    >>> rule = PriorityRule([[1.0, -1.0]])
    >>> simulate_counts(problem, rule, steps=4, replicates=1, number=0, workers=Workers()).reward
    array([[0., 1., 2., 3.]])
    """
    tables = rule_tables(rule, exactly=problem.budget.exactly)
    work = partial(_chunk, _census(problem), tables, problem.budget.k, steps, key(number))
    return workers.run(work, replicates)


def prefers_counts(problem: Problem) -> bool:
    """Whether counting is faster than following arms: five arms or more per nonzero transition probability.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[0, 1], [0, 1]], multiplicity=[20])
    >>> prefers_counts(Problem(arms, TopK(1), Average()))
    True
    """
    return problem.arms.n_arms >= 5 * int(np.count_nonzero(problem.arms.transitions))


def _chunk(census: Census, tables: Any, budget: int, steps: int, words: NDArray[np.uint64], first: int, last: int) -> Record:
    # counts follow no arms, so nothing is seen of what arms owe on their own
    record = empty_record(last - first, steps, (0, *census.rewards.shape))
    run_counts(first, words[0], words[1], *census, tables, budget, record.reward, record.acted, record.occupancy)
    return record


def _census(problem: Problem) -> Census:
    arms = problem.arms
    fixed = np.empty(0, dtype=np.int64)
    if problem.start_states is not None:
        cells = arms.type_of_arm * arms.n_states + problem.start_states
        fixed = np.bincount(cells, minlength=arms.n_types * arms.n_states)
    # the kernels are compiled for writable arrays only, hence the copies
    start, moves = _rows(problem.start_distribution), _rows(arms.transitions)
    return Census(arms.multiplicity.copy(), fixed, start, moves, arms.rewards.copy())


def _rows(rows: NDArray[np.float64]) -> Rows:
    """Sparse rows, likeliest state first: where each starts, the states, and each one's share of what is left."""
    flat = rows.reshape(-1, rows.shape[-1])
    target = np.argsort(-flat, axis=1, kind="stable")
    mass = np.take_along_axis(flat, target, axis=1)
    rest = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]
    kept = mass > 0
    pointer = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return pointer, target[kept], mass[kept] / rest[kept]

"""The greedy policy under a knapsack: fill the budget with what is worth most per unit of cost.

1. Sort the arms by index per unit of cost, ties at random.
2. Go down the list: act on an arm if its cost still fits, of every resource, else pass it over. Arms whose index is below the
   threshold are left alone.

Against the fractional knapsack at most one arm's worth is lost, so the loss per arm vanishes as the capacity grows. With
several resources the caller says what ranks, such as the worth of an activation over its cost at the ``prices`` of
:func:`rmab.fluid_bound`.

Reference: G. B. Dantzig, "Discrete-variable extremum problems", Operations Research 5 (1957). Cost: one sort of ``N`` numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.index.gain import GainIndex
from rmab.index.table import IndexTable
from rmab.models.budget import ROUNDING
from rmab.models.problem import Problem
from rmab.policies.base import PriorityRule, check_shape, checked_states


@dataclass(frozen=True, eq=False, init=False)
class KnapsackPolicy:
    """Act on the arms of highest index per unit of cost, as far as the capacity goes.

    Parameters
    ----------
    index : GainIndex or array_like, shape (K, S)
        A gain index, or the index per unit of cost of every type in every state.
    threshold : float
        Arms below are left alone.

    Raises
    ------
    ModelError
        If the index is not a table of numbers, or, once used, does not fit the problem.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import Knapsack
    >>> from rmab.models.criterion import Average
    >>> arms = Arms(np.full((2, 2, 2, 2), 0.5), np.zeros((2, 2, 2)), multiplicity=[2, 2])
    >>> problem = Problem(arms, Knapsack(4.0, [1.0, 2.5]), Average())
    >>> KnapsackPolicy([[0.5, 0.1], [0.4, -1.0]]).actions(problem, np.array([0, 1, 0, 1]))
    array([1, 0, 1, 0])
    """

    density: NDArray[np.float64]
    threshold: float

    def __init__(self, index: GainIndex | ArrayLike, *, threshold: float = 0.0) -> None:
        if isinstance(index, IndexTable):
            raise ModelError("a table of indices has no price per unit of cost; give gain_index(problem), or plain numbers")
        rule = PriorityRule(index.density if isinstance(index, GainIndex) else index, threshold)
        object.__setattr__(self, "density", rule.priority)
        object.__setattr__(self, "threshold", rule.threshold)

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm in one period, shape ``(N,)``: 1 for the chosen arms, else 0; ``rng`` breaks ties."""
        check_shape(problem, self.density, "index values")
        given, kind = checked_states(problem, states), problem.arms.type_of_arm
        worth = self.density[kind, given]
        order = np.lexsort((np.random.default_rng(rng).random(len(given)), -worth))
        chosen = np.zeros(len(given), dtype=np.int64)
        costs, room = problem.resource_costs[:, kind], problem.capacities * (1 + ROUNDING)
        chosen[_fill(order[worth[order] >= self.threshold], costs, room)] = 1
        return chosen


def _fill(order: NDArray[np.int64], cost: NDArray[np.float64], left: NDArray[np.float64]) -> NDArray[np.int64]:
    """The arms of ``order`` that fit one after the other, given costs (R, N) and room (R,), those that do not passed over."""
    taken = [order[:0]]
    while True:
        order = order[(cost[:, order] <= left[:, np.newaxis]).all(axis=0)]
        fits = int((np.cumsum(cost[:, order], axis=1) <= left[:, np.newaxis]).all(axis=0).sum())
        if fits == 0:
            return np.concatenate(taken)
        taken.append(order[:fits])
        left = left - cost[:, order[:fits]].sum(axis=1)
        order = order[fits:]

"""The Lagrange policy on a grid of charges: the charge is chosen by where the arms are now.

Q(l; s, a) is what action ``a`` is worth in state ``s`` to an arm that pays y(l) per unit of cost for everything it does, this
period included. In each period:

1. With V(l; s) = max_a Q(l; s, a), the relaxed problem from the present states is worth sum_i V(l; s_i) + y(l) k / (1 - beta).
   Take the charge at which this is least: where the next charge would save less than the budget it frees is worth,

       sum_i (V(l + 1; s_i) - V(l; s_i)) / (y(l + 1) - y(l)) >= - k / (1 - beta).

2. Choose the actions of largest sum_i Q(l; s_i, a_i) + y(l) c(a_i) within the budget (:mod:`rmab.policies.action_values`). The
   charge of this period is added back: the budget itself is what prices it.

The paper takes the first charge at which the inequality of 1 holds. That is the same where V is convex in the charge, as exact
values are; learned ones are only nearly so, and the minimum does not stop at the first dent.

Reference: J. A. Killian, A. Biswas, S. Shah, M. Tambe, "Q-learning Lagrange policies for multi-action restless bandits", KDD
(2021), arXiv:2106.12024, whose tables are used as they are, without 2's correction. Cost of a period: that of
:class:`rmab.ActionValuePolicy`, and O(N L).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.arrays import float_array
from rmab.models.criterion import Discounted
from rmab.models.problem import Problem
from rmab.policies.action_values import action_costs, best_actions, check_fits
from rmab.policies.base import checked_states


@dataclass(frozen=True, eq=False, init=False)
class ChargedValuePolicy:
    """Choose a charge by the present states, then the actions of largest value at it.

    Parameters
    ----------
    values : array_like, shape (K, A, S, L)
        Discounted value, a plain sum, of each action at each charge, the cost of this period subtracted.
    charges : array_like, shape (L,)
        Charges per unit of cost, rising.
    costs : array_like, shape (A,), optional
        What an action takes of the budget's ``k``: 0 for action 0, rising, at least 1 from action 1 on. Default 0, 1, 2, ...

    Raises
    ------
    ModelError
        If an array is not of this form, or, once used, does not fit the problem, the criterion is not discounted, or the budget
        must be used exactly and there is more than one way to act.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> still = np.broadcast_to(np.eye(2), (2, 2, 2))
    >>> problem = Problem(Arms(still, [[0, 0], [1, 2]], multiplicity=[4]), TopK(2), Discounted(0.5))
    >>> charges = np.array([0.0, 1.0, 2.0])
    >>> gain = np.maximum(np.array([[1.0], [2.0]]) - charges, 0.0)  # V = 2 gain; Q of acting = reward - charge + gain
    >>> values = np.stack([gain, np.array([[1.0], [2.0]]) - charges + gain])
    >>> policy = ChargedValuePolicy(values[np.newaxis], charges)
    >>> policy.charge(problem, np.array([0, 1, 0, 1])), policy.actions(problem, np.array([0, 1, 0, 1]))
    (1.0, array([0, 1, 0, 1]))
    """

    values: NDArray[np.float64]
    charges: NDArray[np.float64]
    costs: NDArray[np.float64]

    def __init__(self, values: ArrayLike, charges: ArrayLike, costs: ArrayLike | None = None) -> None:
        table, grid = float_array("action values", values), charge_grid(charges)
        if table.ndim != 4 or 0 in table.shape or table.shape[1] < 2 or table.shape[3] != len(grid):
            raise ModelError(f"action values must have shape (K, A, S, {len(grid)}), one for each charge, got {table.shape}")
        bad = np.argwhere(~np.isfinite(table))
        if len(bad):
            k, a, s, place = bad[0]
            raise ModelError(f"the value of type {k}, action {a}, state {s} at charge {place} is not finite")
        table.setflags(write=False)
        object.__setattr__(self, "values", table)
        object.__setattr__(self, "charges", grid)
        object.__setattr__(self, "costs", action_costs(costs, table.shape[1]))

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm in one period, shape ``(N,)``; ``rng`` says which arms of a cell get which action."""
        given = self._checked(problem, states)
        place = self._place(problem, given)
        unpriced = self.values[..., place] + self.charges[place] * self.costs[:, np.newaxis]
        return best_actions(problem, unpriced, self.costs, given, np.random.default_rng(rng))

    def charge(self, problem: Problem, states: NDArray[np.int64]) -> float:
        """The charge per unit of cost that is chosen when the arms are in ``states`` (N,)."""
        return float(self.charges[self._place(problem, self._checked(problem, states))])

    def _checked(self, problem: Problem, states: NDArray[np.int64]) -> NDArray[np.int64]:
        check_fits(problem, self.values.shape, self.costs, "action values")
        if not isinstance(problem.criterion, Discounted):
            raise ModelError(f"the charge is chosen by discounted values, not for {problem.criterion!r}; use ActionIndexPolicy")
        return checked_states(problem, states)

    def _place(self, problem: Problem, states: NDArray[np.int64]) -> int:
        assert isinstance(problem.criterion, Discounted)  # checked before
        best = self.values.max(axis=1)[problem.arms.type_of_arm, states].sum(axis=0)
        return int(np.argmin(best + self.charges * (problem.budget.k / (1.0 - problem.criterion.beta))))


def charge_grid(charges: ArrayLike) -> NDArray[np.float64]:
    """Charges (L,) as numbers; raises :class:`ModelError` unless they are finite and rise.

    Examples
    --------
    >>> charge_grid([0.0, 0.5, 2.0])
    array([0. , 0.5, 2. ])
    """
    grid = float_array("charges", charges)
    if grid.ndim != 1 or not len(grid) or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
        raise ModelError(f"charges must be finite numbers in a row, each above the last, got {charges!r}")
    grid.setflags(write=False)
    return grid

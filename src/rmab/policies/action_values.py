"""The knapsack of action values: spend the budget where the sum of what actions are worth is largest.

Let V_i(a) be what action ``a`` is worth for arm i in its present state, its cost c(a) *not* subtracted: the hard budget is what
prices this period, and subtracting the cost as well leaves budget unspent. In each period

    maximise sum_i V_i(a_i)   subject to   sum_i c(a_i) <= k,   c(0) = 0 < c(1) < c(2) < ...

which is a multiple-choice knapsack over the cells (type, state) with the arms in them.

1. Climb the concave hull of (cost, worth) of every cell in order of gain per cost until a climb does not fit.
2. Costs that are whole multiples of 1/100 or more: change the fewest arms around that point by dynamic programming, which is
   exact (:mod:`rmab._kernels.action_plan`), whatever the number of arms.
3. Other costs, or costs so large that the program has more than 2**25 places: go on climbing where it fits, and fill up. The
   sum falls short of the largest by at most the gain of one arm.

Arms of a cell get their actions at random. Which of several optima is taken is random between cells, but not uniform.

References: J. T. Hawkins, A Lagrangian decomposition approach to weakly coupled dynamic optimization problems, PhD thesis, MIT
(2003), for the policy; J. A. Killian, A. Biswas, S. Shah, M. Tambe, "Q-learning Lagrange policies for multi-action restless
bandits", KDD (2021), arXiv:2106.12024. Cost of a period: O(N log N), and O(C A D**3) for C cells and the largest cost D.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.action_plan import plan_by_gain, plan_by_index, plan_exactly
from rmab.errors import ModelError
from rmab.models.arrays import float_array
from rmab.models.problem import Problem, check_counted
from rmab.policies.base import checked_states

FINEST_UNIT = 100
WHOLE = 1e-9


@dataclass(frozen=True, eq=False, init=False)
class ActionValuePolicy:
    """Choose the actions whose values add up to most, costs within the budget.

    Parameters
    ----------
    values : array_like, shape (K, A, S)
        What each action is worth in each state of each type, its cost of this period not subtracted: rewards are maximised.
    costs : array_like, shape (A,), optional
        What an action takes of the budget's ``k``: 0 for action 0, rising, at least 1 from action 1 on. Default 0, 1, 2, ...

    Raises
    ------
    ModelError
        If values or costs are not of this form, or, once used, do not fit the problem, or the budget must be used exactly and
        there is more than one way to act.

    Notes
    -----
    As every action costs at least 1, no more than ``k`` arms are acted on, and :func:`rmab.lagrangian_bound` and
    :func:`rmab.simulate` apply; the bound does not know that some actions cost more, so it is loose.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> still = np.broadcast_to(np.eye(2), (3, 2, 2))
    >>> problem = Problem(Arms(still, np.zeros((3, 2)), multiplicity=[4]), TopK(3), Average())
    >>> policy = ActionValuePolicy([[[0.0, 0.0], [3.0, 1.0], [5.0, 4.5]]])
    >>> policy.actions(problem, np.array([1, 0, 1, 1])).sum(), policy.actions(problem, np.array([0, 0, 0, 0])).max()
    (np.int64(3), np.int64(1))
    """

    values: NDArray[np.float64]
    costs: NDArray[np.float64]

    def __init__(self, values: ArrayLike, costs: ArrayLike | None = None) -> None:
        table = float_array("action values", values)
        if table.ndim != 3 or 0 in table.shape or table.shape[1] < 2:
            raise ModelError(f"action values must have shape (K, A, S) with at least two actions, got {table.shape}")
        bad = np.argwhere(~np.isfinite(table))
        if len(bad):
            k, a, s = bad[0]
            raise ModelError(f"the value of type {k}, action {a}, state {s} is {table[k, a, s]}; values must be finite")
        table.setflags(write=False)
        object.__setattr__(self, "values", table)
        object.__setattr__(self, "costs", action_costs(costs, table.shape[1]))

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm in one period, shape ``(N,)``; ``rng`` says which arms of a cell get which action."""
        check_fits(problem, self.values.shape, self.costs, "action values")
        return best_actions(problem, self.values, self.costs, checked_states(problem, states), np.random.default_rng(rng))


def best_actions(
    problem: Problem,
    values: NDArray[np.float64],
    costs: NDArray[np.float64],
    states: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Actions (N,) of largest total of the ``values`` (K, A, S), at ``costs`` (A,) that fit the budget."""
    cells = Cells(problem, states, rng)
    worth = cells.rows(values)
    worth = worth - worth[:, :1]
    plan = np.empty(worth.shape, dtype=np.int64)
    units, room = in_units(costs, problem.budget.k)
    if problem.budget.exactly:
        plan_by_index(cells.counts, np.ascontiguousarray(worth[:, 1:]), costs, float(problem.budget.k), -np.inf, plan)
    elif units is not None:
        plan_exactly(cells.counts, worth, units, room, plan)
    else:
        plan_by_gain(cells.counts, worth, costs, float(problem.budget.k), plan)
    return cells.deal(plan)


class Cells:
    """The cells (type, state) in which there are arms, in random order.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> problem = Problem(Arms(np.ones((2, 1, 1)), np.zeros((2, 1)), multiplicity=[3]), TopK(1), Average())
    >>> cells = Cells(problem, np.zeros(3, dtype=np.int64), np.random.default_rng(0))
    >>> cells.counts, cells.deal(np.array([[1, 2]]))
    (array([3]), array([1, 1, 0]))
    """

    def __init__(self, problem: Problem, states: NDArray[np.int64], rng: np.random.Generator) -> None:
        arms = problem.arms
        cell = arms.type_of_arm * arms.n_states + states
        present, row, counts = np.unique(cell, return_inverse=True, return_counts=True)
        order = rng.permutation(len(present))
        self.present: NDArray[np.int64] = present[order]
        self.counts: NDArray[np.int64] = counts[order].astype(np.int64)
        self.arms: NDArray[np.int64] = np.lexsort((rng.random(len(cell)), np.argsort(order)[row]))

    def rows(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rows (C, A) that a ``table`` (K, A, S) has for these cells."""
        return np.ascontiguousarray(table.transpose(0, 2, 1).reshape(-1, table.shape[1])[self.present])

    def deal(self, plan: NDArray[np.int64]) -> NDArray[np.int64]:
        """Actions (N,) of the arms from how many of each cell get each action (C, A), at random within a cell."""
        dealt = np.empty(len(self.arms), dtype=np.int64)
        dealt[self.arms] = np.repeat(np.tile(np.arange(plan.shape[1]), len(plan)), plan.ravel())
        return dealt


def action_costs(costs: ArrayLike | None, n_actions: int) -> NDArray[np.float64]:
    """What each action takes of the budget, shape ``(A,)``: 0, 1, 2, ... unless given.

    Raises
    ------
    ModelError
        Unless there is one per action, 0 for action 0 and rising, all others at least 1.

    Examples
    --------
    >>> action_costs(None, 3)
    array([0., 1., 2.])
    """
    given = np.arange(n_actions, dtype=np.float64) if costs is None else float_array("costs of actions", costs)
    if given.shape != (n_actions,):
        raise ModelError(f"there must be {n_actions} costs, one per action, got shape {given.shape}")
    if given[0] != 0 or not np.isfinite(given).all():
        raise ModelError(f"costs of actions must be finite, and that of action 0 must be 0, got {given}")
    small = np.flatnonzero(given[1:] < 1)
    if len(small):
        raise ModelError(
            f"action {small[0] + 1} costs {given[small[0] + 1]:.6g}, but acting costs at least 1, so that a budget of k acts "
            "on at most k arms; state costs and budget in a smaller unit"
        )
    falls = np.flatnonzero(np.diff(given) <= 0)
    if len(falls):
        raise ModelError(
            f"action {falls[0] + 1} costs no more than action {falls[0]}; order actions by cost, each above the last"
        )
    given.setflags(write=False)
    return given


def in_units(costs: NDArray[np.float64], budget: float) -> tuple[NDArray[np.float64] | None, float]:
    """Costs and budget in the largest unit 1/n, n up to 100, of which all costs are whole multiples; ``None`` if there is none.

    Examples
    --------
    >>> in_units(np.array([0.0, 1.0, 2.5]), 7)
    (array([0., 2., 5.]), 14.0)
    """
    for n in range(1, FINEST_UNIT + 1):
        units = np.rint(costs * n)
        if np.abs(units - costs * n).max() <= WHOLE * n:
            return units, float(np.floor(budget * n + WHOLE))
    return None, float(budget)


def check_fits(problem: Problem, shape: tuple[int, ...], costs: NDArray[np.float64], name: str) -> None:
    """Raise :class:`ModelError` unless tables of ``shape`` (K, A, S, ...) and ``costs`` (A,) can be used for ``problem``."""
    check_counted(problem)
    arms = problem.arms
    expected = arms.n_types, arms.n_actions, arms.n_states
    if shape[:3] != expected:
        raise ModelError(f"the {name} have shape {shape}, but the problem needs (types, actions, states) = {expected}")
    check_exact(problem.budget.exactly, costs)


def check_exact(exactly: bool, costs: NDArray[np.float64]) -> None:
    """Raise :class:`ModelError` when a budget must be used ``exactly`` but activations do not count one each."""
    if exactly and (len(costs) > 2 or costs[1] != 1):
        raise ModelError(
            f"a budget that must be used exactly needs a single action of cost 1, but actions cost {costs}; use TopK(k)"
        )

"""The randomised LP policy: every arm does what a single arm of the relaxed problem would do, as far as the budget allows.

The linear program of :func:`rmab.fluid_bound` gives occupancies y[k, s, a], and with them a policy of a single arm of each
type,

    pi(1 | k, s) = y[k, s, 1] / (y[k, s, 0] + y[k, s, 1]),

which meets the budget on average. The policies of this folder that need no indexability all steer the arms by pi.

1. Where y[k, s, 0] + y[k, s, 1] = 0 the quotient says nothing. There pi takes the action that is optimal at the LP's price;
   among those that tie, one that leads back to the states that have occupancy, so that every arm gets there.
2. Each period, every arm draws its wish from pi.
3. If more arms wish to act than the budget allows, arms drawn at random among them wait. If the budget must be used exactly and
   fewer wish to act, arms drawn at random among the others act.

The wishes exceed the budget by O(sqrt(N)), so one period costs that much; but the arms that were turned away drift from the
relaxed optimum, and nothing leads them back: the policy is asymptotically optimal under conditions like those of a priority
policy, and a benchmark rather than a recommendation.

Reference: Y. Hong, Q. Xie, Y. Chen, W. Wang, Restless bandits with average reward: breaking the uniform global attractor
assumption, NeurIPS (2023), where it is the policy with random tie-breaking; for the program, D. Bertsimas, J. Nino-Mora,
Restless bandits, linear programming relaxations, and a primal-dual index heuristic, Operations Research 48 (2000).
Cost: one linear program when it is made; O(N) per period.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.bound.fluid import fluid_bound
from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.models.budget import Budget
from rmab.models.criterion import Horizon
from rmab.models.problem import Problem, check_counted, check_unpenalised
from rmab.policies.base import checked_states

EMPTY = 1e-7
TIE = 1e-9


class RandomisedLp:
    """Every arm draws its action from the single-arm policy of the LP; the budget is met by turning random arms around.

    Parameters
    ----------
    problem : Problem
        Two actions; discounted or average criterion. The program is solved here, once.

    Raises
    ------
    ModelError
        If the problem has a finite horizon or more than two actions.
    NotConverged
        If the program or its price cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> policy = RandomisedLp(Problem(arms, TopK(2), Average()))
    >>> policy.plan.act.round(4)
    array([[0.3, 0. ]])
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.plan = single_arm_plan(problem)

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm, shape ``(N,)``; periods are independent, so ``step`` does not matter.

        Raises
        ------
        ModelError
            If there is not one valid state per arm, or the policy was made for another problem.
        """
        check_same(problem, self.problem)
        rng = np.random.default_rng(rng)
        cells = self.plan.cells(checked_states(problem, states))
        wish = self.plan.wishes(cells, rng)
        return follow(wish, rng.permutation(len(wish)), problem.budget, self.plan.useful(cells))


@dataclass(frozen=True, eq=False)
class SingleArmPlan:
    """What a single arm of each type does in the relaxed optimum.

    Parameters
    ----------
    act : ndarray, shape (K, S)
        Probability of acting.
    occupancy : ndarray, shape (K, S)
        Share of periods in each state, weighted like the value; rows sum to 1.
    advantage : ndarray, shape (K, S)
        What acting is worth above waiting at the LP's price.
    price : float
        Charge per activation.
    type_of_arm : ndarray of int, shape (N,)
        Type of each arm.
    """

    act: NDArray[np.float64]
    occupancy: NDArray[np.float64]
    advantage: NDArray[np.float64]
    price: float
    type_of_arm: NDArray[np.int64]

    def cells(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number ``k * S + s`` of the cell of each arm, shape ``(N,)``."""
        return self.type_of_arm * self.act.shape[1] + states

    def wishes(self, cells: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
        """Whether each arm wishes to act, drawn from ``act``, given the cell of each arm, shape ``(N,)``."""
        return rng.random(len(cells)) < self.act.ravel()[cells]

    def useful(self, cells: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each arm, shape ``(N,)``, gains by acting free of charge, as it is while budget is left."""
        return ((self.price > TIE) & (self.advantage + self.price > TIE)).ravel()[cells]


def single_arm_plan(problem: Problem) -> SingleArmPlan:
    """The single-arm policy of the fluid LP, defined in every state.

    Parameters
    ----------
    problem : Problem
        Two actions; discounted or average criterion.

    Raises
    ------
    ModelError
        If the problem has a finite horizon or more than two actions.
    NotConverged
        If the program or its price cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [1, 0]]], [[0, 2], [1, 2]], multiplicity=[10])
    >>> plan = single_arm_plan(Problem(arms, TopK(5), Average()))
    >>> plan.act.round(9).tolist(), plan.occupancy.round(9).tolist()
    ([[1.0, 0.0]], [[0.5, 0.5]])
    """
    check_suited(problem)
    if isinstance(problem.criterion, Horizon):
        raise ModelError(
            f"a stationary policy does not fit {problem.criterion!r}; use HorizonLp(problem), which knows the time left"
        )
    bound, gain = fluid_bound(problem), gain_index(problem)
    assert bound.occupancy is not None  # a linear program always has it
    advantage = gain.values - gain.price
    mass = bound.occupancy.sum(axis=1)
    visited = mass > EMPTY
    share = np.where(visited, bound.occupancy[:, 1] / np.where(visited, mass, 1.0), 0.0)
    share = np.where(share < EMPTY, 0.0, np.where(share > 1 - EMPTY, 1.0, share))
    act = np.where(visited, share, _way_back(problem, visited, advantage))
    return SingleArmPlan(act, mass, advantage, gain.price, problem.arms.type_of_arm)


def _way_back(problem: Problem, visited: NDArray[np.bool_], advantage: NDArray[np.float64]) -> NDArray[np.float64]:
    """Actions (K, S) optimal at the price; where both are, the one that leads to visited states sooner."""
    best = np.where(advantage > 0, 1, 0)
    tied = np.abs(advantage) <= TIE * max(1.0, float(np.ptp(problem.arms.rewards)))
    allowed = np.stack([(best == 0) | tied, (best == 1) | tied], axis=1)
    towards, reached = problem.arms.transitions > 0, visited.copy()
    while True:
        leads = (towards & reached[:, np.newaxis, np.newaxis]).any(axis=3) & allowed
        found = leads.any(axis=1) & ~reached
        if not found.any():
            return best.astype(np.float64)
        best = np.where(found, np.where(leads[:, 1] & leads[:, 0], best, leads[:, 1]), best)
        reached |= found


def follow(
    wish: NDArray[np.bool_], order: NDArray[np.int64], budget: Budget, useful: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Grant the wishes of the arms in ``order`` for as long as the budget allows; the arms after that take what is left.

    Parameters
    ----------
    wish : ndarray of bool, shape (N,)
        Whether each arm wishes to act.
    order : ndarray of int, shape (N,)
        The arms, those whose wishes matter most first.
    budget : TopK
        Under "at most" no arm has to act.
    useful : ndarray of bool, shape (N,), optional
        Arms that may act without wishing to when an "at most" budget is left over, the last in ``order`` first; default none.

    Returns
    -------
    ndarray of int64, shape (N,)

    Examples
    --------
    >>> from rmab.models.budget import TopK
    >>> follow(np.array([True, False, True, True]), np.array([3, 2, 1, 0]), TopK(2))
    array([0, 0, 1, 1])
    >>> follow(np.array([False, False, True, False]), np.array([3, 2, 1, 0]), TopK(2, exactly=True))
    array([1, 0, 1, 0])
    """
    left = budget.k - int(np.count_nonzero(wish))
    if left == 0 or (left > 0 and not budget.exactly and useful is None):
        return wish.astype(np.int64)
    asked = wish[order]
    actions = np.empty(len(wish), dtype=np.int64)
    if left < 0:
        actions[order] = asked & (np.cumsum(asked) <= budget.k)
    else:
        extra = ~asked if budget.exactly or useful is None else ~asked & useful[order]
        actions[order] = asked | (extra & (np.cumsum(extra[::-1])[::-1] <= left))
    return actions


def pick(cells: NDArray[np.int64], quota: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The first ``quota[c]`` arms of every cell ``c`` in ``order``, as a mask of all arms.

    Parameters
    ----------
    cells : ndarray of int, shape (N,)
        Cell of each arm.
    quota : ndarray of int, shape (C,)
        How many arms of each cell.
    order : ndarray of int
        The arms to pick from, first choice first.

    Examples
    --------
    >>> pick(np.array([0, 1, 0, 1]), np.array([1, 2]), np.array([3, 2, 1, 0]))
    array([False,  True,  True,  True])
    """
    # numpy sorts 16-bit numbers by radix
    narrow = cells[order].astype(np.uint16) if len(quota) < 2**16 else cells[order]
    by_cell = order[np.argsort(narrow, kind="stable")]
    cell = cells[by_cell]
    size = np.bincount(cell, minlength=len(quota))
    rank = np.arange(len(order)) - (np.cumsum(size) - size)[cell]
    picked = np.zeros(len(cells), dtype=bool)
    picked[by_cell] = rank < quota[cell]
    return picked


def check_suited(problem: Problem) -> None:
    """Raise :class:`ModelError` unless arms have two actions and no penalties, and the budget counts activations."""
    check_counted(problem)
    check_unpenalised(problem, "let solve(problem) choose a policy")
    if problem.arms.n_actions != 2:
        raise ModelError(
            f"this policy needs two actions, these arms have {problem.arms.n_actions}; fluid_bound takes any number"
        )


def check_same(problem: Problem, own: Problem) -> None:
    """Raise :class:`ModelError` when a policy that was made for the problem ``own`` is used on another."""
    if problem is own:
        return
    if problem.arms is not own.arms or problem.budget != own.budget or problem.criterion != own.criterion:
        raise ModelError("this policy was made for other arms, another budget or criterion; make one for this problem")

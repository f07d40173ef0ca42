"""The finite-horizon LP policy: every period acts in the shares that the program over time planned for it.

The linear program of :func:`rmab.horizon_bound` plans, from the true start, how often an arm of each type is in each state
under each action in each period: y[t, k, s, a]. Arms of one cell (type and state) follow

    pi_t(1 | k, s) = y[t, k, s, 1] / (y[t, k, s, 0] + y[t, k, s, 1]).

1. In each cell the share pi_t of the arms that are there acts, rounded at random so that each mean is right and all cells
   together are off by less than one arm.
2. If that is more than the budget, the cells where acting is worth least above the period's price give way first. If it is
   less, the arms where acting is worth most come next: all of them until an exact budget is met, under "at most" only those
   where acting is worth something free of charge.
3. In a cell where the plan expects nobody, arms act if that is worth more than the period's price.

The plan is kept up to fluctuations of O(sqrt(N)) from the first period to the last, so the gap is O(1/sqrt(N)) per arm for any
arms: neither indexability nor an attractor matters over a finite horizon. The share of a cell acts, and not the cells one after
the other, so the plan is also kept where it has several neutral cells in one period.

References: W. Hu, P. I. Frazier, An asymptotically optimal index policy for finite-horizon restless bandits (2017);
D. B. Brown, J. E. Smith, Index policies and performance bounds for dynamic selection problems, Management Science 66 (2020);
X. Zhang, P. I. Frazier, Restless bandits with many arms: beating the central limit theorem (2021). Cost: one linear program of
T K S equations when it is made; O(N + K S log(K S)) per period.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab.bound.horizon import horizon_bound
from rmab.errors import ModelError
from rmab.models.budget import Budget
from rmab.models.criterion import Horizon
from rmab.models.problem import Problem, check_problem
from rmab.policies.base import checked_states
from rmab.policies.randomised_lp import EMPTY, check_same, check_suited, pick


class HorizonLp:
    """Act in the shares that the finite-horizon LP planned for the period.

    Parameters
    ----------
    problem : Problem
        Two actions; a finite horizon. The program is solved here, once.

    Raises
    ------
    ModelError
        If the problem has no horizon or more than two actions.
    NotConverged
        If the program cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[4])
    >>> problem = Problem(arms, TopK(2), Horizon(3), start=0)
    >>> HorizonLp(problem).actions(problem, np.array([0, 1, 1, 0]), step=0, rng=np.random.default_rng(0)).sum()
    np.int64(2)
    """

    def __init__(self, problem: Problem) -> None:
        check_problem(problem)
        check_suited(problem)
        if not isinstance(problem.criterion, Horizon):
            raise ModelError(f"HorizonLp needs a finite horizon, not {problem.criterion!r}; use LpUpdate(problem)")
        bound = horizon_bound(problem)
        assert bound.occupancy is not None  # a linear program always has it
        self.problem = problem
        self.worth = worth_of_acting(problem, bound.prices)
        self.advantage = self.worth - bound.prices[:, np.newaxis, np.newaxis]
        self.share = planned_shares(bound.occupancy, self.advantage)

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm, shape ``(N,)``, in period ``step``.

        Raises
        ------
        ModelError
            If there is not one valid state per arm, the policy was made for another problem, or the horizon is over.
        """
        check_same(problem, self.problem)
        if not 0 <= step < len(self.share):
            raise ModelError(f"period {step} is beyond the horizon of {len(self.share)} periods")
        given = checked_states(problem, states)
        return act_in_shares(
            problem, given, self.share[step], self.advantage[step], self.worth[step], np.random.default_rng(rng)
        )


def worth_of_acting(
    problem: Problem, prices: NDArray[np.float64], gamma: float = 1.0, end: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """What acting is worth above waiting, free of charge, when all later activations are paid for.

    Parameters
    ----------
    problem : Problem
        Gives the arms.
    prices : ndarray, shape (T,)
        Price of an activation in each period.
    gamma : float
        Discount per period.
    end : ndarray, shape (K, S), optional
        What being in each state is worth after the last period; default nothing.

    Returns
    -------
    ndarray, shape (T, K, S)

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> worth_of_acting(Problem(arms, TopK(2), Horizon(2)), np.zeros(2)).tolist()
    [[[1.0, 1.0]], [[0.0, 0.0]]]
    """
    arms, p = problem.arms, problem.arms.unit_rows
    worth = np.empty((len(prices), arms.n_types, arms.n_states))
    value = np.zeros(worth.shape[1:]) if end is None else end
    for t in range(len(prices) - 1, -1, -1):
        each = arms.rewards + gamma * np.einsum("kast,kt->kas", p, value)
        worth[t] = each[:, 1] - each[:, 0]
        value = each[:, 0] + np.maximum(worth[t] - prices[t], 0.0)
    return worth


def planned_shares(occupancy: NDArray[np.float64], advantage: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the arms in each cell that acts, shape (..., K, S).

    Parameters
    ----------
    occupancy : ndarray, shape (..., K, A, S)
        Of the program.
    advantage : ndarray, shape (..., K, S)
        Of acting, at the price; it decides where the plan expects nobody.

    Examples
    --------
    >>> planned_shares(np.array([[[0.3, 0.0], [0.1, 0.0]]]), np.array([[0.0, -1.0]]))
    array([[0.25, 0.  ]])
    """
    mass = occupancy.sum(axis=-2)
    expected = mass > EMPTY
    return np.where(expected, occupancy[..., 1, :] / np.where(expected, mass, 1.0), advantage > 0)


def act_in_shares(
    problem: Problem,
    states: NDArray[np.int64],
    share: NDArray[np.float64],
    advantage: NDArray[np.float64],
    worth: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Actions of all arms when ``share`` of every cell is to act, within the budget.

    Parameters
    ----------
    problem : Problem
        Gives the types and the budget.
    states : ndarray of int, shape (N,)
        State of each arm.
    share, advantage, worth : ndarray, shape (K, S)
        Share of each cell to act; what acting is worth above waiting at the price, and free of charge.
    rng : numpy.random.Generator
        Rounds the shares and picks arms within a cell.

    Returns
    -------
    ndarray of int64, shape (N,)

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.budget import TopK
    >>> arms = Arms(np.full((1, 2, 2, 2), 0.5), np.zeros((1, 2, 2)), multiplicity=[6])
    >>> share, worth = np.array([[0.5, 1.0]]), np.array([[1.0, 2.0]])
    >>> states, rng = np.array([0, 0, 0, 0, 1, 1]), np.random.default_rng(0)
    >>> acted = act_in_shares(Problem(arms, TopK(3), Average()), states, share, worth, worth, rng)
    >>> int(acted[:4].sum()), int(acted[4:].sum())  # half of four, and two, are one too many: the cheaper cell gives way
    (1, 2)
    """
    cells = problem.arms.type_of_arm * share.shape[1] + states
    counts = np.bincount(cells, minlength=share.size)
    total = np.cumsum(counts * share.ravel())
    quota = np.diff(np.floor(total + rng.random()), prepend=0.0).astype(np.int64)
    quota = _fit(np.minimum(quota, counts), counts, advantage.ravel(), worth.ravel(), problem.budget)
    return pick(cells, quota, rng.permutation(len(cells))).astype(np.int64)


def _fit(
    quota: NDArray[np.int64],
    counts: NDArray[np.int64],
    advantage: NDArray[np.float64],
    worth: NDArray[np.float64],
    budget: Budget,
) -> NDArray[np.int64]:
    """Lower the quotas (C,) of least advantage, or raise those of most, until they fit the budget."""
    left = budget.k - int(quota.sum())
    best = np.argsort(-advantage, kind="stable")
    if left < 0:
        worst = best[::-1]
        return quota - _portions(quota, worst, -left)
    idle = counts - quota if budget.exactly else np.where(worth > 0, counts - quota, 0)
    return quota + _portions(idle, best, left)


def _portions(available: NDArray[np.int64], order: NDArray[np.int64], amount: int) -> NDArray[np.int64]:
    """Take ``amount`` from ``available`` (C,), the first cells of ``order`` first."""
    before = np.cumsum(available[order]) - available[order]
    taken = np.empty_like(available)
    taken[order] = np.clip(amount - before, 0, available[order])
    return taken

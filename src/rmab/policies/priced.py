"""The priced index: what acting now is worth when every later activation costs its price in the relaxed problem.

Let V be the optimal value of one arm when each activation is charged the price that minimises the Lagrangian dual. The index is

    w(s) = r(1, s) - r(0, s) + beta * sum_t (P(t | s, 1) - P(t | s, 0)) V(t),

the gain of acting once free of charge; ``w(s) - price`` is the advantage of acting. It exists for every arm, indexable or
not. For a finite horizon there is one price, one V and one index per period, and the induction runs backwards from V = 0 at
the end.

1. Find the price (or the prices) by the Lagrangian bound.
2. Find the best response of every type at that price and read off its advantages.

References: J. T. Hawkins, A Lagrangian decomposition approach to weakly coupled dynamic optimization problems, PhD thesis, MIT
(2003); D. B. Brown and J. E. Smith, "Index policies and performance bounds for dynamic selection problems", Management Science
66 (2020). Cost: the bound, and one more best response; for a horizon O(T K S^2) after the bound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.dual import respond
from rmab.bound.horizon import horizon_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError, NotConverged
from rmab.models.criterion import Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.index import IndexPolicy


def priced_policy(problem: Problem) -> IndexPolicy:
    """The policy that acts where it is worth most at the price of the relaxed problem.

    Parameters
    ----------
    problem : Problem
        ``K`` types with two actions, any criterion.

    Returns
    -------
    IndexPolicy
        With ``values`` (K, S), in reward per activation and on the scale of the Whittle index; (T, K, S) for a horizon.

    Raises
    ------
    ModelError
        If the arms have more than two actions.
    NotConverged
        If the price cannot be found.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> priced_policy(Problem(arms, TopK(2), Discounted(0.5), start=0)).values
    array([[0.5, 0.5]])
    """
    if problem.arms.n_actions != 2:
        raise ModelError(f"the priced index needs two actions, these arms have {problem.arms.n_actions}")
    if isinstance(problem.criterion, Horizon):
        return IndexPolicy(_backwards(problem, horizon_bound(problem).prices))
    return IndexPolicy(_stationary(problem, lagrangian_bound(problem).price))


def _stationary(problem: Problem, price: float) -> NDArray[np.float64]:
    arms = problem.arms
    k, a, s = arms.rewards.shape
    beta = problem.criterion.beta if isinstance(problem.criterion, Discounted) else 1.0
    policy, line, anchor = np.zeros((k, s), dtype=np.int64), np.zeros((k, 2)), np.zeros((k, 2))
    advantage = np.zeros((k, a, s, 2))
    start = problem.start_distribution.copy()
    failed = respond(arms.unit_rows, arms.rewards.copy(), start, price, beta, policy, line, advantage, anchor)
    if failed >= 0:
        raise NotConverged(f"policy iteration of type {failed} at price {price:.6g} did not end")
    return advantage[:, 1, :, 0] - advantage[:, 0, :, 0] + price


def _backwards(problem: Problem, prices: NDArray[np.float64]) -> NDArray[np.float64]:
    arms = problem.arms
    index = np.empty((len(prices), arms.n_types, arms.n_states))
    value = np.zeros((arms.n_types, arms.n_states))
    for t in range(len(prices) - 1, -1, -1):
        worth = arms.rewards + np.einsum("kast,kt->kas", arms.transitions, value)
        index[t] = worth[:, 1] - worth[:, 0]
        value = worth[:, 0] + np.maximum(index[t] - prices[t], 0.0)
    return index

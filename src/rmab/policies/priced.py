"""The gain index for every criterion: what acting now is worth when every later activation costs its price.

Without a horizon it is the gain index (:mod:`rmab.index.gain`). Over a finite horizon there is one price per period, so the
value V of one arm and the index w change from period to period:

    w_t(s) = r(1, s) - r(0, s) + sum_j (P(j | s, 1) - P(j | s, 0)) V_{t+1}(j),
    V_t(s) = r(0, s) + sum_j P(j | s, 0) V_{t+1}(j) + max(w_t(s) - price_t, 0),      V_T = 0.

1. Find the prices by the finite-horizon bound.
2. Run the recursion backwards.

References: J. T. Hawkins, A Lagrangian decomposition approach to weakly coupled dynamic optimization problems, PhD thesis, MIT
(2003); D. B. Brown and J. E. Smith, "Index policies and performance bounds for dynamic selection problems", Management Science
66 (2020). Cost: O(T K S^2) after the bound.
"""

from __future__ import annotations

from rmab.bound.horizon import horizon_bound
from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.models.criterion import Horizon
from rmab.models.problem import Problem, check_counted, check_unpenalised
from rmab.policies.horizon_lp import worth_of_acting
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
        If the arms have more than two actions or the problem has penalties.
    NotConverged
        If the price cannot be found.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Discounted
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> priced_policy(Problem(arms, TopK(2), Discounted(0.5), start=0)).values
    array([[0.5, 0.5]])
    """
    check_unpenalised(problem, "let solve(problem) choose a policy")
    if problem.arms.n_actions != 2:
        raise ModelError(f"the gain index needs two actions, these arms have {problem.arms.n_actions}")
    if isinstance(problem.criterion, Horizon):
        check_counted(problem)
        return IndexPolicy(worth_of_acting(problem, horizon_bound(problem).prices))
    return IndexPolicy(gain_index(problem))

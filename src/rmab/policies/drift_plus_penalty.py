"""Drift plus penalty: arms queue what they owe, and the longest queues are served, weighed against reward.

Let g_j(s, a) be the excess of requirement j, cost less bound, whose mean must not be positive. Each arm keeps virtual queues,

    Z_j <- max(0, Z_j + g_j(s, a)),

and scores what acting changes now and in the next period, if nothing is done then:

    V dr(s) - sum_j Z_j dg_j(s),    df(s) = f(s, 1) - f(s, 0) + sum_t (P(t | s, 1) - P(t | s, 0)) f(t, 0).

1. Score every arm; without the look-ahead a reward or cost that depends on the state alone would never speak for acting.
2. Act on the arms of highest score; under "at most" leave negative ones alone.
3. Move the queues.

Path by path, the sum of g_j over T periods is at most Z_j(T): the requirement is kept as long as queues stay below o(T). Where
states are independent of actions and from period to period, queues are O(V) and the reward is within O(1/V) of the best. For
arms whose state depends on what is done nothing is proved: two periods are all it sees. The trade-off V must be tuned: a small
one keeps requirements at a high loss of reward, and about 100 times the scale of costs over that of rewards is near the best in
the published scenarios; the queues then take V times as long to settle.

Reference: M. J. Neely, Stochastic Network Optimization with Application to Communication and Queueing Systems (2010); M. J.
Neely, Dynamic optimization and learning for renewal systems, IEEE Transactions on Automatic Control 58 (2013). Cost: O(K S^2)
when it is made."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.models.criterion import Discounted
from rmab.models.problem import Problem
from rmab.policies.pow import check_penalised, check_same_penalties
from rmab.policies.rules import FeedbackRule
from rmab.policies.scored import ScoredPolicy


class DriftPlusPenalty(ScoredPolicy):
    """Serve the longest queues of unmet requirements, weighed against reward one period ahead.

    Parameters
    ----------
    problem : Problem
        Two actions, at least one penalty; any criterion. What happens in the next period is discounted as the problem does.
    trade_off : float
        Weight V of the reward, above 0, in units of penalty cost squared per reward.

    Attributes
    ----------
    gain : ndarray, shape (K, S)
        What acting adds to the reward, now and in the next period.
    excess : ndarray, shape (J, K, S)
        What acting adds to each requirement's excess.

    Raises
    ------
    ModelError
        If the problem has no penalties or more than two actions, or the trade-off is not a positive number.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.penalty import Penalty
    >>> channel = Arms([[[0.5, 0.5], [0.5, 0.5]]] * 2, [[0.0, 0.0], [0.2, 0.4]], multiplicity=[10])
    >>> often = Penalty(cost=[[0.0, 0.0], [-1.0, -1.0]], bound=-0.25)
    >>> policy = DriftPlusPenalty(Problem(channel, TopK(5), Average(), penalties=often))
    >>> policy.gain, policy.excess
    (array([[0.2, 0.4]]), array([[[-1., -1.]]]))
    """

    def __init__(self, problem: Problem, *, trade_off: float = 100.0) -> None:
        check_penalised(problem, "DriftPlusPenalty")
        if not _is_weight(trade_off):
            raise ModelError(f"the trade-off between reward and queues must be a number above 0, got {trade_off!r}")
        self.problem = problem
        self.trade_off = float(trade_off)
        self.gain: NDArray[np.float64] = _added(problem, problem.arms.rewards)
        self.excess: NDArray[np.float64] = np.stack([_added(problem, cost) for cost in problem.excess_costs])

    def rule(self, problem: Problem) -> FeedbackRule:
        """The queues as meters; the score is linear in them, so two grid points say it all.

        Raises
        ------
        ModelError
            If the policy was made for another problem.
        """
        check_same_penalties(problem, self.problem)
        n_queues, n_types, n_states = self.excess.shape
        corners = np.indices((2,) * n_queues, dtype=np.float64)
        gain = self.trade_off * self.gain.reshape(n_types, n_states, *(1,) * n_queues)
        table = gain - np.einsum("j...,jks->ks...", corners, self.excess)
        empty = np.zeros(n_queues)
        return FeedbackRule(
            np.tile([0.0, 1.0], (n_queues, 1)),
            table,
            self.problem.excess_costs,
            np.zeros((n_queues, n_types)),
            empty,
            np.full(n_queues, np.inf),
        )


def _added(problem: Problem, amount: NDArray[np.float64]) -> NDArray[np.float64]:
    """What acting adds to an amount (K, A, S) in this period and, discounted, in the next one if nothing is done then."""
    weight = problem.criterion.beta if isinstance(problem.criterion, Discounted) else 1.0
    p = problem.arms.unit_rows
    return amount[:, 1] - amount[:, 0] + weight * np.einsum("kst,kt->ks", p[:, 1] - p[:, 0], amount[:, 0])


def _is_weight(given: Any) -> bool:
    return isinstance(given, Real) and not isinstance(given, bool) and 0 < float(given) < np.inf

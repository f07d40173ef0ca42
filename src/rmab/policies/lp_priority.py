"""LP-priority: the priority order that the fluid LP itself suggests.

Let y[k, s, a] be the occupancies of :func:`rmab.fluid_bound`. They put every (type, state) in one of three classes:

1. *active*: it is visited and always acted on, y[k, s, 0] = 0;
2. *neutral*: it is visited and acted on at times;
3. *passive*: it is visited and never acted on.

States that are not visited go by the sign of what acting is worth above waiting at the LP's price: active if positive, passive
if negative, neutral if zero. Active arms come first, then neutral, then passive ones; within a class, by that advantage. The
advantage is never negative in an active state and never positive in a passive one, so the classes only decide its ties.

No indexability is needed: the order exists for every problem. Every such order is asymptotically optimal, and exponentially
fast, if the relaxed optimum is a global attractor of the dynamics that it causes and has exactly one neutral state. Otherwise
it may stay away from the bound for ever, whatever N; see :class:`VirtualAdvice` and :class:`IdPolicy`.

For a finite horizon there is one program over time and one table per period, the *fluid-priority* policy.

References: I. M. Verloop, Asymptotically optimal priority policies for indexable and nonindexable restless bandits, Annals of
Applied Probability 26 (2016); N. Gast, B. Gaujal, C. Yan, Linear program-based policies for restless bandits: necessary and
sufficient conditions for (exponentially fast) asymptotic optimality, Mathematics of Operations Research (2024); X. Zhang,
P. I. Frazier, Restless bandits with many arms: beating the central limit theorem (2021), for the horizon. Cost: one linear
program when it is made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab.bound.fluid import fluid_bound
from rmab.bound.result import HorizonBound
from rmab.index.gain import gain_index
from rmab.models.criterion import Horizon
from rmab.models.problem import Problem, check_problem
from rmab.policies.base import PriorityPolicy, PriorityRule
from rmab.policies.horizon_lp import worth_of_acting
from rmab.policies.randomised_lp import EMPTY, TIE, check_same, check_suited

PASSIVE, NEUTRAL, ACTIVE = 0, 1, 2


class LpPriority(PriorityPolicy):
    """Act first where the relaxed optimum always acts, then where it does at times, then elsewhere.

    Parameters
    ----------
    problem : Problem
        Two actions; any criterion. The program is solved here, once.

    Attributes
    ----------
    classes : ndarray of int, shape (K, S) or (T, K, S)
        0 passive, 1 neutral, 2 active.
    priority : ndarray, shape (K, S) or (T, K, S)
        Whole numbers, higher first. Under an "at most" budget arms with a negative one are left alone: there acting is worth
        less than nothing even free of charge.

    Raises
    ------
    ModelError
        If there are more than two actions.
    NotConverged
        If the program or its price cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> policy = LpPriority(Problem(arms, TopK(2), Average()))
    >>> policy.classes.tolist(), policy.priority.tolist()
    ([[1, 0]], [[1.0, 0.0]])
    """

    def __init__(self, problem: Problem) -> None:
        check_problem(problem)
        check_suited(problem)
        bound = fluid_bound(problem)
        assert bound.occupancy is not None  # a linear program always has it
        if isinstance(bound, HorizonBound):
            price, worth = bound.prices, worth_of_acting(problem, bound.prices)
        else:
            gain = gain_index(problem)
            price, worth = np.array([gain.price]), gain.values[np.newaxis]
        scale = TIE * max(1.0, float(np.ptp(problem.arms.rewards)))
        worth = np.rint(worth / scale) * scale
        occupancy = bound.occupancy.reshape(len(price), *problem.arms.rewards.shape)
        classes = _classes(occupancy, worth - price[:, np.newaxis, np.newaxis], scale)
        priority = np.array([_ranks(c, w) for c, w in zip(classes, worth, strict=True)])
        stationary = not isinstance(problem.criterion, Horizon)
        self.problem = problem
        self.classes: NDArray[np.int64] = classes[0] if stationary else classes
        self.priority: NDArray[np.float64] = priority[0] if stationary else priority

    def rule(self, problem: Problem) -> PriorityRule:
        """The order as a priority rule; raises :class:`ModelError` when the policy was made for another problem."""
        check_same(problem, self.problem)
        return PriorityRule(self.priority)


def _classes(occupancy: NDArray[np.float64], advantage: NDArray[np.float64], tie: float) -> NDArray[np.int64]:
    """Class of every cell (T, K, S), from occupancies (T, K, A, S) and advantages (T, K, S)."""
    waits, acts = occupancy[:, :, 0] > EMPTY, occupancy[:, :, 1] > EMPTY
    by_sign = NEUTRAL + np.where(np.abs(advantage) <= 2.0 * tie, 0, np.sign(advantage)).astype(np.int64)
    visited = np.where(acts & waits, NEUTRAL, np.where(acts, ACTIVE, PASSIVE))
    return np.where(acts | waits, visited, by_sign)


def _ranks(classes: NDArray[np.int64], worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks (K, S) by class, then by worth; those of passive cells whose worth is negative are below 0."""
    _, by_worth = np.unique(worth, return_inverse=True)
    order = classes * (worth.size + 1) + by_worth.reshape(worth.shape)
    rank = np.unique(order, return_inverse=True)[1].reshape(worth.shape).astype(np.float64)
    idle = (classes == PASSIVE) & (worth < 0)
    return rank - len(np.unique(order[idle]))

"""The constrained Lagrangian index: what acting is worth at the prices of the whole problem, mixing where the optimum mixes.

Let lambda be the price of an activation and mu[j, k] that of a unit of excess of an arm of type k, both multipliers of the
fluid program. A single arm that pays them has the value V and the advantage of acting

    W(s) = Q(s, 1) - Q(s, 0),    Q(s, a) = r(s, a) - lambda a - sum_j mu_j g_j(s, a) + beta sum_t P(t | s, a) V(t).

1. Solve the fluid program: prices, and occupancies x(s, a).
2. Find V by policy iteration at those prices: advantages as good as the prices, in states that the optimum never visits too.
3. Score an arm by W(s) + lambda, on the scale of the Whittle index: free of charge under "at most", worth acting from 0 on.
4. With J requirements each type mixes both actions in J states or so; there W = 0 and the program decides. Such an arm draws
   afresh every period: it ranks just above the price with probability x(s, 1) / (x(s, 0) + x(s, 1)), else just below, and
   types whose requirements are slack rank between the two: they take up the fluctuations of the budget at no cost. Where the
   optimum never visits a state of a tie, both are as likely, so that whichever action leads back is taken before long.

Nothing here needs indexability, and several penalties are no harder than one. An arm that is always granted what it wishes does
exactly what the relaxed optimum does; the wishes exceed the budget by O(sqrt(N)), so reward and requirements are met up to
O(1/sqrt(N)) per arm under conditions like those of any priority policy. It is bad with few arms (nothing looks at what
an arm has incurred), and it depends on all arms and the budget: any change asks for a new program.

References: J. T. Hawkins, A Lagrangian decomposition approach to weakly coupled dynamic optimization problems, PhD thesis, MIT
(2003); E. Altman, Constrained Markov Decision Processes (1999), for the number of states that mix. Cost: one linear program and
one policy iteration per type when it is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab.bound.fluid import fluid_bound
from rmab.index.price import Dual
from rmab.models.arms import Arms
from rmab.models.problem import Problem
from rmab.policies.pow import check_same_penalties, check_stationary
from rmab.policies.randomised_lp import EMPTY
from rmab.policies.rules import RandomisedRule
from rmab.policies.scored import ScoredPolicy

TIE = 1e-6
STEP = 1e-4


class ConstrainedLagrangian(ScoredPolicy):
    """Act where it is worth most at the fluid program's prices of activations and of every arm's requirements.

    Parameters
    ----------
    problem : Problem
        Two actions, at least one penalty; average or discounted criterion. The program is solved here, once.

    Attributes
    ----------
    bound : Bound
        The fluid bound, with its ``price`` and ``multipliers``.
    values : ndarray, shape (K, S)
        Advantage of acting, the charge of this activation not subtracted, in reward per activation.
    act : ndarray, shape (K, S)
        Probability of ranking above the price: 0 or 1 but where the optimum mixes.

    Raises
    ------
    ModelError
        If the problem has no penalties, a finite horizon or more than two actions.
    InfeasiblePenalty
        If no policy meets the penalties under the budget.
    NotConverged
        If the program cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.penalty import Penalty
    >>> channel = Arms([[[0.5, 0.5], [0.5, 0.5]]] * 2, [[0.0, 0.0], [0.2, 0.4]], multiplicity=[10])
    >>> seldom = Penalty(cost=[[0.0, 0.0], [1.0, 1.0]], bound=0.25)
    >>> policy = ConstrainedLagrangian(Problem(channel, TopK(8), Average(), penalties=seldom))
    >>> policy.values.round(6) + 0.0, policy.act.round(6)
    (array([[-0.2,  0. ]]), array([[0. , 0.5]]))
    """

    def __init__(self, problem: Problem) -> None:
        check_stationary(problem, "ConstrainedLagrangian")
        self.problem = problem
        self.bound = fluid_bound(problem)
        occupancy, multipliers = self.bound.occupancy, self.bound.multipliers
        assert occupancy is not None and multipliers is not None  # a linear program with penalties has both
        advantage, scale = _advantages(problem, self.bound.price, multipliers)
        mixing = (np.abs(advantage) <= TIE * scale) | (occupancy > EMPTY).all(axis=1)
        advantage = np.where(mixing, 0.0, advantage)
        self.values: NDArray[np.float64] = advantage + self.bound.price
        self.act: NDArray[np.float64] = np.where(mixing, _shares(occupancy), advantage > 0)
        # so small that no arm with an advantage of its own is passed
        nearest = np.abs(advantage[~mixing]).min(initial=np.inf)
        strict = (multipliers > TIE * scale).any(axis=0)
        self._step = min(STEP * scale, nearest / 2) * np.where(mixing, np.where(strict, 1.0, 0.5)[:, np.newaxis], 0.0)

    def rule(self, problem: Problem) -> RandomisedRule:
        """Two levels, just above and below the price, where the optimum mixes; else one.

        Raises
        ------
        ModelError
            If the policy was made for another problem.
        """
        check_same_penalties(problem, self.problem)
        levels = np.stack([self.values + self._step, self.values - self._step], axis=-1)
        return RandomisedRule(levels, np.stack([np.where(self._step > 0, self.act, 1.0), np.ones_like(self.act)], axis=-1))


def _advantages(problem: Problem, price: float, multipliers: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Advantage of acting (K, S) when activations and excess are paid for, and the size of what was summed."""
    arms = problem.arms
    rewards = arms.rewards - np.einsum("jk,jkas->kas", multipliers, problem.excess_costs)
    charged = Arms(arms.transitions, rewards, arms.multiplicity)
    alone = Problem(charged, problem.budget, problem.criterion, start=problem.start)
    scale = max(float(np.abs(rewards).max()), abs(price))
    return Dual(alone).beside(price, 0).advantage, scale


def _shares(occupancy: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often the optimum acts in each state, (K, S); one half where it never is."""
    mass = occupancy.sum(axis=1)
    visited = mass > EMPTY
    return np.where(visited, occupancy[:, 1] / np.where(visited, mass, 1.0), 0.5)

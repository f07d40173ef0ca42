"""Policies that any good policy should beat.

* :class:`Myopic` acts where the immediate gain of acting is highest.
* :class:`Uniform` acts on arms drawn uniformly at random.
* :class:`RoundRobin` acts on the arms in turn.
* :class:`NoAction` leaves every arm alone.

All of them use actions 0 and 1 only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.errors import InfeasibleBudget
from rmab.models.criterion import Discounted
from rmab.models.problem import Problem
from rmab.policies.base import PriorityPolicy, PriorityRule, checked_states


@dataclass(frozen=True)
class Myopic(PriorityPolicy):
    """Act where the immediate gain is highest.

    The priority is ``r(1, s) - r(0, s)``. When no reward of the problem depends on the action, that says nothing; the priority
    is then the gain one step ahead, ``w * sum_t (P(t | s, 1) - P(t | s, 0)) r(0, t)``, with ``w`` the discount factor, or 1 for
    the average and finite-horizon criteria. Under an "at most" budget arms with a negative gain are left alone.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> Myopic().rule(Problem(arms, TopK(1), Average())).priority
    array([[0.5, 0.4]])
    """

    def rule(self, problem: Problem) -> PriorityRule:
        """Immediate gains, or gains one step ahead, shape ``(K, S)``."""
        p, r = problem.arms.transitions, problem.arms.rewards
        gain = r[:, 1] - r[:, 0]
        if not gain.any():
            weight = problem.criterion.beta if isinstance(problem.criterion, Discounted) else 1.0
            gain = weight * np.einsum("kst,kt->ks", p[:, 1] - p[:, 0], r[:, 0])
        return PriorityRule(gain)


@dataclass(frozen=True)
class Uniform(PriorityPolicy):
    """Act on as many arms as the budget allows, drawn uniformly at random in every period.

    Examples
    --------
    >>> Uniform()
    Uniform()
    """

    def rule(self, problem: Problem) -> PriorityRule:
        """Every (type, state) has the same priority, so every arm is tied."""
        return PriorityRule(np.zeros((problem.arms.n_types, problem.arms.n_states)))


@dataclass(frozen=True)
class NoAction(PriorityPolicy):
    """Leave every arm alone.

    Examples
    --------
    >>> NoAction()
    NoAction()
    """

    def rule(self, problem: Problem) -> PriorityRule:
        """No (type, state) reaches the threshold; raises :class:`InfeasibleBudget` when actions are compulsory."""
        if problem.budget.exactly and problem.budget.k > 0:
            raise InfeasibleBudget(
                f"no action is not allowed when exactly {problem.budget.k} arms must be acted on; use TopK({problem.budget.k})"
            )
        return PriorityRule(np.full((problem.arms.n_types, problem.arms.n_states), -np.inf))


@dataclass(frozen=True)
class RoundRobin:
    """Act on the arms in the order of their numbers, going on each period where the last one ended.

    Period ``t`` acts on the ``k`` arms from number ``t * k`` (modulo ``N``) on: the position follows from the period, so the
    policy has no memory that could be lost.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[1.0]], [[1.0]]], [[0], [1]], multiplicity=[5])
    >>> RoundRobin().actions(Problem(arms, TopK(2), Average()), np.zeros(5, dtype=int), step=2)
    array([1, 0, 0, 0, 1])
    """

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm in period ``step``, shape ``(N,)``; ``states`` only gives the number of arms."""
        n, k = len(checked_states(problem, states)), problem.budget.k
        chosen = np.zeros(n, dtype=np.int64)
        chosen[(step * k + np.arange(k)) % n] = 1
        return chosen

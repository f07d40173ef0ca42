"""Policies that any good policy should beat.

* :class:`Myopic` acts where the immediate gain of acting is highest.
* :class:`Uniform` acts on arms drawn uniformly at random.
* :class:`RoundRobin` acts on the arms in turn.
* :class:`NoAction` leaves every arm alone.

All of them use actions 0 and 1 only. All of them also run where states are hidden (:class:`rmab.hidden.problem.HiddenProblem`):
they then go by beliefs, and leave alone the arms whose mode forbids acting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.errors import InfeasibleBudget
from rmab.hidden.problem import HiddenProblem
from rmab.models.budget import Budget
from rmab.models.criterion import Discounted
from rmab.models.problem import Problem
from rmab.policies.base import PriorityPolicy, PriorityRule, checked_states
from rmab.policies.belief import BeliefPolicy
from rmab.policies.belief_information import Information, available, check_information
from rmab.policies.belief_rules import LinearScore


class Baseline(PriorityPolicy, BeliefPolicy):
    """A policy that has a priority for every state, and a score for every belief where states are hidden.

    Examples
    --------
    >>> issubclass(Myopic, Baseline)
    True
    """

    def actions(
        self,
        problem: Problem | HiddenProblem,
        states: NDArray[np.int64] | Information,
        *,
        step: int = 0,
        rng: np.random.Generator | None = None,
    ) -> NDArray[np.int64]:
        """The action of each arm in one period, shape ``(N,)``: see :class:`PriorityPolicy` and :class:`BeliefPolicy`."""
        if isinstance(problem, HiddenProblem):
            return BeliefPolicy.actions(self, problem, states, step=step, rng=rng)  # type: ignore[arg-type]
        return PriorityPolicy.actions(self, problem, states, step=step, rng=rng)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Myopic(Baseline):
    """Act where the immediate gain is highest.

    The priority is ``r(1, s) - r(0, s)``. When no reward of the problem depends on the action, that says nothing; the priority
    is then the gain one step ahead, ``w * sum_t (P(t | s, 1) - P(t | s, 0)) r(0, t)``, with ``w`` the discount factor, or 1 for
    the average and finite-horizon criteria. Under an "at most" budget arms with a negative gain are left alone. Where states
    are hidden, the score is the mean of this gain under the belief.

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

    def belief_rule(self, problem: HiddenProblem) -> LinearScore:
        """Immediate gains, or gains one step ahead, for each type of shape ``(Y, S)``."""
        gains = [arm.rewards[1] - arm.rewards[0] for arm in problem.arms]
        if not any(gain.any() for gain in gains):
            weight = problem.criterion.beta if isinstance(problem.criterion, Discounted) else 1.0
            ahead = [np.einsum("ayxzst,xt->ays", arm.kernel, arm.rewards[0]) for arm in problem.arms]
            gains = [weight * (after[1] - after[0]) for after in ahead]
        return LinearScore(gains)


@dataclass(frozen=True)
class Uniform(Baseline):
    """Act on as many arms as the budget allows, drawn uniformly at random in every period.

    Examples
    --------
    >>> Uniform()
    Uniform()
    """

    def rule(self, problem: Problem) -> PriorityRule:
        """Every (type, state) has the same priority, so every arm is tied."""
        return PriorityRule(np.zeros((problem.arms.n_types, problem.arms.n_states)))

    def belief_rule(self, problem: HiddenProblem) -> LinearScore:
        """Every belief has the same score, so every arm is tied."""
        return _no_preference(problem, 0.0)


@dataclass(frozen=True)
class NoAction(Baseline):
    """Leave every arm alone.

    Examples
    --------
    >>> NoAction()
    NoAction()
    """

    def rule(self, problem: Problem) -> PriorityRule:
        """No (type, state) reaches the threshold; raises :class:`InfeasibleBudget` when actions are compulsory."""
        _check_voluntary(problem.budget)
        return PriorityRule(np.full((problem.arms.n_types, problem.arms.n_states), -np.inf))

    def belief_rule(self, problem: HiddenProblem) -> LinearScore:
        """No belief reaches the threshold; raises :class:`InfeasibleBudget` when actions are compulsory."""
        _check_voluntary(problem.budget)
        return _no_preference(problem, np.inf)


@dataclass(frozen=True)
class RoundRobin:
    """Act on the arms in the order of their numbers, going on each period where the last one ended.

    Period ``t`` acts on the ``k`` arms from number ``t * k`` (modulo ``N``) on: the position follows from the period, so the
    policy has no memory that could be lost. Where states are hidden, arms whose mode forbids acting are passed over.

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
        self,
        problem: Problem | HiddenProblem,
        states: NDArray[np.int64] | Information,
        *,
        step: int = 0,
        rng: np.random.Generator | None = None,
    ) -> NDArray[np.int64]:
        """The action of each arm in period ``step``, shape ``(N,)``; ``states`` only says which arms there are to act on."""
        free = _free_arms(problem, states)
        n, k = len(free), problem.budget.k
        order = (step * k + np.arange(n)) % n
        chosen = np.zeros(n, dtype=np.int64)
        chosen[order[free[order]][:k]] = 1
        return chosen


def _free_arms(problem: Problem | HiddenProblem, states: NDArray[np.int64] | Information) -> NDArray[np.bool_]:
    """Whether each arm may be acted on, shape ``(N,)``."""
    if not isinstance(problem, HiddenProblem):
        return np.ones(len(checked_states(problem, states)), dtype=np.bool_)
    check_information(problem, states)  # type: ignore[arg-type]
    return available(problem, states.modes)  # type: ignore[union-attr]


def _no_preference(problem: HiddenProblem, threshold: float) -> LinearScore:
    return LinearScore([np.zeros((arm.n_modes, arm.n_states)) for arm in problem.arms], threshold)


def _check_voluntary(budget: Budget) -> None:
    if budget.exactly and budget.k > 0:
        raise InfeasibleBudget(f"no action is not allowed when exactly {budget.k} arms must be acted on; use TopK({budget.k})")

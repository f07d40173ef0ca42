"""Policies for arms whose states are hidden, and how their scores become actions.

Of each arm its mode and its belief, the law of its hidden state at the start of the period, are known
(:mod:`rmab.policies.belief_information`). A rule gives every arm a score (:mod:`rmab.policies.belief_rules`).

In each period the arms of highest score whose mode allows acting are acted on, as many as the budget allows; arms below a
threshold are left alone unless the budget must be used exactly, and then all that may be acted on are when they are too few.
Arms of equal score at the cut are chosen uniformly at random among themselves. Only the actions 0 and 1 are used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.hidden.problem import HiddenProblem, check_hidden_problem
from rmab.policies.base import highest
from rmab.policies.belief_information import Information, available, check_information
from rmab.policies.belief_rules import BeliefRule


class HiddenPolicy(Protocol):
    """What is known to actions under the budget: all that :func:`rmab.simulate` asks where states are hidden."""

    def actions(
        self, problem: HiddenProblem, information: Information, *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm, shape ``(N,)``, given what is known of the arms in period ``step``."""
        ...


class BeliefPolicy(ABC):
    """A policy that is a rule on beliefs for each problem; the engine for hidden states runs it at full speed.

    Examples
    --------
    >>> from rmab.policies.belief_rules import LinearScore
    >>> class LikelyGood(BeliefPolicy):
    ...     def belief_rule(self, problem):
    ...         return LinearScore([[[0.0, 1.0]] for _ in problem.arms])
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = HiddenArms([np.eye(2)] * 2, [[0, 0], [0, 1]], [np.eye(2)] * 2)
    >>> problem = HiddenProblem(arms, TopK(1), Average(), multiplicity=[3])
    >>> seen = Information(np.zeros(3, dtype=int), np.array([[0.5, 0.5], [0.2, 0.8], [1.0, 0.0]]))
    >>> LikelyGood().actions(problem, seen)
    array([0, 1, 0])
    """

    _known: tuple[Any, Any] = (None, None)

    @abstractmethod
    def belief_rule(self, problem: HiddenProblem) -> BeliefRule:
        """The rule of this policy for ``problem``; raises :class:`ModelError` when it does not fit."""

    def actions(
        self, problem: HiddenProblem, information: Information, *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm in one period: 1 for the chosen arms, else 0.

        Parameters
        ----------
        problem : HiddenProblem
            Gives the types of the arms and the budget.
        information : Information
            Anything with ``modes``, shape ``(N,)``, and ``beliefs``, shape ``(N, S)``.
        step : int
            Number of the period; a rule on beliefs does not depend on it.
        rng : numpy.random.Generator, optional
            Breaks ties at the cut; default a fresh one.

        Returns
        -------
        ndarray of int64, shape (N,)

        Raises
        ------
        ModelError
            If there is not one mode and one belief per arm.
        """
        known, rule = self._known
        if known is not problem:
            rule = checked_belief_rule(problem, self)
            # policies may be frozen dataclasses
            object.__setattr__(self, "_known", (problem, rule))
        check_information(problem, information)
        return highest_available(problem, information, rule.score(problem, information), rule.threshold, rng)


def checked_belief_rule(problem: HiddenProblem, policy: BeliefPolicy) -> BeliefRule:
    """The rule of ``policy``; raises :class:`ModelError` unless it is one, and fits the ``problem``."""
    check_hidden_problem(problem)
    rule = policy.belief_rule(problem)
    if not isinstance(rule, BeliefRule):
        raise ModelError(f"the rule of {policy!r} must be a LinearScore or a TableScore, got {type(rule).__name__}")
    rule.check(problem)
    return rule


def highest_available(
    problem: HiddenProblem,
    information: Information,
    score: NDArray[np.float64],
    threshold: float,
    rng: np.random.Generator | None,
) -> NDArray[np.int64]:
    """1 for the arms of highest ``score`` (N,) among those that may be acted on, as many as the budget allows, else 0."""
    free = np.flatnonzero(available(problem, information.modes))
    chosen = np.zeros(problem.n_arms, dtype=np.int64)
    chosen[free] = highest(problem.budget, score[free], threshold, np.random.default_rng(rng))
    return chosen

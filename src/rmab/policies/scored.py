"""Policies that score every arm afresh in each period, by a rule with luck or with meters (:mod:`rmab.policies.rules`).

1. Score every arm.
2. Act on the arms of highest score, as many as the budget allows; under "at most" leave those below the threshold alone. Arms
   that tie at the cut are chosen uniformly at random among themselves.
3. Move the meters, by the state before the arm moves.

The per-arm engine runs this in a compiled kernel (:mod:`rmab._kernels.scored_engine`); ``actions`` here is the same law, one
period at a time. Meters start afresh at step 0; a policy with meters that is asked for anything but the next period, or shown
states that cannot follow the last ones, raises. Cost per period: N scores, and a sort that the kernel avoids.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.models.problem import Problem, check_counted
from rmab.policies.advice import Memory
from rmab.policies.base import checked_states, highest
from rmab.policies.rules import RandomisedRule, ScoredRule


@dataclass(frozen=True, eq=False)
class Notes:
    """What ``actions`` keeps between periods: rule and problem, the meters (J, N), and the last states and actions."""

    problem: Problem | None
    rule: ScoredRule | None
    meters: NDArray[np.float64]
    memory: Memory


class ScoredPolicy(ABC):
    """A policy that is a randomised rule or a feedback rule for each problem; the per-arm engine runs it at full speed.

    Examples
    --------
    >>> class Coin(ScoredPolicy):
    ...     def rule(self, problem):
    ...         one = np.ones((problem.arms.n_types, problem.arms.n_states, 1))
    ...         return RandomisedRule(np.concatenate([one, -one], axis=2), np.concatenate([one / 2, one], axis=2))
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> problem = Problem(Arms([[[1.0]], [[1.0]]], [[0], [1]], multiplicity=[8]), TopK(8), Average())
    >>> Coin().actions(problem, np.zeros(8, dtype=int), rng=np.random.default_rng(1)).sum()
    np.int64(4)
    """

    _notes = Notes(None, None, np.empty((0, 0)), Memory.blank())

    @abstractmethod
    def rule(self, problem: Problem) -> ScoredRule:
        """The rule of this policy for ``problem``; raises :class:`ModelError` when it does not fit."""

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm in one period: 1 for the chosen arms, else 0.

        Parameters
        ----------
        problem : Problem
            Gives the types of the arms and the budget.
        states : ndarray of int, shape (N,)
            State of each arm.
        step : int
            Number of the period. Policies with meters must be asked for every period in order, from 0.
        rng : numpy.random.Generator, optional
            Draws the luck and breaks ties at the cut; default a fresh one.

        Returns
        -------
        ndarray of int64, shape (N,)

        Raises
        ------
        ModelError
            If there is not one valid state per arm, the rule does not fit the problem, or, with meters, ``step`` or ``states``
            do not follow those of the last call.
        """
        rng, given = np.random.default_rng(rng), checked_states(problem, states)
        kind = problem.arms.type_of_arm
        if self._notes.problem is not problem:
            self._keep(Notes(problem, checked_rule(problem, self), np.empty((0, 0)), Memory.blank()))
        rule = self._notes.rule
        if isinstance(rule, RandomisedRule):
            return highest(problem.budget, rule.score(kind, given, 1.0 - rng.random(len(given))), rule.threshold, rng)
        assert rule is not None
        self._notes.memory.check(problem, given, step)
        meters = rule.start[:, kind] if step == 0 else self._notes.meters
        actions = highest(problem.budget, rule.score(kind, given, meters), rule.threshold, rng)
        self._keep(Notes(problem, rule, rule.moved(kind, given, actions, meters), Memory(step, given, actions)))
        return actions

    def _keep(self, notes: Notes) -> None:
        # policies may be frozen dataclasses
        object.__setattr__(self, "_notes", notes)


def checked_rule(problem: Problem, policy: ScoredPolicy) -> ScoredRule:
    """The rule of ``policy``; raises :class:`ModelError` unless it is one, and fits a problem that counts activations."""
    check_counted(problem)
    rule = policy.rule(problem)
    if not isinstance(rule, ScoredRule):
        raise ModelError(f"the rule of {policy!r} must be a RandomisedRule or a FeedbackRule, got {type(rule).__name__}")
    rule.check(problem)
    return rule

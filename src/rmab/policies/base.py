"""What a policy is, and the priority rule that the fast engines understand.

A *priority rule* gives every (type, state) pair a number. In each period the arms with the highest priorities are acted on, as
many as the budget allows; arms below a threshold are left alone unless the budget must be used exactly. Arms of equal priority
at the cut are chosen uniformly at random among themselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.budget import Budget
from rmab.models.problem import Problem


@runtime_checkable
class Policy(Protocol):
    """States to actions under the budget: all that :func:`rmab.simulate` asks of a policy.

    Subclassing is not needed: any object with this method is a policy.

    Examples
    --------
    >>> class FirstArms:
    ...     def actions(self, problem, states, *, step=0, rng=None):
    ...         return (np.arange(len(states)) < problem.budget.k).astype(np.int64)
    >>> isinstance(FirstArms(), Policy)
    True
    """

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm, shape ``(N,)``, given the state of each arm, shape ``(N,)``, in period ``step``."""
        ...


@dataclass(frozen=True, eq=False)
class PriorityRule:
    """Act on the arms of highest priority.

    Parameters
    ----------
    priority : array_like, shape (K, S) or (T, K, S)
        Higher is acted on first; may hold infinities, never NaN. With a leading axis there is one table per period, and the
        last one holds for all later periods.
    threshold : float
        Arms of lower priority are left alone when the budget is "at most"; ``-inf`` always uses the whole budget.

    Raises
    ------
    ModelError
        If the priorities are not a table of numbers.

    Examples
    --------
    >>> rule = PriorityRule([[0.5, 2.0], [0.5, -1.0]])
    >>> rule.ranks()
    array([[[1, 0],
            [1, 2]]])
    >>> rule.eligible(exactly=False)
    array([2])
    """

    priority: NDArray[np.float64]
    threshold: float

    def __init__(self, priority: ArrayLike, threshold: float = 0.0) -> None:
        try:
            table, threshold = np.array(priority, dtype=np.float64), float(threshold)
        except (TypeError, ValueError) as error:
            raise ModelError(f"priorities must be a table of numbers, and the threshold a number: {error}") from None
        if table.ndim not in (2, 3) or 0 in table.shape:
            raise ModelError(f"priorities must have shape (K, S) or (T, K, S), got {table.shape}")
        missing = np.argwhere(np.isnan(table))
        if len(missing):
            raise ModelError(f"the priority of type {missing[0][-2]}, state {missing[0][-1]} is not a number")
        if np.isnan(threshold):
            raise ModelError("the threshold is not a number")
        table.setflags(write=False)
        object.__setattr__(self, "priority", table)
        object.__setattr__(self, "threshold", float(threshold))

    @property
    def tables(self) -> NDArray[np.float64]:
        """The priorities with one table per period, shape ``(T, K, S)``; a rule that never changes has a single one."""
        return self.priority if self.priority.ndim == 3 else self.priority[np.newaxis]

    def at(self, step: int) -> NDArray[np.float64]:
        """The priorities of period ``step``, shape ``(K, S)``."""
        return self.tables[min(step, len(self.tables) - 1)]

    def ranks(self) -> NDArray[np.int64]:
        """Rank of each (type, state), 0 the best, equal priorities sharing one; shape ``(T, K, S)``."""
        ranked = [np.unique(-table, return_inverse=True)[1].reshape(table.shape) for table in self.tables]
        return np.array(ranked, dtype=np.int64)

    def eligible(self, *, exactly: bool) -> NDArray[np.int64]:
        """How many of the best ranks may be acted on, shape ``(T,)``: all when the budget must be used exactly."""
        levels = [np.unique(table) for table in self.tables]
        return np.array([len(level) if exactly else (level >= self.threshold).sum() for level in levels], dtype=np.int64)


class PriorityPolicy(ABC):
    """A policy that is a priority rule for each problem; both engines run it at full speed."""

    @abstractmethod
    def rule(self, problem: Problem) -> PriorityRule:
        """The priority rule of this policy for ``problem``; raises :class:`ModelError` when it does not fit."""

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
            Number of the period; it matters to rules with one table per period.
        rng : numpy.random.Generator, optional
            Breaks ties at the cut; default a fresh one.

        Returns
        -------
        ndarray of int64, shape (N,)

        Raises
        ------
        ModelError
            If there is not one valid state per arm.
        """
        return top_arms(problem, self.rule(problem), states, step, np.random.default_rng(rng))


def top_arms(problem: Problem, rule: PriorityRule, states: ArrayLike, step: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Actions of a priority rule for the given states in period ``step``, shape ``(N,)``.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[0, 1], [0, 1]], multiplicity=[3])
    >>> problem = Problem(arms, TopK(1), Average())
    >>> top_arms(problem, PriorityRule([[1.0, 2.0]]), [0, 1, 0], 0, np.random.default_rng(0))
    array([0, 1, 0])
    """
    given = checked_states(problem, states)
    check_shape(problem, rule.priority, "priorities")
    return highest(problem.budget, rule.at(step)[problem.arms.type_of_arm, given], rule.threshold, rng)


def highest(budget: Budget, score: NDArray[np.float64], threshold: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """1 for the arms of highest ``score`` (N,), as many as the ``budget`` allows, else 0; ties at the cut are uniform.

    Examples
    --------
    >>> from rmab.models.budget import TopK
    >>> highest(TopK(2), np.array([0.5, -1.0, 2.0, 1.0]), 0.0, np.random.default_rng(0))
    array([0, 0, 1, 1])
    >>> highest(TopK(2), np.array([0.5, -1.0, -2.0]), 0.0, np.random.default_rng(0))
    array([1, 0, 0])
    """
    best = np.lexsort((rng.random(len(score)), -score))[: budget.k]
    if not budget.exactly:
        best = best[score[best] >= threshold]
    chosen = np.zeros(len(score), dtype=np.int64)
    chosen[best] = 1
    return chosen


def checked_states(problem: Problem, states: ArrayLike) -> NDArray[np.int64]:
    """The states as integers, shape ``(N,)``; raises :class:`ModelError` naming the first bad arm."""
    given = np.asarray(states)
    arms = problem.arms
    if given.shape != (arms.n_arms,) or given.dtype.kind not in "iu":
        raise ModelError(f"states must be {arms.n_arms} whole numbers, one per arm, got shape {given.shape}, {given.dtype}")
    outside = np.flatnonzero((given < 0) | (given >= arms.n_states))
    if len(outside):
        raise ModelError(f"arm {outside[0]} is in state {given[outside[0]]}, but states run from 0 to {arms.n_states - 1}")
    return given.astype(np.int64)


def check_shape(problem: Problem, table: NDArray[np.float64], name: str) -> None:
    """Raise :class:`ModelError` unless ``table``, or each of several, has one number per type and state of the problem."""
    expected = (problem.arms.n_types, problem.arms.n_states)
    if table.shape[-2:] != expected:
        raise ModelError(f"the {name} have shape {table.shape}, but the problem needs (types, states) = {expected}")

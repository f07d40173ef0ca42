"""A problem: arms, what may be done to them each period, what is maximised, and where they start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import Budget, Knapsack, TopK
from rmab.models.criterion import Average, Criterion, Discounted, Horizon
from rmab.models.penalty import Penalty, excess_costs, listed

MOST_LISTED_ARMS = 10**9


@dataclass(frozen=True, eq=False)
class Problem:
    """Arms under a budget.

    Parameters
    ----------
    arms : Arms
        ``K`` types, ``N`` arms.
    budget : TopK or Knapsack
        What may be done in one period.
    criterion : Discounted, Average or Horizon
        What is maximised.
    penalties : Penalty or iterable of Penalty, optional
        What each arm owes on its own, ``J`` requirements.
    start : int, array_like of int with shape (N,), array_like of float with shape (S,) or (K, S), optional
        Where the arms are at the start: one state for all, the state of each arm (numbered type by type), or a
        distribution from which each arm's state is drawn on its own. Default: uniform over the states.

    Raises
    ------
    ModelError
        If a part is of the wrong kind, or the start or a penalty does not fit the arms.
    InfeasibleBudget
        If the budget is above the number of arms.

    Examples
    --------
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]], multiplicity=[100])
    >>> problem = Problem(arms, budget=TopK(20), criterion=Average(), start=0)
    >>> problem.start_distribution
    array([[1., 0.]])
    """

    arms: Arms
    budget: Budget
    criterion: Criterion
    penalties: Penalty | tuple[Penalty, ...] | None
    start: NDArray[np.int64] | NDArray[np.float64]

    def __init__(
        self,
        arms: Arms,
        budget: Budget,
        criterion: Criterion,
        penalties: Penalty | Iterable[Penalty] | None = None,
        start: ArrayLike | None = None,
    ) -> None:
        if not isinstance(arms, Arms):
            raise ModelError(f"arms must be an Arms, got {type(arms).__name__}")
        if not isinstance(budget, TopK | Knapsack):
            raise ModelError(f"the budget must be a TopK, got {budget!r}; write TopK({budget!r})")
        if not isinstance(criterion, Discounted | Average | Horizon):
            raise ModelError(f"the criterion must be Discounted(beta), Average() or Horizon(T), got {criterion!r}")
        given = listed(penalties)
        for penalty in given:
            penalty.check(arms)
        budget.check(arms.n_types if isinstance(budget, Knapsack) else arms.n_arms)
        object.__setattr__(self, "arms", arms)
        object.__setattr__(self, "budget", budget)
        object.__setattr__(self, "criterion", criterion)
        object.__setattr__(self, "penalties", penalties if isinstance(penalties, Penalty) else given or None)
        object.__setattr__(self, "start", _start(arms, start))

    @property
    def costs(self) -> NDArray[np.float64]:
        """What one activation of an arm of each type takes of the budget, shape ``(K,)``: ones unless it is a knapsack.

        Raises :class:`ModelError` when the knapsack has several resources, as ``capacity`` does.
        """
        self._check_single()
        return self.resource_costs[0]

    @property
    def capacity(self) -> float:
        """What the activations of one period may take together."""
        self._check_single()
        return float(self.capacities[0])

    @property
    def resource_costs(self) -> NDArray[np.float64]:
        """What one activation of each type takes of each resource, shape ``(R, K)``; ones unless the budget is a knapsack."""
        return np.array(self.budget.cost_rows) if isinstance(self.budget, Knapsack) else np.ones((1, self.arms.n_types))

    @property
    def capacities(self) -> NDArray[np.float64]:
        """What the activations of one period may take of each resource, shape ``(R,)``."""
        return np.array(self.budget.capacities if isinstance(self.budget, Knapsack) else [float(self.budget.k)])

    def _check_single(self) -> None:
        if isinstance(self.budget, Knapsack):
            self.budget.check_single()

    @property
    def excess_costs(self) -> NDArray[np.float64]:
        """Cost less bound of every penalty, whose mean must not be positive, shape ``(J, K, A, S)``; ``J = 0`` without."""
        return excess_costs(self.arms, self.penalties)

    @property
    def start_states(self) -> NDArray[np.int64] | None:
        """The state of each arm at the start, shape ``(N,)``, or ``None`` when it is drawn from a distribution."""
        return self.start if self.start.ndim == 1 else None  # type: ignore[return-value]

    @property
    def start_distribution(self) -> NDArray[np.float64]:
        """The share of each type's arms that start in each state, shape ``(K, S)``; rows sum to 1."""
        states = self.start_states
        if states is None:
            return self.start  # type: ignore[return-value]
        counts = np.zeros((self.arms.n_types, self.arms.n_states))
        np.add.at(counts, (self.arms.type_of_arm, states), 1.0)
        return counts / self.arms.multiplicity[:, np.newaxis]


def _start(arms: Arms, start: ArrayLike | None) -> NDArray[np.int64] | NDArray[np.float64]:
    shape = (arms.n_types, arms.n_states)
    if start is None:
        result: NDArray = np.full(shape, 1.0 / arms.n_states)
    else:
        given = np.array(start)
        if given.dtype.kind in "iu":
            result = _start_states(arms, given)
        elif given.dtype.kind == "f":
            result = _start_distribution(shape, given)
        else:
            raise ModelError(f"start must be states (whole numbers) or probabilities, got {start!r}")
    result.setflags(write=False)
    return result


def _start_states(arms: Arms, given: NDArray) -> NDArray[np.int64]:
    if given.ndim == 0:
        if arms.n_arms > MOST_LISTED_ARMS:
            raise ModelError(f"the states of {arms.n_arms} arms are too many to list; give probabilities, such as [1.0, 0.0]")
        given = np.full(arms.n_arms, given)
    if given.shape != (arms.n_arms,):
        raise ModelError(
            f"start states must have shape ({arms.n_arms},), one per arm, got {given.shape}; give probabilities as floats"
        )
    outside = np.flatnonzero((given < 0) | (given >= arms.n_states))
    if len(outside):
        arm = outside[0]
        raise ModelError(f"arm {arm} starts in state {given[arm]}, but states run from 0 to {arms.n_states - 1}")
    return given.astype(np.int64)


def _start_distribution(shape: tuple[int, int], given: NDArray) -> NDArray[np.float64]:
    if given.shape not in (shape, shape[1:]):
        raise ModelError(f"a start distribution must have shape {shape} or {shape[1:]}, got {given.shape}")
    rows = np.array(np.broadcast_to(given, shape), dtype=np.float64, order="C")
    bad = np.flatnonzero(~(np.isfinite(rows).all(axis=1) & (rows >= 0).all(axis=1) & (np.abs(rows.sum(axis=1) - 1) <= 1e-8)))
    if len(bad):
        raise ModelError(f"the start distribution of type {bad[0]} is {rows[bad[0]]}; it must be probabilities that sum to 1")
    return rows


def check_counted(problem: Problem) -> None:
    """Raise :class:`ModelError` unless ``problem`` is a problem whose budget counts activations."""
    check_problem(problem)
    _ = problem.budget.k


def check_unpenalised(problem: Problem, remedy: str) -> None:
    """Raise :class:`ModelError` with a ``remedy`` when ``problem`` has penalties, which the caller would pass over."""
    check_problem(problem)
    if problem.penalties is not None:
        raise ModelError(f"this takes no account of penalties; {remedy}, or leave the penalties out of the problem")


def check_problem(problem: Problem) -> None:
    """Raise :class:`ModelError` when something else was passed where a problem belongs."""
    if not isinstance(problem, Problem):
        hidden = type(problem).__name__ == "HiddenProblem"  # of a higher floor
        remedy = (
            "where states are not seen, use hidden_bound or BeliefIndexPolicy"
            if hidden
            else "write Problem(arms, budget, criterion)"
        )
        raise ModelError(f"the problem must be a Problem, got {type(problem).__name__}; {remedy}")

"""How much may be done in one period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from numbers import Integral, Real
from typing import ClassVar

from rmab.errors import InfeasibleBudget, ModelError


@dataclass(frozen=True)
class TopK:
    """At most (or exactly) ``k`` arms are acted on in each period; any action but 0 counts as one.

    Parameters
    ----------
    k : int
        Arms acted on per period, at least 0.
    exactly : bool
        Whether all ``k`` activations must be used in every period.

    Raises
    ------
    ModelError
        If ``k`` is not a whole number.
    InfeasibleBudget
        If ``k`` is negative.

    Examples
    --------
    >>> TopK(20)
    TopK(k=20, exactly=False)
    """

    k: int
    exactly: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.k, Integral) or isinstance(self.k, bool):
            raise ModelError(f"the budget must be a whole number of arms per period, got {self.k!r}")
        if self.k < 0:
            raise InfeasibleBudget(f"the budget must not be negative, got {self.k}; use 0 for no action at all")
        object.__setattr__(self, "k", int(self.k))

    def check(self, n_arms: int) -> None:
        """Raise :class:`InfeasibleBudget` when the budget is above the cohort of ``n_arms`` arms."""
        if self.k > n_arms:
            raise InfeasibleBudget(
                f"the budget of {self.k} arms per period is above the cohort of {n_arms}; lower it to at most {n_arms}"
            )


@dataclass(frozen=True)
class Knapsack:
    """Activations cost what their type costs, and at most ``capacity`` may be spent in each period.

    Parameters
    ----------
    capacity : float
        What may be spent per period, above 0.
    costs : iterable of float, length K
        What one activation of an arm of each type costs, above 0; any action but 0 costs the same.

    Raises
    ------
    ModelError
        If the capacity or a cost is not a finite number above 0.

    Examples
    --------
    >>> Knapsack(10.0, [1.0, 2.5])
    Knapsack(capacity=10.0, costs=(1.0, 2.5))
    """

    capacity: float
    costs: tuple[float, ...]
    exactly: ClassVar[bool] = False

    def __init__(self, capacity: float, costs: Iterable[float]) -> None:
        if not isinstance(costs, Iterable):
            raise ModelError(f"the knapsack needs a list of costs, one per type, got {costs!r}")
        given = tuple(costs)
        for name, value in (("capacity", capacity), *((f"cost of type {k}", cost) for k, cost in enumerate(given))):
            if not isinstance(value, Real) or isinstance(value, bool) or not (isfinite(value) and value > 0):
                raise ModelError(f"the {name} must be a finite number above 0, got {value!r}")
        object.__setattr__(self, "capacity", float(capacity))
        object.__setattr__(self, "costs", tuple(float(cost) for cost in given))

    def check(self, n_types: int) -> None:
        """Raise :class:`ModelError` when there is not one cost per type."""
        if len(self.costs) != n_types:
            raise ModelError(f"the knapsack has {len(self.costs)} costs, but there are {n_types} types; give one cost per type")

    @property
    def k(self) -> int:
        """A knapsack has no number of activations: raises :class:`ModelError`, also from what only knows :class:`TopK`."""
        raise ModelError(
            "this needs a budget that counts activations, TopK(k); with a Knapsack use lagrangian_bound, fluid_bound, "
            "gain_index, and simulate KnapsackPolicy"
        )


Budget = TopK | Knapsack

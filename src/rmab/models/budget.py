"""How much may be done in one period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from rmab.errors import InfeasibleBudget, ModelError

ROUNDING = 1e-12


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
        If ``k`` is not a whole number, or ``exactly`` not a truth value.
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
        if not isinstance(self.exactly, bool | np.bool_):
            raise ModelError(f"exactly must be True or False, got {self.exactly!r}")
        if self.k < 0:
            raise InfeasibleBudget(f"the budget must not be negative, got {self.k}; use 0 for no action at all")
        object.__setattr__(self, "k", int(self.k))
        object.__setattr__(self, "exactly", bool(self.exactly))

    def check(self, n_arms: int) -> None:
        """Raise :class:`InfeasibleBudget` when the budget is above the cohort of ``n_arms`` arms."""
        if self.k > n_arms:
            raise InfeasibleBudget(
                f"the budget of {self.k} arms per period is above the cohort of {n_arms}; lower it to at most {n_arms}"
            )


@dataclass(frozen=True)
class Knapsack:
    """Activations cost what their type costs, and at most ``capacity`` may be spent in each period.

    With several resources an activation uses some of each, and no capacity may be exceeded. These are known to
    :func:`rmab.fluid_bound`, :class:`rmab.KnapsackPolicy` and the simulation; all else raises :class:`ModelError`.

    Parameters
    ----------
    capacity : float, or iterable of float, length R
        What may be spent per period, above 0; one number for each resource.
    costs : iterable of float, length K, or of such iterables, length R
        What one activation of an arm of each type costs, above 0; any action but 0 costs the same. With several resources one
        row for each; a type may then cost 0 of some, but not of all.

    Raises
    ------
    ModelError
        If a capacity or a cost is not a finite number above 0, there is not one row of costs per resource, rows differ in
        length, or a type costs nothing at all.

    Examples
    --------
    >>> Knapsack(10.0, [1.0, 2.5])
    Knapsack(capacity=10.0, costs=(1.0, 2.5))

    Hours of nurses, and a car that only the second type of visit needs:

    >>> Knapsack([10.0, 3.0], [[1.0, 2.5], [0.0, 1.0]]).n_resources
    2
    """

    capacity: float | tuple[float, ...]
    costs: tuple[float, ...] | tuple[tuple[float, ...], ...]
    exactly: ClassVar[bool] = False

    def __init__(self, capacity: float | Iterable[float], costs: Iterable[float] | Iterable[Iterable[float]]) -> None:
        if not _is_list(capacity):
            object.__setattr__(self, "capacity", _positive("capacity", capacity))
            object.__setattr__(self, "costs", _one_row(costs))
            return
        limits = tuple(_positive(f"capacity of resource {r}", value) for r, value in enumerate(capacity))  # type: ignore[arg-type]
        rows = _rows(costs, len(limits))
        # one resource is the same budget however it is written down
        object.__setattr__(self, "capacity", limits if len(limits) > 1 else limits[0])
        object.__setattr__(self, "costs", rows if len(limits) > 1 else _one_row(rows[0]))

    @property
    def capacities(self) -> tuple[float, ...]:
        """What may be spent of each resource, length ``R``."""
        return self.capacity if isinstance(self.capacity, tuple) else (self.capacity,)

    @property
    def cost_rows(self) -> tuple[tuple[float, ...], ...]:
        """What an activation of each type costs of each resource, ``R`` rows of length ``K``."""
        return self.costs if isinstance(self.capacity, tuple) else (self.costs,)  # type: ignore[return-value]

    @property
    def n_resources(self) -> int:
        """Number of resources, ``R``."""
        return len(self.capacities)

    def check(self, n_types: int) -> None:
        """Raise :class:`ModelError` when there is not one cost per type."""
        given = len(self.cost_rows[0])
        if given != n_types:
            raise ModelError(f"the knapsack has {given} costs, but there are {n_types} types; give one cost per type")

    def check_spent(self, acted: ArrayLike, step: int) -> None:
        """Raise :class:`InfeasibleBudget` when the activations of period ``step``, one number per type, cost too much."""
        for resource, (limit, row) in enumerate(zip(self.capacities, self.cost_rows, strict=True)):
            spent = float(np.dot(row, acted))
            if spent > limit * (1 + ROUNDING):
                what = f" of resource {resource}" if self.n_resources > 1 else ""
                raise InfeasibleBudget(
                    f"in period {step} the policy spends {spent:.6g}{what}, but the budget is at most {limit:.6g}"
                )

    @property
    def k(self) -> int:
        """A knapsack has no number of activations: raises :class:`ModelError`, also from what only knows :class:`TopK`."""
        able = "lagrangian_bound, fluid_bound, gain_index" if self.n_resources == 1 else "fluid_bound"
        raise ModelError(
            f"this needs a budget that counts activations, TopK(k); with a Knapsack{self._several} use {able}, "
            "and simulate KnapsackPolicy"
        )

    @property
    def _several(self) -> str:
        return f" of {self.n_resources} resources" if self.n_resources > 1 else ""

    def check_single(self) -> None:
        """Raise :class:`ModelError` when there are several resources."""
        if self.n_resources > 1:
            raise ModelError(
                f"this knows budgets of one resource, not a Knapsack{self._several}; "
                "use fluid_bound, and simulate KnapsackPolicy"
            )


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "ndim", 1) > 0


def _positive(name: str, value: Any, *, zero: bool = False) -> float:
    real = isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
    if not real or value < 0 or (value == 0 and not zero):
        raise ModelError(f"the {name} must be a finite number {'from 0 on' if zero else 'above 0'}, got {value!r}")
    return float(value)


def _one_row(costs: Any) -> tuple[float, ...]:
    if not _is_list(costs):
        raise ModelError(f"the knapsack needs a list of costs, one per type, got {costs!r}")
    return tuple(_positive(f"cost of type {k}", cost) for k, cost in enumerate(costs))


def _rows(costs: Any, n_resources: int) -> tuple[tuple[float, ...], ...]:
    """One row of costs per resource, all of one length, no type without any cost."""
    given = tuple(costs) if _is_list(costs) else ()
    if n_resources == 0 or len(given) != n_resources or not all(map(_is_list, given)):
        raise ModelError(
            f"a knapsack of {n_resources} resources needs {n_resources} rows of costs, one cost per type in each, got {costs!r}"
        )
    rows = tuple(
        tuple(_positive(f"cost of type {k} of resource {r}", cost, zero=True) for k, cost in enumerate(row))
        for r, row in enumerate(given)
    )
    for r, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ModelError(f"resource 0 has {len(rows[0])} costs, but resource {r} has {len(row)}; give one cost per type")
    for k, column in enumerate(zip(*rows, strict=True)):
        if not any(column):
            raise ModelError(f"type {k} costs nothing of any resource; every type must use some")
    return rows


Budget = TopK | Knapsack

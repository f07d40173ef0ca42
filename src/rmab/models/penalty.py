"""What each arm owes on its own: a cost whose mean per period must stay within a bound.

An energy budget, a least share of activations, a limit on age: each arm has its own requirement on top of the common budget.
The mean is that of the criterion: long-run, discounted (times 1 - beta) or over the horizon. A requirement from below, such as
"at least 20 % of activations", is a cost with the opposite sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.arrays import float_array


@dataclass(frozen=True, eq=False, init=False)
class Penalty:
    """One requirement on every type of arm: the mean of ``cost`` per period is at most ``bound``.

    Parameters
    ----------
    cost : array_like, shape (K, A, S)
        Cost per period of each type under each action in each state; a single type may leave ``K`` out.
    bound : array_like, shape (K,), or float
        Most that the cost may be on average, for each type or for all; ``inf`` for a type without this requirement.

    Raises
    ------
    ModelError
        If a shape does not fit, a cost is not finite, or a bound is neither finite nor ``inf``.

    Examples
    --------
    Each arm must be acted on in at least a fifth of all periods:

    >>> floor = Penalty(cost=[[0.0, 0.0], [-1.0, -1.0]], bound=-0.2)
    >>> floor.cost.shape, floor.bound
    ((1, 2, 2), array([-0.2]))
    """

    cost: NDArray[np.float64]
    bound: NDArray[np.float64]

    def __init__(self, cost: ArrayLike, bound: ArrayLike) -> None:
        table, limits = (
            float_array(f"a penalty's {name}", given, "numbers") for name, given in (("cost", cost), ("bound", bound))
        )
        table = table[np.newaxis] if table.ndim == 2 else table
        if table.ndim != 3 or 0 in table.shape:
            raise ModelError(f"a penalty's cost must have shape (K, A, S), or (A, S) for one type, got {table.shape}")
        bad = np.argwhere(~np.isfinite(table))
        if len(bad):
            k, a, s = bad[0]
            raise ModelError(f"the penalty cost of type {k}, action {a}, state {s} is {table[k, a, s]}; costs must be finite")
        if limits.shape not in ((), (len(table),)):
            raise ModelError(f"a penalty needs one bound, or one for each of its {len(table)} types, got shape {limits.shape}")
        limits = np.broadcast_to(limits, len(table)).copy()
        odd = np.flatnonzero(np.isnan(limits) | (limits == -np.inf))
        if len(odd):
            raise ModelError(f"the penalty bound of type {odd[0]} is {limits[odd[0]]}; give a number, or inf for none")
        for array in (table, limits):
            array.setflags(write=False)
        object.__setattr__(self, "cost", table)
        object.__setattr__(self, "bound", limits)

    def check(self, arms: Arms) -> None:
        """Raise :class:`ModelError` unless there is one cost per type, action and state of ``arms``."""
        if self.cost.shape != arms.rewards.shape:
            raise ModelError(
                f"the penalty's cost has shape {self.cost.shape}, but these arms need (types, actions, states) = "
                f"{arms.rewards.shape}"
            )


def listed(penalties: Penalty | Iterable[Penalty] | None) -> tuple[Penalty, ...]:
    """None, one or several penalties as a tuple.

    Raises
    ------
    ModelError
        If there is anything else among them.

    Examples
    --------
    >>> len(listed(None)), len(listed(Penalty([[0.0], [1.0]], 0.5)))
    (0, 1)
    """
    if penalties is None:
        return ()
    if isinstance(penalties, Penalty):
        return (penalties,)
    given = tuple(penalties) if isinstance(penalties, Iterable) else (penalties,)
    for one in given:
        if not isinstance(one, Penalty):
            raise ModelError(f"penalties must be a Penalty(cost, bound) or a list of them, got {one!r}")
    return given


def excess_costs(arms: Arms, penalties: Penalty | Iterable[Penalty] | None) -> NDArray[np.float64]:
    """Cost less bound, whose mean must not be positive; zero for types without the requirement; shape ``(J, K, A, S)``.

    Raises
    ------
    ModelError
        If a penalty does not fit the arms.

    Examples
    --------
    >>> arms = Arms([[[1.0]], [[1.0]]], [[0], [1]])
    >>> excess_costs(arms, Penalty([[0.0], [1.0]], 0.25)).tolist()
    [[[[-0.25], [0.75]]]]
    """
    given = listed(penalties)
    for penalty in given:
        penalty.check(arms)
    excess = np.zeros((len(given), *arms.rewards.shape))
    for row, penalty in zip(excess, given, strict=True):
        required = np.isfinite(penalty.bound)
        row[required] = (penalty.cost - np.where(required, penalty.bound, 0.0)[:, np.newaxis, np.newaxis])[required]
    return excess

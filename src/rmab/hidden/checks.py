"""What a user gives about beliefs, modes and signals, checked in one way everywhere.

Every error names the first offender and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.arms import ROW_SUM_TOLERANCE
from rmab.models.arrays import float_array


def checked_belief(belief: ArrayLike, n_states: int, name: str = "belief") -> NDArray[np.float64]:
    """The belief as an array of shape ``(S,)``; raises :class:`ModelError` unless it is a law over the states.

    Examples
    --------
    >>> checked_belief([0.25, 0.75], 2)
    array([0.25, 0.75])
    """
    b = float_array(f"the {name}", belief)
    if b.shape != (n_states,):
        raise ModelError(f"the {name} must have shape ({n_states},), one probability per state, got {b.shape}")
    if _no_laws(b[np.newaxis])[0]:
        raise ModelError(f"the {name} is {b}; it must be probabilities that sum to 1")
    return b


def checked_beliefs(beliefs: ArrayLike, n_states: int, name: str = "belief") -> NDArray[np.float64]:
    """Beliefs as an array of shape ``(N, S)``; raises :class:`ModelError` naming the first that is no law over the states.

    Examples
    --------
    >>> checked_beliefs([[0.25, 0.75], [0.5, 0.6]], 2)
    Traceback (most recent call last):
    rmab.errors.ModelError: belief 1 is [0.5 0.6]; it must be probabilities that sum to 1
    """
    rows = float_array(f"{name}s", beliefs)
    if rows.ndim != 2 or rows.shape[1] != n_states:
        raise ModelError(f"{name}s must have shape (N, {n_states}), one probability per state, got {rows.shape}")
    bad = np.flatnonzero(_no_laws(rows))
    if len(bad):
        first = int(bad[0])
        raise ModelError(f"{name} {first} is {rows[first]}; it must be probabilities that sum to 1")
    return rows


def checked_modes(modes: ArrayLike | None, count: int, n_modes: int) -> NDArray[np.int64]:
    """The modes of ``count`` beliefs, shape ``(count,)``, zeros by default; raises :class:`ModelError` naming a bad one."""
    return whole_numbers_within("modes", np.zeros(count, dtype=np.int64) if modes is None else modes, count, 0, n_modes)


def checked_actions(name: str, given: Iterable[int], n_actions: int) -> list[int]:
    """The actions as a list; raises :class:`ModelError` unless they are a list of some that there are.

    Examples
    --------
    >>> checked_actions("blind", [0], 2)
    [0]
    """
    actions = items_of(name, given, "a list of actions, such as [0]")
    for action in actions:
        if isinstance(action, bool) or not isinstance(action, int | np.integer) or not 0 <= action < n_actions:
            raise ModelError(f"{name}: there is no action {action!r}, they run from 0 to {n_actions - 1}")
    return actions


def items_of(name: str, given: Any, kind: str) -> list[Any]:
    """What ``given`` holds, as a list; raises :class:`ModelError`, that ``name`` must be ``kind``, if it holds nothing.

    Examples
    --------
    >>> items_of("blind", 0, "a list of actions, such as [0]")
    Traceback (most recent call last):
    rmab.errors.ModelError: blind must be a list of actions, such as [0], got 0
    """
    try:
        return list(given)
    except TypeError:
        got = repr(given) if given is None or isinstance(given, Number) else type(given).__name__
        raise ModelError(f"{name} must be {kind}, got {got}") from None


def finite_number(name: str, given: float) -> float:
    """The number; raises :class:`ModelError` unless it is a finite one.

    Examples
    --------
    >>> finite_number("charge", 1)
    1.0
    """
    if isinstance(given, bool) or not isinstance(given, int | float | np.integer | np.floating) or not np.isfinite(given):
        raise ModelError(f"the {name} must be a finite number, got {given!r}")
    return float(given)


def whole_numbers(name: str, given: ArrayLike, count: int, per: str, hint: str = "") -> NDArray[Any]:
    """The whole numbers as an array of shape ``(count,)``; raises :class:`ModelError`, with a ``hint``, if they are none.

    Examples
    --------
    >>> whole_numbers("signals", [0, None], 2, "arm", "; write -1 where none came")
    Traceback (most recent call last):
    rmab.errors.ModelError: signals must be 2 whole numbers, one per arm, got object of shape (2,); write -1 where none came
    """
    try:
        values = np.asarray(given)
    except ValueError as error:
        raise ModelError(f"{name} must be {count} whole numbers, one per {per}: {error}") from None
    if values.shape != (count,) or values.dtype.kind not in "iu":
        raise ModelError(
            f"{name} must be {count} whole numbers, one per {per}, got {values.dtype} of shape {values.shape}{hint}"
        )
    return values


def _no_laws(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows are no probabilities that sum to 1."""
    sure = np.isfinite(rows).all(axis=1) & (rows >= 0).all(axis=1)
    return ~(sure & (np.abs(rows.sum(axis=1) - 1) <= ROW_SUM_TOLERANCE))


def whole_numbers_within(name: str, given: ArrayLike, count: int, low: int, high: int) -> NDArray[np.int64]:
    values = whole_numbers(name, given, count, "belief", "; write -1 where no signal came" if name == "signals" else "")
    outside = np.flatnonzero((values < low) | (values >= high))
    if len(outside):
        first = int(outside[0])
        raise ModelError(f"{name}: entry {first} is {values[first]}, but they run from {low} to {high - 1}")
    return values.astype(np.int64)

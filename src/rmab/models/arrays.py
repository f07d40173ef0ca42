"""What a user gives, read as numbers in one way everywhere."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError


def float_array(name: str, values: ArrayLike, kind: str = "a rectangular array of numbers") -> NDArray[np.float64]:
    """A fresh array of ``values``; raises :class:`ModelError`, that ``name`` must be ``kind``, unless they are real numbers.

    Examples
    --------
    >>> float_array("cost", ["a"])
    Traceback (most recent call last):
    rmab.errors.ModelError: cost must be a rectangular array of numbers: could not convert string to float: 'a'
    """
    try:
        if np.iscomplexobj(values):
            raise TypeError("complex numbers have no place in an arm")
        return np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name} must be {kind}: {error}") from None


def whole_number(name: str, value: int, least: int, below: float = np.inf) -> int:
    """``value`` as a plain integer; raises :class:`ModelError` unless it is whole, at least ``least`` and below a limit.

    Examples
    --------
    >>> whole_number("depth", 2.5, 0)
    Traceback (most recent call last):
    rmab.errors.ModelError: depth must be a whole number, at least 0, got 2.5
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or not least <= value < below:
        raise ModelError(f"{name} must be a whole number, at least {least}, got {value!r}")
    return int(value)

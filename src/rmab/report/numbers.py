"""Numbers for reading: fixed decimals in tables, three significant digits in sentences, words for what is not finite."""

from __future__ import annotations

import math

MOST_DECIMALS = 8


def number(value: float | None, digits: int = 2) -> str:
    """A number with fixed decimals and a true minus sign; a dash for nothing.

    Examples
    --------
    >>> number(-1.234), number(float("inf")), number(None), number(-0.001)
    ('−1.23', 'infinite', '–', '0.00')
    """
    if value is None:
        return "–"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    text = f"{value:,.{digits}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return text.replace("-", "−")


def decimals(size: float, digits: int = 3) -> int:
    """Decimals that show a number of this size to so many significant digits.

    Examples
    --------
    >>> decimals(1.0), decimals(0.02), decimals(50_000.0), decimals(0.0)
    (2, 4, 0, 2)
    """
    if size == 0 or not math.isfinite(size):
        return digits - 1
    return min(max(0, digits - 1 - math.floor(math.log10(abs(size)))), MOST_DECIMALS)


def short(value: float) -> str:
    """A number to three significant digits, in plain characters.

    Examples
    --------
    >>> short(0.38567), short(-1234.5), short(float("-inf"))
    ('0.386', '-1,234', 'minus infinite')
    """
    return number(value, decimals(value)).replace("−", "-")

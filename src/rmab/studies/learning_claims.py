"""How claims about learning are judged: a verdict only where the whole interval says the same.

1. *At least*: the interval of a score is above, or below, what was claimed; where it holds it, the run is too short to tell.
2. *Better by the end*: the difference of two means, with the interval of independent runs, is beyond a margin; where it is
   below the margin for sure, the claim is not reproduced.
3. *Sooner*: a learner *has reached* a level at the first period that was looked at from which on its mean never falls below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot
from typing import TypeVar

from rmab.studies.learning_rows import Measured
from rmab.studies.study import AS_MEASURED, NOT_REPRODUCED, REPRODUCED, Claim

AnyMeasured = TypeVar("AnyMeasured", bound=Measured)


def curve(rows: Sequence[AnyMeasured], instance: str, policy: str) -> list[AnyMeasured]:
    """The rows of one curve, from left to right."""
    return sorted((row for row in rows if (row.instance, row.policy) == (instance, policy)), key=lambda row: row.at)


def last(rows: Sequence[AnyMeasured], instance: str, policy: str) -> AnyMeasured:
    """The end of one curve."""
    return curve(rows, instance, policy)[-1]


def shown(row: Measured) -> str:
    """A mean with its interval."""
    return f"{row.mean:.3f} ({row.low:.3f} to {row.high:.3f})"


def at_least(statement: str, row: Measured, level: float) -> Claim:
    """Whether a score is at least ``level``."""
    verdict = REPRODUCED if row.low >= level else NOT_REPRODUCED if row.high < level else AS_MEASURED
    return Claim(statement, f"{shown(row)}; at least {level:.3f} would do", verdict)


def at_most(statement: str, row: Measured, level: float) -> Claim:
    """Whether a score or an error is at most ``level``."""
    verdict = REPRODUCED if row.high <= level else NOT_REPRODUCED if row.low > level else AS_MEASURED
    return Claim(statement, f"{shown(row)}; at most {level:.3f} would do", verdict)


def better(statement: str, first: Measured, second: Measured, margin: float, *, lower: bool = False) -> Claim:
    """Whether ``first`` is above ``second`` (``lower``: below it) by more than ``margin``."""
    ahead = (second.mean - first.mean) if lower else (first.mean - second.mean)
    half = hypot(first.half, second.half)
    verdict = REPRODUCED if ahead - half > margin else NOT_REPRODUCED if ahead + half <= margin else AS_MEASURED
    return Claim(statement, f"{shown(first)} against {shown(second)} of {second.policy}", verdict)


def reached(rows: Sequence[AnyMeasured], instance: str, policy: str, level: float) -> float | None:
    """The first period from which on the mean is at ``level`` or above; None if there is none."""
    found = None
    for row in reversed(curve(rows, instance, policy)):
        if row.mean < level:
            break
        found = row.at
    return found


def periods(number: float | None) -> str:
    """When a level was reached, in words."""
    return "never" if number is None else f"{number:g}"

"""How a learner tries what it does not know, within the budget.

In a period of exploration, drawn with a chance of epsilon, the budget goes to arms at random; otherwise to the arms of highest
score. Epsilon falls with the period: ``max(floor, start / (1 + t / decay))``.

References: L. Kocsis, C. Szepesvari, "Bandit based Monte-Carlo planning", ECML (2006), and P. Auer, N. Cesa-Bianchi, P.
Fischer, "Finite-time analysis of the multiarmed bandit problem", Machine Learning 47 (2002), for confidence bounds; for the
four in learning an index, V. Mittal, R. Meshram, S. Prakash, "Whittle index learning algorithms for restless bandits with
constant stepsizes", arXiv:2409.04605 (2024), and P. Kakarapalli, D. Kayande, R. Meshram, "Faster Q-learning algorithms for
restless bandits", arXiv:2409.05908 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite
from numbers import Real
from typing import NamedTuple

from rmab.errors import ModelError


class Chances(NamedTuple):
    """What the compiled loop is told: epsilon's start, decay and floor, the temperature, and the width of the bonus."""

    start: float
    decay: float
    floor: float
    temperature: float
    width: float


@dataclass(frozen=True)
class EpsilonGreedy:
    """With a chance of epsilon the budget goes to arms drawn uniformly.

    Parameters
    ----------
    start : float
        Epsilon in period 0, from 0 to 1.
    decay : float
        Periods after which epsilon has halved; ``inf`` keeps it constant.
    floor : float
        What epsilon never falls below.

    Raises
    ------
    ModelError
        If a number is out of range.

    Examples
    --------
    >>> EpsilonGreedy(0.3, decay=2000, floor=0.05).chances
    Chances(start=0.3, decay=2000.0, floor=0.05, temperature=inf, width=0.0)
    """

    start: float = 0.3
    decay: float = field(default=2000.0, kw_only=True)
    floor: float = field(default=0.05, kw_only=True)

    def __post_init__(self) -> None:
        _check_epsilon(self.start, self.decay, self.floor)

    @property
    def chances(self) -> Chances:
        """For the compiled loop."""
        return Chances(float(self.start), float(self.decay), float(self.floor), inf, 0.0)


@dataclass(frozen=True)
class Softmax:
    """Always explore: arms are drawn without replacement, with weights exp(score / temperature).

    Parameters
    ----------
    temperature : float
        Above 0, in the unit of the rewards: the larger, the more uniform.

    Raises
    ------
    ModelError
        If the temperature is not a finite number above 0.

    Examples
    --------
    >>> Softmax(0.1).chances
    Chances(start=1.0, decay=inf, floor=1.0, temperature=0.1, width=0.0)
    """

    temperature: float

    def __post_init__(self) -> None:
        positive("the temperature", self.temperature)

    @property
    def chances(self) -> Chances:
        """For the compiled loop."""
        return Chances(1.0, inf, 1.0, float(self.temperature), 0.0)


@dataclass(frozen=True)
class EpsilonSoftmax:
    """With a chance of epsilon as :class:`Softmax`, otherwise greedy.

    Parameters
    ----------
    temperature : float
        Above 0, in the unit of the rewards.
    start, decay, floor : float
        As for :class:`EpsilonGreedy`.

    Raises
    ------
    ModelError
        If a number is out of range.

    Examples
    --------
    >>> EpsilonSoftmax(0.1, start=0.5).chances
    Chances(start=0.5, decay=2000.0, floor=0.05, temperature=0.1, width=0.0)
    """

    temperature: float
    start: float = field(default=0.3, kw_only=True)
    decay: float = field(default=2000.0, kw_only=True)
    floor: float = field(default=0.05, kw_only=True)

    def __post_init__(self) -> None:
        positive("the temperature", self.temperature)
        _check_epsilon(self.start, self.decay, self.floor)

    @property
    def chances(self) -> Chances:
        """For the compiled loop."""
        return Chances(float(self.start), float(self.decay), float(self.floor), float(self.temperature), 0.0)


@dataclass(frozen=True)
class UpperConfidence:
    """Act where acting may be best: scores get a bonus for actions that were seldom tried.

    The bonus is ``width * (sqrt(log n(s) / n(s, 1)) - sqrt(log n(s) / n(s, 0)))``. Alone it can starve states whose score
    drifts, so a chance of ``floor`` of uniform exploration stays.

    Parameters
    ----------
    width : float
        Above 0, in the unit of the rewards.
    floor : float
        Chance of a uniformly random period.

    Raises
    ------
    ModelError
        If a number is out of range.

    Examples
    --------
    >>> UpperConfidence(1.0).chances
    Chances(start=0.05, decay=inf, floor=0.05, temperature=inf, width=1.0)
    """

    width: float = 1.0
    floor: float = field(default=0.05, kw_only=True)

    def __post_init__(self) -> None:
        positive("the width", self.width)
        share("floor", self.floor)

    @property
    def chances(self) -> Chances:
        """For the compiled loop."""
        return Chances(float(self.floor), inf, float(self.floor), inf, float(self.width))


Exploration = EpsilonGreedy | Softmax | EpsilonSoftmax | UpperConfidence


def check_exploration(value: object) -> None:
    """Raise :class:`ModelError` unless ``value`` is one of the four.

    Examples
    --------
    >>> check_exploration("ucb")
    Traceback (most recent call last):
    rmab.errors.ModelError: exploration must be EpsilonGreedy, Softmax, EpsilonSoftmax or UpperConfidence, got 'ucb'
    """
    if not isinstance(value, Exploration):
        raise ModelError(f"exploration must be EpsilonGreedy, Softmax, EpsilonSoftmax or UpperConfidence, got {value!r}")


def positive(name: str, value: float) -> None:
    """Raise :class:`ModelError` unless ``value`` is a finite number above 0."""
    if not _is_real(value) or not isfinite(value) or value <= 0:
        raise ModelError(f"{name} must be a finite number above 0, got {value!r}")


def share(name: str, value: float) -> None:
    """Raise :class:`ModelError` unless ``value`` is a number from 0 to 1."""
    if not _is_real(value) or not 0 <= value <= 1:
        raise ModelError(f"{name} must be a number from 0 to 1, got {value!r}")


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _check_epsilon(start: float, decay: float, floor: float) -> None:
    share("start", start)
    share("floor", floor)
    if not _is_real(decay) or not decay > 0:
        raise ModelError(f"decay must be a number of periods above 0, or inf, got {decay!r}")

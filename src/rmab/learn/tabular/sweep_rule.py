"""What a sweep of Q-learning does with the samples of a round: the base of four rules, each in a file of its own.

All are one formula (:mod:`rmab._kernels.q_rounds`) with a momentum of 0 or 1, a weight, and step sizes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from rmab.errors import ModelError
from rmab.learn.steps import Steps


class Sweep(NamedTuple):
    """A rule for the compiled loop: step sizes by sweeps, samples per cell and round, momentum, weight."""

    steps: Steps
    samples: int
    momentum: float
    weight: float


class SweepRule(ABC):
    """Base of :class:`PlainSweeps`, :class:`Speedy`, :class:`GeneralisedSpeedy` and :class:`Phased`."""

    @property
    @abstractmethod
    def sweep(self) -> Sweep:
        """For the compiled loop."""


def check_rule(value: object) -> None:
    """Raise :class:`ModelError` unless ``value`` is a rule.

    Examples
    --------
    >>> check_rule("speedy")
    Traceback (most recent call last):
    rmab.errors.ModelError: rule must be PlainSweeps(), Speedy(), GeneralisedSpeedy() or Phased(), got 'speedy'
    """
    if not isinstance(value, SweepRule):
        raise ModelError(f"rule must be PlainSweeps(), Speedy(), GeneralisedSpeedy() or Phased(), got {value!r}")


def most_weight(beta: float) -> float:
    """The largest weight at which the generalised operator contracts whatever the arm: weight beta + weight - 1 <= 1.

    Examples
    --------
    >>> round(most_weight(0.9), 4)
    1.0526
    """
    return 2.0 / (1.0 + beta)

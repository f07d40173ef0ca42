"""What the studies of learning measure, and how tables and figures show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rmab.simulation.interval import student_half_width

LOWEST = -0.5
SCORE, ERROR, CORRELATION = f"score (drawn from {LOWEST:g} on)", "largest error of the index", "rank correlation"
Measure = tuple[float, float, float, float | None]


@dataclass(frozen=True)
class Measured:
    """What one learner has reached at one place on the horizontal axis: the mean over seeds, with its 95 % interval."""

    instance: str
    policy: str
    at: float
    mean: float
    low: float
    high: float

    stretched: ClassVar[frozenset[str]] = frozenset()
    logarithmic: ClassVar[bool] = True

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class ScoreRow(Measured):
    """Score of what was learned after ``at`` periods, and the seeds, of all seeds, with an alarm at the end of the run."""

    alarmed: int
    seeds: int

    axis: ClassVar[str] = "periods of learning"
    symbol: ClassVar[str] = "T"
    reference: ClassVar[str] = "bound"

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.mean:.2f} ± {self.half:.2f}"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "score of the learned policy, 0 random choice, 1 the bound"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        mean, low, high = (max(value, LOWEST) for value in (self.mean, self.low, self.high))
        return {SCORE: (mean, low, high, 1.0)}


@dataclass(frozen=True)
class ErrorRow(Measured):
    """Largest error over the states of an index."""

    stretched = frozenset({ERROR})
    reference: ClassVar[str] = "zero"

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.mean:.4f} ± {self.half:.4f}"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "largest error of the learned index"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        return {ERROR: (self.mean, self.low, self.high, None)}


@dataclass(frozen=True)
class PeriodRow(ErrorRow):
    """An error after ``at`` periods."""

    axis: ClassVar[str] = "periods of 100 arms"
    symbol: ClassVar[str] = "T"


@dataclass(frozen=True)
class StepRow(ErrorRow):
    """An error with tables that move by the constant step ``at``, its mean square, and how often the charges have turned over,
    their step times the periods.
    """

    square: float
    turned: float

    axis: ClassVar[str] = "step of the tables"
    symbol: ClassVar[str] = "step"


@dataclass(frozen=True)
class ClusterRow(ErrorRow):
    """An error with ``at`` clusters of states, and the rank correlation of the learned with the exact index."""

    correlation: float

    axis: ClassVar[str] = "clusters"
    symbol: ClassVar[str] = "C"

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.mean:.4f} ± {self.half:.4f}, {self.correlation:.2f}"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "largest error of the learned index, and its rank correlation with the exact one"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        line = self.correlation
        return {ERROR: (self.mean, self.low, self.high, None), CORRELATION: (line, line, line, 1.0)}


@dataclass(frozen=True)
class SampleRow(Measured):
    """Largest error of the value at a fixed charge after ``at`` samples of each state and action."""

    stretched = frozenset({"largest error of the value"})
    axis: ClassVar[str] = "samples of each state and action"
    symbol: ClassVar[str] = "n"
    reference: ClassVar[str] = "zero"

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.mean:.3f} ± {self.half:.3f}"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "largest error of the value at the charge"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        return {"largest error of the value": (self.mean, self.low, self.high, None)}


@dataclass(frozen=True)
class ChargeRow(Measured):
    """A number of one arm that pays the charge ``at`` for every activation; of a simulation, with its 95 % interval."""

    axis: ClassVar[str] = "charge"
    symbol: ClassVar[str] = "charge"
    logarithmic = False
    reference: ClassVar[str] = "zero"

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.mean:+.4f}" if self.half == 0.0 else f"{self.mean:+.4f} ± {self.half:.4f}"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "gain per period, and advantage of acting by state, the charge subtracted"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        return {"per period, less the charge": (self.mean, self.low, self.high, 0.0)}


def interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean of one value per seed, and the ends of its 95 % interval.

    Examples
    --------
    >>> [round(end, 3) for end in interval(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]
    """
    mean, half = float(values.mean()), float(student_half_width(values))
    return mean, mean - half, mean + half

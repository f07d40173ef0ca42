"""What a study measures of one policy on one instance and size, and how tables and figures show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol


class Entry(Protocol):
    """What tables and figures ask of a row, whatever is measured and against what."""

    stretched: ClassVar[frozenset[str]]
    """Measures of which the small values matter as much as the large ones."""
    axis: ClassVar[str]
    """Label of the horizontal axis."""
    symbol: ClassVar[str]
    """What heads the columns of a table."""
    logarithmic: ClassVar[bool]
    """Whether the horizontal axis is."""
    reference: ClassVar[str]
    """What the line for comparison is."""

    @property
    def instance(self) -> str:
        """Which table and panel the row belongs to."""

    @property
    def policy(self) -> str:
        """Which line of the table and curve of the panel."""

    @property
    def at(self) -> float:
        """Where the row stands on the horizontal axis."""

    @property
    def cell(self) -> str:
        """What a table shows of the row."""

    @property
    def heading(self) -> str:
        """What the cells of a table are."""

    @property
    def measures(self) -> Mapping[str, tuple[float, float, float, float | None]]:
        """By the label of the axis: a mean, the ends of its interval, and where a line is drawn, if one is."""


@dataclass(frozen=True)
class ByArms:
    """What one policy earned on ``n_arms`` arms, with its 95 % interval."""

    instance: str
    policy: str
    n_arms: int
    mean: float
    low: float
    high: float

    stretched: ClassVar[frozenset[str]] = frozenset()
    axis: ClassVar[str] = "number of arms N"
    symbol: ClassVar[str] = "N"

    @property
    def at(self) -> float:
        """Where the row stands on the horizontal axis: its number of arms."""
        return self.n_arms


@dataclass(frozen=True)
class Row(ByArms):
    """Reward per period *and arm* of one policy, its 95 % interval and the bound."""

    bound: float

    logarithmic: ClassVar[bool] = True
    reference: ClassVar[str] = "bound"

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.mean:.5f} ± {(self.high - self.low) / 2:.5f}"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return f"reward per arm, bound {self.bound:.6f}"

    @property
    def measures(self) -> Mapping[str, tuple[float, float, float, float | None]]:
        """What a figure shows: a mean, the ends of its interval, and where a line is drawn, by the label of the axis."""
        return {"reward per arm": (self.mean, self.low, self.high, self.bound)}


@dataclass(frozen=True)
class PenalisedRow(Row):
    """A row of a problem with penalties: also the violation, the mean over all arms, with its 95 % interval."""

    violation: float
    violation_low: float
    violation_high: float

    stretched = frozenset({"violation"})

    @property
    def gap(self) -> float:
        """Reward above the bound, in per cent of it; positive only where requirements are violated, or by chance."""
        return self._percent(self.mean)

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        half = (self._percent(self.high) - self._percent(self.low)) / 2
        return f"{self.gap:+.2f} ± {half:.2f} % / {self.violation:.4f}"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return f"reward above the bound of {self.bound:.6f} per arm, and violation"

    @property
    def measures(self) -> Mapping[str, tuple[float, float, float, float | None]]:
        """What a figure shows, by the label of the axis."""
        return {
            "reward above the bound, %": (self.gap, self._percent(self.low), self._percent(self.high), 0.0),
            "violation": (self.violation, self.violation_low, self.violation_high, 0.0),
        }

    def _percent(self, reward: float) -> float:
        return 100 * (reward - self.bound) / abs(self.bound)

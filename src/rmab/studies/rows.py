"""What a study measures of one policy on one instance and size, and how tables and figures show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Row:
    """Reward per period *and arm* of one policy on ``n_arms`` arms, its 95 % interval and the bound."""

    instance: str
    policy: str
    n_arms: int
    mean: float
    low: float
    high: float
    bound: float

    stretched: ClassVar[frozenset[str]] = frozenset()
    """Measures of which the small values matter as much as the large ones."""

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.mean:.5f} ± {(self.high - self.low) / 2:.5f}"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return f"reward per arm, bound {self.bound:.6f}"

    @property
    def measures(self) -> Mapping[str, tuple[float, float, float, float]]:
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
    def measures(self) -> Mapping[str, tuple[float, float, float, float]]:
        """What a figure shows, by the label of the axis."""
        return {
            "reward above the bound, %": (self.gap, self._percent(self.low), self._percent(self.high), 0.0),
            "violation": (self.violation, self.violation_low, self.violation_high, 0.0),
        }

    def _percent(self, reward: float) -> float:
        return 100 * (reward - self.bound) / abs(self.bound)

"""What the studies of hidden arms measure, and how tables and figures show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rmab.studies.rows import ByArms, Row

ERROR = "error of the index, %"
Measure = tuple[float, float, float, float | None]


@dataclass(frozen=True)
class GainRow(ByArms):
    """Reward per period of all arms together, and the gain over the myopic policy in per cent of what that earns, both with
    95 % intervals, the second one from paired runs.
    """

    gain: float
    gain_low: float
    gain_high: float

    logarithmic: ClassVar[bool] = False
    reference: ClassVar[str] = "no gain"

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.mean:.3f}, {self.gain:+.2f} ± {(self.gain_high - self.gain_low) / 2:.2f} %"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "discounted reward per period, and how far it is above that of the myopic policy"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        return {"gain over myopic, %": (self.gain, self.gain_low, self.gain_high, 0.0)}


@dataclass(frozen=True)
class HiddenRow(Row):
    """A row of a problem of hidden arms in per cent of its certified bound, with the paired gain over the myopic policy."""

    gain: float
    gain_low: float
    gain_high: float

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        mean, low, high = (100 * value / self.bound for value in (self.mean, self.low, self.high))
        return f"{mean:.2f} ± {(high - low) / 2:.2f} ({self.gain:+.2f} ± {(self.gain_high - self.gain_low) / 2:.2f})"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "discounted reward in % of the certified bound (and in % above that of the myopic policy)"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        mean, low, high = (100 * value / self.bound for value in (self.mean, self.low, self.high))
        return {"reward, % of the bound": (mean, low, high, 100.0)}


@dataclass(frozen=True)
class MetricRow:
    """Reward of one policy at one discount by one metric in per cent of its bound, and its lead over the index policy."""

    instance: str
    policy: str
    discount: float
    mean: float
    low: float
    high: float
    lead: float
    lead_low: float
    lead_high: float

    axis: ClassVar[str] = "discount"
    symbol: ClassVar[str] = "discount"
    stretched: ClassVar[frozenset[str]] = frozenset()
    logarithmic: ClassVar[bool] = False
    reference: ClassVar[str] = "no lead"

    @property
    def at(self) -> float:
        """Where the row stands on the horizontal axis."""
        return self.discount

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.mean:.2f} ({self.lead:+.2f} ± {(self.lead_high - self.lead_low) / 2:.2f})"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "reward in % of the bound (and the paired lead over the index policy)"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        return {"lead over index, % of bound": (self.lead, self.lead_low, self.lead_high, 0.0)}


@dataclass(frozen=True)
class OptimumRow:
    """How far a value is from the optimum of the chains of four arms; of a simulation, with half its 95 % interval."""

    instance: str
    policy: str
    seed: int
    value: float
    half: float
    optimum: float

    axis: ClassVar[str] = "which four arms"
    symbol: ClassVar[str] = "arms"
    stretched: ClassVar[frozenset[str]] = frozenset()
    logarithmic: ClassVar[bool] = False
    reference: ClassVar[str] = "optimum"

    @property
    def at(self) -> float:
        """Where the row stands on the horizontal axis."""
        return self.seed

    @property
    def excess(self) -> float:
        """Above the optimum, in per cent of it."""
        return 100 * (self.value / self.optimum - 1)

    @property
    def margin(self) -> float:
        """Half the interval of a simulation, in per cent of the optimum."""
        return 100 * self.half / self.optimum

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        return f"{self.excess:+.3f} %" if self.half == 0.0 else f"{self.excess:+.3f} ± {self.margin:.3f} %"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "value above the exact optimum of the product of the chains"

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        return {"above the optimum, %": (self.excess, self.excess - self.margin, self.excess + self.margin, 0.0)}


@dataclass(frozen=True)
class MeshRow:
    """Error of the index on one mesh at test beliefs, in per cent of its range there, and what the mesh says of the arm."""

    instance: str
    policy: str
    nodes: int
    mean_error: float
    largest_error: float
    least_work: float
    pcl: bool
    indexable: bool

    stretched: ClassVar[frozenset[str]] = frozenset({ERROR})
    logarithmic: ClassVar[bool] = True
    reference: ClassVar[str] = "zero"

    @property
    def cell(self) -> str:
        """What a table shows of the row."""
        verdict = "PCL" if self.pcl else "no PCL" if self.indexable else "not indexable"
        return f"{self.mean_error:.3g} / {self.largest_error:.3g} %, n = {self.nodes}, {verdict} {self.least_work:.2f}"

    @property
    def heading(self) -> str:
        """What the cells of a table are."""
        return "mean / largest error of the index in % of its range, nodes, what the mesh says, least work"


@dataclass(frozen=True)
class DepthRow(MeshRow):
    """A row against the depth of the belief space."""

    depth: int

    axis: ClassVar[str] = "depth k"
    symbol: ClassVar[str] = "k"
    logarithmic: ClassVar[bool] = False

    @property
    def at(self) -> float:
        """Where the row stands on the horizontal axis."""
        return self.depth

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        return {ERROR: (self.mean_error, self.mean_error, self.largest_error, None)}


@dataclass(frozen=True)
class MergeRow(MeshRow):
    """A row against the distance within which beliefs are merged."""

    merge: float

    axis: ClassVar[str] = "merge distance"
    symbol: ClassVar[str] = "merge"

    @property
    def at(self) -> float:
        """Where the row stands on the horizontal axis."""
        return self.merge

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What a figure shows, by the label of the axis."""
        return {
            ERROR: (self.mean_error, self.mean_error, self.largest_error, None),
            "least work": (self.least_work, self.least_work, self.least_work, 0.0),
        }

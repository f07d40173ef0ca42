"""Policies against the number of arms or another number: what was measured, its 95 % interval, and a line to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from rmab.figures.style import ALTERNATES, INK, MARKERS, MUTED, SIZE, WARM, blank, label, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 2
APART = 1.05
SHIFT = 0.006
SMALL = 1e-3
COLOURS = tuple(colour for colour in ALTERNATES if colour != WARM)


class Curve(NamedTuple):
    """One policy: numbers of arms (or what stands for them), means, and the ends of their intervals, one entry each."""

    at: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


@dataclass
class Panel:
    """Curves by policy, what they measure and against what, and the line that is drawn for comparison, if any; ``stretched``
    shows values near 0.
    """

    title: str
    subtitle: str = ""
    measure: str = "reward per arm"
    line: float | None = 0.0
    stretched: bool = False
    axis: str = "number of arms N"
    logarithmic: bool = True
    reference: str = "bound"
    curves: dict[str, Curve] = field(default_factory=dict)

    def add(self, policy: str, at: float, mean: float, low: float, high: float, line: float | None) -> None:
        """One more point, and where the line is."""
        curve = self.curves.setdefault(policy, Curve([], [], [], []))
        curve.at.append(at)
        curve.mean.append(mean)
        curve.low.append(low)
        curve.high.append(high)
        self.line = line


def curves(panels: Sequence[Panel]) -> Figure:
    """Every policy against the number of arms or another number, slightly apart so that equal ones show; two panels in a row.

    Parameters
    ----------
    panels : sequence of Panel
        All of them have the same policies.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> panel = Panel("example")
    >>> panel.add("whittle", 10, 0.4, 0.38, 0.42, line=0.5)
    >>> figure = curves([panel])
    >>> figure.axes[0].get_xscale(), figure.axes[0].get_xlabel()
    ('log', 'number of arms N')
    """
    down = -(-len(panels) // ACROSS)
    figure = blank(0.75 + 2.75 * down)
    grid = figure.subplots(down, min(ACROSS, len(panels)), squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        _draw(axes, panel)
        axes.set_title(label(panel.title, 40), fontsize=SIZE + 0.5, color=INK, loc="left", fontweight="bold", pad=14)
        axes.annotate(
            panel.subtitle, (0, 1), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points",
            fontsize=SIZE - 1, color=MUTED,
        )  # fmt: skip
    for axes in grid[len(panels) :]:
        axes.remove()
    handles, names = grid[0].get_legend_handles_labels()
    if len(panels) < len(grid):
        figure.legend(
            handles, names, loc="lower right", bbox_to_anchor=(0.92, 0.08), frameon=False, fontsize=SIZE, labelcolor=INK
        )
    else:
        figure.legend(handles, names, loc="outside lower center", ncols=5, frameon=False, fontsize=SIZE - 0.5, labelcolor=INK)
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    if panel.line is not None:
        axes.axhline(panel.line, color=WARM, linewidth=1.4, label=panel.reference, zorder=1)
    middle = (len(panel.curves) - 1) / 2
    numbers = sorted({n for curve in panel.curves.values() for n in curve.at})
    for position, (name, curve) in enumerate(panel.curves.items()):
        colour, marker, line = _look(position)
        places = _apart(panel, curve.at, position - middle, numbers[-1] - numbers[0])
        axes.vlines(places, curve.low, curve.high, color=colour, linewidth=1.6, alpha=0.5)
        axes.plot(
            places, curve.mean, color=colour, marker=marker, linestyle=line, linewidth=1.0, markersize=4.5,
            markeredgecolor="white", markeredgewidth=0.4, label=label(name),
        )  # fmt: skip
    quiet(axes, x=panel.axis, y=panel.measure, grid="y")
    if panel.stretched:
        axes.set_yscale("symlog", linthresh=SMALL, linscale=0.5)
        axes.set_ylim(bottom=-SMALL / 10)
    axes.set_xscale("log" if panel.logarithmic else "linear")
    axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
    axes.minorticks_off()


def _apart(panel: Panel, at: Sequence[float], steps: float, span: float) -> list[float]:
    """Where the points of a curve are drawn so that equal ones show: some steps away from where they are."""
    return [n * APART**steps if panel.logarithmic else n + SHIFT * span * steps for n in at]


def _look(position: int) -> tuple[str, str, str]:
    """Colour, marker and line: the second time round the colours, the line is dashed. The bound has its colour for itself."""
    rounds, place = divmod(position, len(COLOURS))
    return COLOURS[place], MARKERS[position % len(MARKERS)], "--" if rounds else "-"

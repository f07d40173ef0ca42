"""Policies against the number of arms: reward per arm with its 95 % interval, and the line that no policy can pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from rmab.figures.style import ALTERNATES, INK, MARKERS, MUTED, SIZE, WARM, blank, label, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 2
APART = 1.05
COLOURS = tuple(colour for colour in ALTERNATES if colour != WARM)


class Curve(NamedTuple):
    """One policy: numbers of arms, mean reward per arm, and the ends of its intervals, one entry per number of arms."""

    n_arms: list[int]
    mean: list[float]
    low: list[float]
    high: list[float]

    def add(self, n_arms: int, mean: float, low: float, high: float) -> None:
        """One more point."""
        self.n_arms.append(n_arms)
        self.mean.append(mean)
        self.low.append(low)
        self.high.append(high)


def curves(
    panels: Mapping[str, Mapping[str, Curve]], bounds: Mapping[str, float], *, subtitles: Mapping[str, str] | None = None
) -> Figure:
    """One panel per instance: every policy against the number of arms, drawn slightly apart so that equal ones show.

    Parameters
    ----------
    panels : mapping of str to mapping of str to Curve
        Curves by instance and policy; all instances have the same policies.
    bounds : mapping of str to float
        Upper bound per arm, by instance.
    subtitles : mapping of str to str, optional
        A remark below the title of each panel.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> curve = Curve([10, 100], [0.4, 0.45], [0.38, 0.44], [0.42, 0.46])
    >>> figure = curves({"example": {"whittle": curve}}, {"example": 0.5})
    >>> figure.axes[0].get_xscale(), figure.axes[0].get_xlabel()
    ('log', 'number of arms N')
    """
    down = -(-len(panels) // ACROSS)
    figure = blank(0.75 + 2.75 * down)
    grid = figure.subplots(down, min(ACROSS, len(panels)), squeeze=False).ravel()
    for axes, (name, policies) in zip(grid, panels.items(), strict=False):
        _panel(axes, policies, bounds[name])
        axes.set_title(label(name, 40), fontsize=SIZE + 0.5, color=INK, loc="left", fontweight="bold", pad=14)
        axes.annotate(
            (subtitles or {}).get(name, ""), (0, 1), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points",
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


def _panel(axes: Axes, policies: Mapping[str, Curve], bound: float) -> None:
    axes.axhline(bound, color=WARM, linewidth=1.4, label="bound", zorder=1)
    middle = (len(policies) - 1) / 2
    for position, (name, curve) in enumerate(policies.items()):
        colour, marker, line = _look(position)
        places = [n * APART ** (position - middle) for n in curve.n_arms]
        axes.vlines(places, curve.low, curve.high, color=colour, linewidth=1.6, alpha=0.5)
        axes.plot(
            places, curve.mean, color=colour, marker=marker, linestyle=line, linewidth=1.0, markersize=4.5,
            markeredgecolor="white", markeredgewidth=0.4, label=label(name),
        )  # fmt: skip
    quiet(axes, x="number of arms N", y="reward per arm", grid="y")
    axes.set_xscale("log")
    sizes = sorted({n for curve in policies.values() for n in curve.n_arms})
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()


def _look(position: int) -> tuple[str, str, str]:
    """Colour, marker and line: the second time round the colours, the line is dashed. The bound has its colour for itself."""
    rounds, place = divmod(position, len(COLOURS))
    return COLOURS[place], MARKERS[position % len(MARKERS)], "--" if rounds else "-"

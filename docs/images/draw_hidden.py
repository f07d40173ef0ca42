"""Draw the picture of docs/hidden.md; run ``python docs/images/draw_hidden.py`` in the folder of the project.

Left, an arm of two hidden states: its index on a fine belief space, and the intervals that a coarse one certifies. Right, an
arm of three: its index over all beliefs, and the beliefs that it reaches.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import rmab
from rmab.figures.style import ACCENT, INK, MUTED, RULE, SIZE, WARM, blank, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CRITERION = rmab.Discounted(0.9)
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])


def two_states(axes: Axes) -> None:
    """Index against the probability that a channel is idle, with the certified intervals of a coarse mesh."""
    channel = rmab.scenario("spectrum-access-v1").arms[0]
    idle = np.linspace(0.0, 1.0, 201)
    beliefs = np.column_stack([1.0 - idle, idle])
    coarse = channel.reachable(channel.stationary(), depth=20, merge=0.1)
    band = rmab.index_interval(channel, beliefs, CRITERION, space=coarse, tolerance=1e-3)
    fine = rmab.belief_index(channel, CRITERION, tolerance=1e-3)
    label = f"certified by {len(coarse.nodes)} nodes"
    axes.fill_between(idle, band.low, band.high, color=ACCENT, alpha=0.25, linewidth=0, label=label)
    axes.plot(idle, fine.at(beliefs), color=ACCENT, linewidth=1.2, label=f"index on {len(fine.space.nodes)} nodes")
    axes.plot(idle, 0.9 * idle, color=WARM, linewidth=1.0, linestyle="--", label="mean reward of acting")
    quiet(axes, x="probability that the channel is idle", y="index", grid="y")
    axes.legend(fontsize=SIZE - 1, frameon=False, labelcolor=INK)


def three_states(axes: Axes, figure: Figure) -> None:
    """Index over the triangle of beliefs, and the reachable ones."""
    arm = rmab.scenario("snir-v1").arms[0]
    found = rmab.belief_index(arm, CRITERION, tolerance=0.005)
    grid = np.array([(i, j, 80 - i - j) for i in range(81) for j in range(81 - i)]) / 80.0
    places = grid @ CORNERS
    colours = axes.tripcolor(places[:, 0], places[:, 1], found.at(grid), cmap="cividis", shading="gouraud")
    reached = found.space.beliefs @ CORNERS
    axes.plot(reached[:, 0], reached[:, 1], ".", color="white", markersize=2.2)
    axes.plot(*np.vstack([CORNERS, CORNERS[:1]]).T, color=RULE, linewidth=0.8)
    for corner, name, side in zip(CORNERS, ("low", "middle", "high"), ("top", "top", "bottom"), strict=True):
        axes.annotate(name, corner, ha="center", va=side, fontsize=SIZE, color=INK)
    axes.set_axis_off()
    axes.set_aspect("equal")
    bar = figure.colorbar(colours, ax=axes, shrink=0.8)
    bar.set_label("index", fontsize=SIZE, color=INK)
    bar.ax.tick_params(labelsize=SIZE - 0.5, colors=INK, color=MUTED)
    bar.outline.set_visible(False)  # type: ignore[operator]


def main() -> None:
    """Write the picture beside this file."""
    figure = blank(3.0)
    left, right = figure.subplots(1, 2)
    two_states(left)
    three_states(right, figure)
    figure.savefig(Path(__file__).with_name("hidden-index.png"), dpi=150, facecolor="white")


if __name__ == "__main__":
    main()

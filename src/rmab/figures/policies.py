"""Policies against the bound: mean reward per period with its 95 % interval, and the line that no policy can pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from rmab.figures.style import ACCENT, MUTED, RULE, SIZE, WARM, blank, label, quiet

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def against_bound(
    names: Sequence[str], means: ArrayLike, intervals: ArrayLike, bound: float, *, unit: str, digits: int = 2
) -> Figure:
    """One row per policy: its mean reward per period, its interval, and how far it is from the bound.

    Parameters
    ----------
    names : sequence of str
        Policies, the recommended one first.
    means : array_like, shape (P,)
        Mean reward per period over all arms.
    intervals : array_like, shape (P, 2)
        Their 95 % intervals.
    bound : float
        Upper bound on the mean reward per period.
    unit : str
        What the reward is, for the axis.
    digits : int
        Decimals of the numbers.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> figure = against_bound(["whittle", "no action"], [8.0, 5.0], [[7.9, 8.1], [4.9, 5.1]], 8.2, unit="reward")
    >>> figure.axes[0].get_xlabel()
    'reward per period, whole cohort'
    """
    middle, ends = np.asarray(means, dtype=float), np.asarray(intervals, dtype=float)
    figure = blank(0.95 + 0.36 * len(names))
    axes = figure.add_subplot()
    rows = np.arange(len(names))[::-1]
    span = (max(bound, ends.max()) - min(bound, ends.min())) or 1.0
    for row, mean, (low, high), position in zip(rows, middle, ends, range(len(names)), strict=True):
        colour = ACCENT if position == 0 else MUTED
        axes.plot([mean, bound], [row, row], color=RULE, linewidth=1.2, zorder=1)
        axes.plot([low, high], [row, row], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt", zorder=2)
        axes.plot(mean, row, "o", color=colour, markersize=4.5, zorder=3)
        place = {"xytext": (-6, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
        axes.annotate(f"{mean:,.{digits}f}", (low, row), fontsize=SIZE - 0.5, color=colour, **place)  # type: ignore[arg-type]
    axes.axvline(bound, color=WARM, linewidth=1.4)
    axes.annotate(
        f"bound {bound:,.{digits}f}", (bound, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
        ha="center", fontsize=SIZE - 0.5, color=WARM, annotation_clip=False,
    )  # fmt: skip
    quiet(axes, x=f"{unit} per period, whole cohort", grid="x")
    axes.set_yticks(rows, [label(name) for name in names])
    axes.set_ylim(-0.5, len(names) - 0.35)
    axes.set_xlim(min(bound, ends.min()) - 0.14 * span, max(bound, ends.max()) + 0.06 * span)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=SIZE)
    return figure

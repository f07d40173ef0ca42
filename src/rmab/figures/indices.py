"""What acting is worth: the index of every group and state, with the interval that the log leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rmab.figures.style import INK, SIZE, WARM, alternate, blank, label, quiet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_GROUPS = 24


def indices(
    values: NDArray[np.float64],
    intervals: NDArray[np.float64] | None,
    groups: Sequence[str],
    states: Sequence[str],
    *,
    price: float,
    unit: str,
    digits: int = 3,
) -> Figure:
    """One row per group, one mark per state, and the market charge as a line.

    Parameters
    ----------
    values : ndarray, shape (K, S)
        Indices, in reward per activation.
    intervals : ndarray, shape (2, K, S), optional
        Ends of the 95 % intervals.
    groups, states : sequence of str
        Labels; the first 24 groups are drawn.
    price : float
        Market charge: acting pays where the index is above it.
    unit : str
        What the reward is, for the axis.
    digits : int
        Decimals of the market charge.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> figure = indices(np.array([[0.5, 0.2]]), None, ["all"], ["poor", "good"], price=0.3, unit="reward")
    >>> figure.axes[0].get_yticklabels()[0].get_text()
    'all'
    """
    shown = min(len(groups), MOST_GROUPS)
    figure = blank(1.15 + 0.42 * shown)
    axes = figure.add_subplot()
    rows = np.arange(shown)[::-1].astype(float)
    offsets = np.linspace(0.2, -0.2, len(states)) if len(states) > 1 else np.zeros(1)
    for s, state in enumerate(states):
        colour, marker = alternate(s)
        height = rows + offsets[s]
        if intervals is not None:
            axes.hlines(height, intervals[0, :shown, s], intervals[1, :shown, s], color=colour, linewidth=2.4, alpha=0.55)
        axes.plot(values[:shown, s], height, marker, color=colour, markersize=6, markeredgecolor="white", label=label(state))
    axes.axvline(price, color=WARM, linewidth=1.2, linestyle=(0, (4, 2)), label=f"market charge {price:,.{digits}f}")
    quiet(axes, x=f"index: {unit} that one activation is worth", grid="x")
    axes.set_yticks(rows, [label(group) for group in groups[:shown]])
    axes.set_ylim(-0.6, shown - 0.4)
    axes.tick_params(axis="y", length=0, labelsize=SIZE)
    figure.legend(loc="outside upper right", ncols=len(states) + 1, frameon=False, fontsize=SIZE - 0.5, labelcolor=INK)
    return figure

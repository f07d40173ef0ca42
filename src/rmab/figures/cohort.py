"""The cohort over time: the share of arms in each state, as observed and as projected under each policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rmab.figures.style import INK, SIZE, blank, label, quiet, state_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def cohort(
    observed: NDArray[np.float64],
    projected: Mapping[str, NDArray[np.float64]],
    states: Sequence[str],
) -> Figure:
    """Shares of the cohort in each state: what was observed up to now, then one projection per panel.

    Parameters
    ----------
    observed : ndarray, shape (H, S)
        Share of the arms in each state in the periods up to and including the present one; rows sum to 1.
    projected : mapping of str to ndarray, shape (T, S)
        Expected shares in the present period and after it, by the name of the policy.
    states : sequence of str
        Labels of the states, worst first.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> shares = np.array([[0.5, 0.5], [0.4, 0.6]])
    >>> figure = cohort(shares, {"no action": shares}, ["poor", "good"])
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['no action']
    """
    figure = blank(2.9)
    panels = figure.subplots(1, len(projected), sharey=True, squeeze=False)[0]
    for axes, (name, shares) in zip(panels, projected.items(), strict=True):
        _panel(axes, observed, shares, states)
        axes.set_title(label(name, 40), fontsize=SIZE + 0.5, color=INK, loc="left", fontweight="bold")
    panels[0].set_ylabel("share of the cohort", fontsize=SIZE, color=INK)
    return figure


def _panel(axes: Axes, observed: NDArray[np.float64], shares: NDArray[np.float64], states: Sequence[str]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

    colours = state_colours(len(states))
    past = np.arange(1 - len(observed), 1)
    future = np.arange(len(shares))
    axes.stackplot(past, observed.T, colors=colours, linewidth=0)
    axes.stackplot(future, shares.T, colors=colours, linewidth=0, alpha=0.8)
    axes.axvline(0, color="white", linewidth=2.2)
    axes.axvline(0, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
    quiet(axes, x="period")
    axes.set_xlim(min(past[0], -0.5), max(future[-1], 1))
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda period, _: f"{period:+.0f}".replace("-", "−") if period else "now"))
    _label_bands(axes, shares[-1], states)


def _label_bands(axes: Axes, last: NDArray[np.float64], states: Sequence[str]) -> None:
    middles = np.cumsum(last) - last / 2
    for middle, share, state in zip(middles, last, states, strict=True):
        if share >= 0.04:
            axes.annotate(
                f"{label(state, 12)}\n{share:.0%}", (1, middle), xycoords="axes fraction",
                xytext=(5, 0), textcoords="offset points", fontsize=SIZE - 0.5, color=INK, va="center", annotation_clip=False,
            )  # fmt: skip

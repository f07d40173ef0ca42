"""Learning curves: what every seed had learned after so many periods, between random choice and the bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmab.figures.style import ACCENT, INK, MUTED, SIZE, WARM, blank, label, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rmab.learn.result import Curves

LOWEST, APART = -0.25, 1.08


def learning_curves(curves: Curves, title: str = "") -> Figure:
    """Each seed as a thin line, their mean, and its 95 % interval, over the periods on a logarithmic axis.

    Scores are held against the bound, 1, and random choice, 0; what lies further below random choice than a quarter of the way
    to the bound is cut off. Where there is no model, and so no score, the rewards that were earned while learning are shown.

    Parameters
    ----------
    curves : Curves
        Of a training.
    title : str
        What was learned by whom.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> from rmab.learn.result import Curves
    >>> scores = np.array([[0.2, 0.7, 0.9], [0.1, 0.8, 0.95]])
    >>> figure = learning_curves(Curves(np.array([10, 100, 1000]), scores, 50 * scores, 0.0, 50.0), "example")
    >>> figure.axes[0].get_xscale(), len(figure.axes[0].lines)
    ('log', 5)
    """
    figure = blank(3.4)
    axes = figure.subplots()
    scored = curves.scores is not None
    shown = curves.rewards if curves.scores is None else curves.scores
    if scored:
        _ends(axes)
    for i, seed in enumerate(shown if len(shown) > 1 else []):
        axes.plot(curves.periods, seed, color=MUTED, linewidth=0.6, alpha=0.6, label="one seed" if i == 0 else None)
    ends = curves.interval
    if ends is not None:
        axes.fill_between(curves.periods, *ends, color=ACCENT, alpha=0.18, linewidth=0, label="95 % interval")
    name = "one seed" if len(shown) == 1 else f"mean of {len(shown)} seeds"
    axes.plot(curves.periods, curves.mean, color=ACCENT, marker="o", markersize=3.5, linewidth=1.6, label=name)
    measure = "score of the learned policy" if scored else "reward per period while learning"
    quiet(axes, x="periods of learning", y=measure, grid="y")
    axes.set_xscale("log")
    axes.set_xlim(curves.periods[0] / APART, curves.periods[-1] * APART)
    if scored:
        axes.set_ylim(max(min(float(shown.min()) - 0.05, -0.05), LOWEST), max(float(shown.max()), 1.0) + 0.08)
    axes.set_title(label(title, 80), fontsize=SIZE + 0.5, color=INK, loc="left", fontweight="bold")
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=SIZE - 0.5, labelcolor=INK)
    return figure


def _ends(axes: Axes) -> None:
    """The bound and random choice, named at the line."""
    for height, colour, name in ((1.0, WARM, "bound"), (0.0, MUTED, "random choice")):
        axes.axhline(height, color=colour, linewidth=1.2, zorder=1)
        axes.annotate(
            name, (1, height), xycoords=("axes fraction", "data"), xytext=(-2, 3), textcoords="offset points",
            ha="right", fontsize=SIZE - 1, color=colour,
        )  # fmt: skip

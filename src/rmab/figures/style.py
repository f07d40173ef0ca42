"""The look of every figure: colours that stay apart for colour-blind readers, quiet axes, no global state.

Figures are made with :class:`matplotlib.figure.Figure` itself, never with ``pyplot``, and nothing here changes ``rcParams``: a
program that draws its own plots is not disturbed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2933"
MUTED = "#66727f"
RULE = "#d9dee3"
ACCENT = "#0b6e99"
WARM = "#c8553d"
ALTERNATES = ("#0b6e99", "#d98b2b", "#5b8c5a", "#8a5a9e", "#c8553d", "#4f5d75")
MARKERS = ("o", "s", "D", "^", "v", "P")
WIDTH = 7.4
SIZE = 9.0


def blank(height: float) -> Figure:
    """An empty figure of the report's width and the given height, both in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor="none")


def quiet(axes: Axes, *, x: str = "", y: str = "", grid: str | None = None) -> None:
    """Label the axes, keep two thin spines, and draw a light grid along ``grid`` ("x", "y" or none)."""
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
        axes.spines[side].set_linewidth(0.7)
    axes.tick_params(labelsize=SIZE - 0.5, colors=INK, width=0.7, length=3, color=MUTED)
    axes.set_xlabel(x, fontsize=SIZE, color=INK)
    axes.set_ylabel(y, fontsize=SIZE, color=INK)
    axes.set_axisbelow(True)
    if grid is not None:
        axes.grid(axis=grid, color=RULE, linewidth=0.7)  # type: ignore[arg-type]


def label(text: str, longest: int = 22) -> str:
    """Text from outside as a label: cut to length, and dollar signs taken as they are (not as the start of a formula).

    Examples
    --------
    >>> print(label("in $ per period", longest=8))
    in \\$ pe…
    """
    text = text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
    return text.replace("$", r"\$")


def state_colours(n_states: int) -> list[tuple[float, float, float, float]]:
    """One colour per state, from dark to light along a map that is even in brightness for every reader."""
    from matplotlib import colormaps

    shades = np.linspace(0.12, 0.88, n_states) if n_states > 1 else np.array([0.4])
    return [colormaps["cividis"](shade) for shade in shades]


def alternate(position: int) -> tuple[str, str]:
    """Colour and marker of the series at ``position``; both differ, so that neither is needed alone.

    Examples
    --------
    >>> alternate(0)
    ('#0b6e99', 'o')
    """
    return ALTERNATES[position % len(ALTERNATES)], MARKERS[position % len(MARKERS)]

"""The estimated transitions as small tables: from each row's state to each column's, with the counts behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rmab.figures.style import INK, SIZE, WIDTH, blank, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_GROUPS = 8
CELL_WIDTH, CELL_HEIGHT = 0.5, 0.42  # inches


def transitions(
    probabilities: NDArray[np.float64],
    counts: NDArray[np.int64],
    groups: Sequence[str],
    actions: Sequence[str],
    states: Sequence[str],
) -> Figure:
    """One table per group and action, shaded by probability; ``n`` is the number of moves observed from that state.

    Parameters
    ----------
    probabilities : ndarray, shape (K, A, S, S)
        Estimated transition probabilities.
    counts : ndarray, shape (K, A, S, S)
        Observed moves.
    groups, actions, states : sequence of str
        Labels; the first 8 groups are drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> figure = transitions(np.full((1, 2, 2, 2), 0.5), np.ones((1, 2, 2, 2), int), ["all"], ["0", "1"], ["poor", "good"])
    >>> len(figure.axes)
    2
    """
    shown = min(len(groups), MOST_GROUPS)
    tables = [(k, a) for k in range(shown) for a in range(len(actions))]
    across = min(len(tables), _across(len(states), len(actions)))
    down = -(-len(tables) // across)
    figure = blank(down * (0.95 + CELL_HEIGHT * len(states)))
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes, (k, a) in zip(grid, tables, strict=False):
        _table(axes, probabilities[k, a], counts[k, a].sum(axis=1), states)
        axes.set_title(f"{groups[k]}\n{actions[a]}" if shown > 1 else actions[a], fontsize=SIZE - 0.5, color=INK, loc="left")
    for axes in grid[len(tables) :]:
        axes.remove()
    return figure


def _across(n_states: int, n_actions: int) -> int:
    """Tables beside each other: as many as keep their numbers apart, all actions of a group in one row if they fit."""
    room = max(1, int(WIDTH / (0.8 + CELL_WIDTH * n_states)))
    return room - room % n_actions if room >= n_actions else room


def _table(axes: Axes, rows: NDArray[np.float64], moves: NDArray[np.int64], states: Sequence[str]) -> None:
    edges = np.arange(len(states) + 1) - 0.5
    axes.pcolormesh(edges, edges, rows, cmap="Blues", vmin=0, vmax=1.15, edgecolors="white", linewidth=2)
    axes.invert_yaxis()
    for (s, t), probability in np.ndenumerate(rows):
        axes.text(
            t, s, f"{probability:.2f}", ha="center", va="center", fontsize=SIZE, color="white" if probability > 0.6 else INK
        )
    places = range(len(states))
    axes.set_xticks(places, [label(state, 8) for state in states])
    axes.set_yticks(places, [f"{label(state, 10)}\nn = {n}" for state, n in zip(states, moves, strict=True)])
    axes.tick_params(length=0, labelsize=SIZE - 1, colors=INK)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("next state", fontsize=SIZE - 1, color=INK)

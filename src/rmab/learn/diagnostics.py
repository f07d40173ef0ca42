"""What is watched while learning: how often cells cross the cut of the budget, what was never tried, and when to stop.

Cells (type, state) are ordered by their learned index. With the share of arms that each has held of late, the budget cuts this
order at one cell: those before it are *above* the cut, those after it *below*. A cell that goes from one side to the other is
a *flip*; what happens far from the cut changes no decision. A learner has settled when

* no cell has flipped for 1,000 periods, and for as long as it takes to visit the rarest cell 20 times, and
* its price, if it has one, balances the budget: the mean of budget - eager arms is within 1 % of the arms.

Divergence is a number that is not finite, or larger than a million times what the rewards seen can add up to: the largest of
them, without its sign, over 1 - beta, or itself on average.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rmab.learn.learner import Memory, Setting

QUIET, VISITS_WITHOUT_FLIP, BALANCED = 1_000, 20, 0.01
FOLLOW = 0.05
LARGEST = 1e6


def new_notes(setting: Setting) -> Memory:
    """Nothing seen yet: the side of every cell, its share of the arms, flips and the period of the last one."""
    return {
        "side": np.zeros(setting.cells, dtype=np.int8),
        "share": np.zeros(setting.cells),
        "before": np.zeros((*setting.cells, setting.n_actions), dtype=np.int64),
        "flips": np.zeros(1, dtype=np.int64),
        "last_flip": np.zeros(1, dtype=np.int64),
    }


def take_notes(notes: Memory, visits: NDArray[np.int64], index: NDArray[np.float64], setting: Setting, period: int) -> None:
    """Bring ``notes`` up to date with the ``visits`` (K, S, A) and the ``index`` (K, S) of ``period``."""
    held = (visits - notes["before"]).sum(axis=2).astype(float)
    notes["before"][...] = visits
    weight = FOLLOW if notes["share"].any() else 1.0
    notes["share"] += weight * (held / max(held.sum(), 1.0) - notes["share"])
    side = sides(index, notes["share"], setting.budget.k / setting.n_arms)
    crossed = int((side * notes["side"] == -1).sum())
    notes["side"][...] = np.where(side == 0, notes["side"], side)
    notes["flips"] += crossed
    if crossed:
        notes["last_flip"][0] = period


def sides(score: NDArray[np.float64], share: NDArray[np.float64], budget: float) -> NDArray[np.int8]:
    """1 for cells above the cut, -1 below, 0 at it or empty, (K, S), for a ``share`` of arms per cell and a share to act on.

    Examples
    --------
    >>> sides(np.array([[3.0, 1.0, 2.0, 0.0]]), np.array([[0.2, 0.3, 0.3, 0.2]]), 0.4)
    array([[ 1, -1,  0, -1]], dtype=int8)
    """
    order = np.argsort(-score, axis=None, kind="stable")
    line = share.ravel()[order]
    until = np.cumsum(line)
    found = np.zeros(len(order), dtype=np.int8)
    found[order] = np.where(line <= 0, 0, np.where(until <= budget, 1, np.where(until - line >= budget, -1, 0)))
    return found.reshape(score.shape)


def settled(notes: Memory, memory: Memory, imbalance: float, period: int) -> bool:
    """Whether the rule of the module docstring says that learning may stop."""
    tried = memory["visits"][memory["visits"] > 0]
    wait = max(QUIET, VISITS_WITHOUT_FLIP * period / tried.min()) if len(tried) else np.inf
    return bool(period - int(notes["last_flip"][0]) >= wait and imbalance < BALANCED)


def diverged(memory: Memory, names: Iterable[str], most: float) -> str:
    """Which of the arrays ``names`` has diverged, in words, or nothing; ``most`` is what the rewards seen can add up to.

    Examples
    --------
    >>> diverged({"q": np.array([[0.0, 1e9]])}, ["q"], 1.0)
    'q reached 1e+09, more than a million times what the rewards add up to'
    """
    for name in names:
        values = memory[name]
        if np.isnan(values).any():
            return f"{name} is not a number"
        largest = float(np.abs(values).max(initial=0.0))
        if largest == np.inf or largest > LARGEST * most > 0:
            return f"{name} reached {largest:.3g}, more than a million times what the rewards add up to"
    return ""


def coverage(memory: Memory) -> dict[str, float]:
    """How much was tried: the visits of the rarest cell and action of all visited states, and how many were never tried.

    Examples
    --------
    >>> coverage({"visits": np.array([[[3, 0], [0, 0], [5, 9]]])})
    {'fewest_visits': 0.0, 'never_tried': 1.0}
    """
    reached = memory["visits"][memory["visits"].sum(axis=2) > 0]
    return {"fewest_visits": float(reached.min()) if len(reached) else 0.0, "never_tried": float((reached == 0).sum())}

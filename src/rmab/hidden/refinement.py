"""Beliefs chosen by how likely they are reached: at the same number of beliefs, a finer set where the arm spends its time.

Breadth-first growth resolves every belief alike, however rarely it is met. Here the set grows one belief at a time: of all
successors of the beliefs that were kept, the one with the largest

    (discounted probability of reaching it) x (distance to the nearest kept belief of its mode)

is kept next. Reaching is along the path on which it was found, with the arm acted on in a given share of periods.

1. Keep the starts, each with the same probability.
2. Keep the best leaf, add its successors (see :mod:`rmab._kernels.reach`), and repeat until the set has its size.
3. Stop early when every leaf is a kept belief: then the set is closed.

Reference: the rule is ours; J. Pineau, G. Gordon, S. Thrun, "Point-based value iteration", IJCAI (2003), grow their set by the
farthest successor. Nothing in it is random. Cost: at most n distances per leaf, in practice a small part of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.reach import grow_best_first
from rmab.errors import ModelError
from rmab.hidden.kernel import HiddenKernel


def grow_by_reach(
    hidden: HiddenKernel,
    start: NDArray[np.float64],
    modes: NDArray[np.int64],
    *,
    size: int,
    discount: float,
    activity: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """At most ``size`` beliefs, the likeliest and farthest from the others first.

    Parameters
    ----------
    hidden : HiddenKernel
        The hidden arm.
    start : ndarray, shape (m, S)
        Beliefs at the start.
    modes : ndarray of int, shape (m,)
        Their modes.
    size : int
        Beliefs to keep, at least ``m``.
    discount : float
        What a period later counts, between 0 and 1: high looks further ahead.
    activity : float
        Share of periods in which the arm is acted on, from 0 to 1; several actions other than waiting share it evenly. In a
        mode where none is allowed the arm waits.

    Returns
    -------
    beliefs : ndarray, shape (n, S)
        The kept beliefs, the starts first.
    modes, generation : ndarray of int, shape (n,)
        Mode of each, and the periods from a start along the path on which it was found. ``n`` is below ``size`` if no more
        beliefs can be reached.

    Raises
    ------
    ModelError
        If ``size`` is below the number of starts, or ``discount`` or ``activity`` is out of range.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> at = np.zeros(1, dtype=np.int64)
    >>> beliefs, modes, generation = grow_by_reach(channel, np.array([[0.4, 0.6]]), at, size=4, discount=0.9, activity=0.5)
    >>> beliefs[:, 1].round(3), generation
    (array([...]), array([0, 1, 1, ...]))
    """
    if not 1 <= len(start) <= size:
        raise ModelError(f"size must be at least 1 and at least the {len(start)} starts, got {size}")
    if not 0.0 < discount <= 1.0 or not 0.0 <= activity <= 1.0:
        raise ModelError(f"discount must be above 0 and at most 1, activity from 0 to 1; got {discount!r} and {activity!r}")
    return grow_best_first(
        hidden.kernel, hidden.allowed, _shares(hidden.allowed, activity), start, modes, size, float(discount)
    )


def _shares(allowed: NDArray[np.bool_], activity: float) -> NDArray[np.float64]:
    """The share of periods of each action in each mode, shape ``(Y, A)``."""
    choices = allowed[:, 1:].sum(axis=1, keepdims=True)
    share = np.where(allowed, activity / np.maximum(choices, 1), 0.0)
    share[:, 0] = np.where(choices[:, 0] > 0, 1.0 - activity, 1.0)
    return share

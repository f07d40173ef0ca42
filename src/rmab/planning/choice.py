"""Who is on this period's list: the highest indices within the budget, ties at the cut drawn at random.

1. Arms whose index reaches the policy's threshold (0 for a charge-type index) are worth acting on; with a budget that must be
   used up, all arms are candidates.
2. Sort the candidates by index; the *cut* is the index of the last arm that fits.
3. Arms above the cut are chosen. When more arms stand at the cut than places are left, the places are drawn among them, each
   arm equally likely; those arms are *tied*. With two states most arms tie, and the list says so.

Cost: one sort of ``N`` numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.models.budget import Budget


@dataclass(frozen=True, eq=False)
class Choice:
    """The arms that are acted on this period.

    Attributes
    ----------
    arms : ndarray of int, shape (C,)
        The chosen arms, highest index first; among equal indices in the order of the arms.
    tied : ndarray of bool, shape (N,)
        Arms that stand at the cut when there are too few places for all of them, chosen or not.
    places : int
        Places that were drawn among the tied arms; 0 without a tie.
    cutoff : float or None
        Index of the first arm that was left out; ``None`` when no arm was.
    """

    arms: NDArray[np.int64]
    tied: NDArray[np.bool_]
    places: int
    cutoff: float | None


def choose(index: NDArray[np.float64], threshold: float, budget: Budget, rng: np.random.Generator) -> Choice:
    """Choose this period's arms.

    Parameters
    ----------
    index : ndarray, shape (N,)
        Index of every arm in its present state.
    threshold : float
        Arms of lower index are left alone under an "at most" budget.
    budget : TopK
        How many arms may be acted on.
    rng : numpy.random.Generator
        Draws the ties.

    Returns
    -------
    Choice

    Examples
    --------
    >>> import numpy as np
    >>> from rmab.models.budget import TopK
    >>> choice = choose(np.array([0.2, 0.7, 0.2, 0.2]), 0.0, TopK(3), np.random.default_rng(1))
    >>> choice.arms, int(choice.tied.sum()), choice.places, choice.cutoff
    (array([1, 0, 2]), 3, 2, 0.2)
    """
    candidate = np.full(index.shape, True) if budget.exactly else index >= threshold
    room = min(budget.k, int(candidate.sum()))
    chosen = np.zeros(index.shape, dtype=bool)
    tied = np.zeros(index.shape, dtype=bool)
    places = 0
    if room:
        cut = np.sort(index[candidate])[-room]
        chosen = candidate & (index > cut)
        level = np.flatnonzero(candidate & (index == cut))
        left = room - int(chosen.sum())
        chosen[rng.permutation(level)[:left]] = True
        if left < len(level):
            tied[level] = True
            places = left
    arms = np.flatnonzero(chosen)
    outside = index[~chosen]
    return Choice(
        arms=arms[np.argsort(-index[arms], kind="stable")],
        tied=tied,
        places=places,
        cutoff=float(outside.max()) if len(outside) else None,
    )


def chosen_share(
    index: NDArray[np.float64], threshold: float, counts: NDArray[np.int64], budget: Budget
) -> NDArray[np.float64]:
    """The probability with which an arm of each cell is chosen, ties drawn at random.

    Parameters
    ----------
    index : ndarray, shape (C,)
        Index of each cell of exchangeable arms.
    threshold : float
        Cells of lower index are left alone under an "at most" budget.
    counts : ndarray of int, shape (C,)
        Arms in each cell.
    budget : TopK
        How many arms may be acted on.

    Returns
    -------
    ndarray, shape (C,)
        Between 0 and 1; 0 for an empty cell.

    Examples
    --------
    >>> import numpy as np
    >>> from rmab.models.budget import TopK
    >>> chosen_share(np.array([0.7, 0.2, -0.1]), 0.0, np.array([1, 4, 9]), TopK(3))
    array([1. , 0.5, 0. ])
    """
    share = np.zeros(index.shape)
    room = budget.k
    for level in np.unique(index)[::-1]:
        if level < threshold and not budget.exactly:
            break
        cells = index == level
        waiting = int(counts[cells].sum())
        if waiting:
            share[cells & (counts > 0)] = min(1.0, room / waiting)
            room = max(0, room - waiting)
    return share

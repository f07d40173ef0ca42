"""Where the budget cuts: top-K without a sort.

An index table has finitely many values, so the (type, state) cells are ranked once, best first, equal priorities sharing a
rank. With the number of arms in every cell known, the cut is found by adding up cells in order of rank.
"""

from numba import njit


@njit(nogil=True, cache=True)
def find_cut(counts, order, rank, eligible, budget):
    """The rank at which the budget ends.

    ``counts`` (C,) arms per cell, ``order`` (C,) cells best first, ``rank`` (C,) rank of each cell, ``eligible`` the number
    of ranks that may be acted on. Returns ``(cut, needed, tied)``: act on all ranks below ``cut`` and on ``needed`` of the
    ``tied`` arms of rank ``cut``; ``needed`` is below ``tied`` or both are 0.
    """
    left = budget
    i = 0
    while i < len(order):
        current = rank[order[i]]
        if left == 0 or current >= eligible:
            return current, 0, 0
        tied = 0
        while i < len(order) and rank[order[i]] == current:
            tied += counts[order[i]]
            i += 1
        if tied > left:
            return current, left, tied
        left -= tied
    return len(order), 0, 0

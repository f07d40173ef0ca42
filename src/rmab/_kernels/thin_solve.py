"""Many right-hand sides of one system with few entries per row: the chain of an arm that is never acted on.

The system is ``I - beta P`` transposed, with ones in its last row: the pinned form of :mod:`rmab._kernels.elimination`. Rows of
``P`` with a few entries, such as those of belief chains, stay nearly so under elimination when the state with the fewest
neighbours goes first.

1. Eliminate on the diagonal, which an M-matrix permits, next the state with the smallest number of (row entries) x (column
   entries), the last state at the end. Multipliers and rows are written down as lists.
2. Apply the lists to the right-hand sides, in slices of columns that stay in the cache.

Reference: H. M. Markowitz, "The elimination form of the inverse and its application to linear programming", Management Science
3 (1957). Cost: O(n^2) to search, and one multiplication per list entry and right-hand side.
"""

import numpy as np
from numba import njit

SLICE = 256  # columns per slice


@njit(nogil=True, cache=True)
def solve_thin(system, n, most):
    """As :func:`rmab._kernels.blocked_solve.solve_in_place`; -1 when the lists would have more than ``most`` entries.

    Nothing but the first ``n`` columns is touched in that case.
    """
    order, pivots = np.empty(n, np.int64), np.empty(n)
    below, right = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    rows, columns = np.empty(most + n, np.int32), np.empty(most + n, np.int32)
    factors, entries = np.empty(most + n), np.empty(most + n)
    in_row, in_column = _count(system, n)
    waiting = np.arange(n)
    for t in range(n):
        place = _fewest(waiting, n - t, in_row, in_column, n - 1)
        k = waiting[place]
        waiting[place] = waiting[n - t - 1]
        order[t], pivots[t] = k, system[k, k]
        if not pivots[t] > 0.0:
            return 0.0
        if right[t] > most or below[t] > most:
            return -1.0
        lower, upper = below[t], right[t]
        for q in range(n - t - 1):
            c = waiting[q]
            if system[k, c] != 0.0:
                columns[upper], entries[upper] = c, system[k, c]
                upper += 1
                in_column[c] -= 1
            if system[c, k] != 0.0:
                rows[lower], factors[lower] = c, system[c, k] / pivots[t]
                lower += 1
                in_row[c] -= 1
        below[t + 1], right[t + 1] = lower, upper
        for q in range(below[t], lower):
            target = system[rows[q]]
            for c in range(right[t], upper):
                j = columns[c]
                if target[j] == 0.0:
                    in_row[rows[q]] += 1
                    in_column[j] += rows[q] != n - 1
                target[j] -= factors[q] * entries[c]
    for first in range(n, 2 * n, SLICE):
        _apply(system[:, first : min(first + SLICE, 2 * n)], order, pivots, below, rows, factors, right, columns, entries)
    return pivots.min()


@njit(nogil=True, cache=True)
def _count(system, n):
    """Entries off the diagonal in every row and column; the last row does not count."""
    in_row, in_column = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for i in range(n - 1):
        for j in range(n):
            if system[i, j] != 0.0 and i != j:
                in_row[i] += 1
                in_column[j] += 1
    return in_row, in_column


@njit(nogil=True, cache=True)
def _fewest(waiting, left, in_row, in_column, last):
    """Place of the state to eliminate next: fewest possible new entries, but ``last`` at the end."""
    best, least = 0, np.int64(2) ** 62
    for q in range(left):
        k = waiting[q]
        fill = in_row[k] * in_column[k]
        if fill < least and (k != last or left == 1):
            best, least = q, fill
    return best


@njit(nogil=True, cache=True)
def _apply(target, order, pivots, below, rows, factors, right, columns, entries):
    """Forward and backward substitution."""
    n, width = len(order), target.shape[1]
    for t in range(n):
        source = target[order[t]]
        for q in range(below[t], below[t + 1]):
            row, factor = target[rows[q]], factors[q]
            for c in range(width):
                row[c] -= factor * source[c]
    for t in range(n - 1, -1, -1):
        row = target[order[t]]
        for q in range(right[t], right[t + 1]):
            source, factor = target[columns[q]], entries[q]
            for c in range(width):
                row[c] -= factor * source[c]
        for c in range(width):
            row[c] /= pivots[t]

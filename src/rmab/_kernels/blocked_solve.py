"""Many right-hand sides of one diagonally dominant system, by blocked elimination without exchanges.

The system ``I - beta P`` of a policy is an M-matrix, which needs no pivoting. Rows are eliminated in slices of INNER, and
slices in slabs of OUTER, so that nearly all work is matrix products whose inner size is a slab: these run at the full rate of
the BLAS from some hundred states on, and a slab stays in the cache while its slices are eliminated among themselves.

Reference: G. H. Golub, C. F. Van Loan, Matrix Computations (2013), section 3.2. Cost: (8/3) n^3 operations for n right-hand
sides.
"""

import numpy as np
from numba import njit

from rmab._kernels.blas import add_product

OUTER = 192


@njit(nogil=True, cache=True)
def solve_in_place(system, n):
    """Replace the columns from ``n`` on of ``system`` (n, n + m) by the solutions; return the smallest pivot.

    The first ``n`` columns hold the matrix and are destroyed. A pivot that is not positive ends the elimination.
    """
    inner = 16 if n <= 300 else 32
    smallest = np.inf
    negative = np.empty((OUTER, n))
    for slab in range(0, n, OUTER):
        last = min(slab + OUTER, n)
        for top in range(slab, last, inner):
            end = min(top + inner, last)
            smallest = min(smallest, _factor(system, top, end))
            if not smallest > 0.0:
                return smallest
            for r in range(top + 1, end):
                for q in range(top, r):
                    add(system[r, end:], -system[r, q], system[q, end:])
            _multipliers(system, top, end, end, last, negative)
            add_product(negative[: end - top, : last - end], system[top:end, end:], system[end:last, end:])
        for top in range(slab, last, inner):
            end = min(top + inner, last)
            _multipliers(system, top, end, last, n, negative[top - slab :])
            add_product(negative[top - slab : end - slab, : n - last], system[top:end, end:last], system[last:, end:last])
        add_product(negative[: last - slab, : n - last], system[slab:last, last:], system[last:, last:])
    _substitute(system, n, inner, negative)
    return smallest


@njit(nogil=True, cache=True)
def _factor(system, top, end):
    """LU factors of a diagonal block, in place; the smallest pivot."""
    smallest = np.inf
    for q in range(top, end):
        smallest = min(smallest, system[q, q])
        if not smallest > 0.0:
            return smallest
        for r in range(q + 1, end):
            system[r, q] /= system[q, q]
            add(system[r, q + 1 : end], -system[r, q], system[q, q + 1 : end])
    return smallest


@njit(nogil=True, cache=True)
def _multipliers(system, top, end, first, last, negative):
    """Minus the multipliers of the rows ``first <= r < last``, one row of ``negative`` per column of the block."""
    count = last - first
    for q in range(top, end):
        target = negative[q - top, :count]
        for r in range(count):
            target[r] = -system[first + r, q]
        for k in range(top, q):
            add(target, -system[k, q], negative[k - top, :count])
        for r in range(count):
            target[r] /= system[q, q]


@njit(nogil=True, cache=True)
def _substitute(system, n, inner, negative):
    """Back substitution, by slabs from the last to the first."""
    for slab in range((n - 1) // OUTER * OUTER, -1, -OUTER):
        last = min(slab + OUTER, n)
        for top in range(slab + (last - slab - 1) // inner * inner, slab - 1, -inner):
            end = min(top + inner, last)
            for r in range(end - 1, top - 1, -1):
                target = system[r, n:]
                for q in range(r + 1, end):
                    add(target, -system[r, q], system[q, n:])
                for c in range(len(target)):
                    target[c] /= system[r, r]
            _negative_block(system, slab, top, top, end, negative)
            add_product(negative[: end - top, : top - slab], system[top:end, n:], system[slab:top, n:])
        _negative_block(system, 0, slab, slab, last, negative)
        add_product(negative[: last - slab, :slab], system[slab:last, n:], system[:slab, n:])


@njit(nogil=True, cache=True)
def _negative_block(system, first, last, left, right, negative):
    """Minus the transpose of the rows ``first <= r < last`` of the columns ``left <= q < right``."""
    for r in range(first, last):
        for q in range(left, right):
            negative[q - left, r - first] = -system[r, q]


@njit(nogil=True, cache=True)
def add(target, factor, source):
    """``target += factor * source``."""
    for c in range(len(target)):
        target[c] += factor * source[c]

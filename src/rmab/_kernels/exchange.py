"""How every advantage of one arm changes when one state changes its action.

``T[i, j]`` says by how much the advantage in ``i`` grows when acting in ``j`` is worth one more and the policy acts there. When
``j`` starts to act,

    pi = 1 - T[j, j],   x += T[:, j] x[j] / pi  for each vector x of advantages,   T += T[:, j] T[j, :] / pi,

and when it stops, the same with the opposite signs. ``T`` itself is changed late: up to a panel of exchanges are remembered as
``pivot_columns`` and ``pivot_rows``, and applied together as one matrix product. ``columns[c]`` is the column of ``T`` at place
``c``; a caller may drop columns that it needs no more.

Reference: J. Nino-Mora, "A fast-pivoting algorithm for Whittle's restless bandit index", Mathematics 8 (2020). Cost: O(n panel)
per exchange beside the product.
"""

from numba import njit


@njit(nogil=True, cache=True)
def current_column(columns, place, rows, held, pivot_columns, pivot_rows):
    """Write the first ``rows`` of the column at ``place``, as it is after ``held`` exchanges, into ``pivot_columns[held]``."""
    target = pivot_columns[held, :rows]
    target[:] = columns[place, :rows]
    accumulate(target, pivot_rows[:held, place], pivot_columns)


@njit(nogil=True, cache=True)
def current_row(columns, places, j, factor, held, pivot_columns, pivot_rows):
    """Write ``factor`` times row ``j`` at the first ``places``, as after ``held`` exchanges, into ``pivot_rows[held]``."""
    target = pivot_rows[held, :places]
    for c in range(places):
        target[c] = columns[c, j]
    accumulate(target, pivot_columns[:held, j], pivot_rows)
    for c in range(places):
        target[c] *= factor


@njit(nogil=True, cache=True)
def accumulate(target, factors, sources):
    """``target += factors @ sources``, four rows at a time so that the target is read and written less often."""
    count, width = len(factors), len(target)
    q = 0
    while q + 4 <= count:
        f0, f1, f2, f3 = factors[q], factors[q + 1], factors[q + 2], factors[q + 3]
        s0, s1, s2, s3 = sources[q], sources[q + 1], sources[q + 2], sources[q + 3]
        for c in range(width):
            target[c] += f0 * s0[c] + f1 * s1[c] + f2 * s2[c] + f3 * s3[c]
        q += 4
    while q < count:
        for c in range(width):
            target[c] += factors[q] * sources[q, c]
        q += 1

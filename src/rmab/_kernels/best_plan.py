"""For each of many vectors, the row of a table with the largest product: the inner loop of point-based backups.

Compiled, and not a matrix product and its maximum, so that nothing of the size of both is written down and no threads of a BLAS
compete with those of the caller.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def best_rows(queries, table, rows, worth):
    """Write the best row of ``table`` (P, S) for each of ``queries`` (n, S) into ``rows`` (n,), the product into ``worth``."""
    n_states = queries.shape[1]
    for q in range(len(queries)):
        best = -np.inf
        found = 0
        for p in range(len(table)):
            product = 0.0
            for s in range(n_states):
                product += queries[q, s] * table[p, s]
            if product > best:
                best = product
                found = p
        rows[q] = found
        worth[q] = best

"""The mean law of a Markov chain over time.

The lazy chain, which stays where it is with probability one half, has the same mean law and does not oscillate; its matrix is
squared until it stands still. Rows are divided by their sums each time, which keeps rounding from growing. Cost: 64 S^3.
"""

import numpy as np
from numba import njit

SQUARINGS = 64


@njit(nogil=True, cache=True)
def long_run_law(moves):
    """The mean law over time (S,) from the uniform start under ``moves`` (S, S)."""
    size = len(moves)
    power, square = 0.5 * moves, np.empty((size, size))
    for s in range(size):
        power[s, s] += 0.5
    for _ in range(SQUARINGS):
        for i in range(size):
            square[i] = 0.0
            for j in range(size):
                for t in range(size):
                    square[i, t] += power[i, j] * power[j, t]
            square[i] /= square[i].sum()
        power[:] = square
    law = np.zeros(size)
    for s in range(size):
        law += power[s] / size
    return law

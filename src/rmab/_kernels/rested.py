"""Index of one rested arm: one that stands still and pays nothing while it waits.

Its index is the Gittins index, the largest reward per unit of time, discounted or not, that can be had before some stopping
time. With the states in the order of their indices, those above the present one are left behind by elimination,

    r[i] += q[i, j] r[j] / (1 - q[j, j]),   d[i] likewise,   q[i, :] += q[i, j] q[j, :] / (1 - q[j, j]),

from ``q = beta P``, ``d = 1``; the next index is the largest ``r / d``. This is the elimination of
:mod:`rmab._kernels.elimination` with ``T = q``: no system has to be solved first, and no test is needed. Nothing is subtracted
but in ``1 - q[j, j]``.

Reference: I. M. Sonin, "A generalized Gittins index for a Markov chain and its recursive calculation", Statistics and
Probability Letters 78 (2008). Cost: (2/3) n^3 operations.
"""

import numpy as np
from numba import njit

from rmab._kernels.elimination import eliminate
from rmab._kernels.scaling import power_of_two


@njit(nogil=True, cache=True)
def index_arm(active, rewards, beta, index, error, margin):
    """Index (n,), its error (n,) and margins (2,) for ``active`` transitions (n, n) and ``rewards`` (n,); return the code."""
    scale = power_of_two(rewards)
    advantage = np.ones((2, len(rewards)))
    advantage[1] = rewards / scale
    columns = np.ascontiguousarray(active.T)
    columns *= beta
    code = eliminate(columns, advantage, 1.0, False, index, error, margin)
    index *= scale
    error *= scale
    return code

"""Sawtooth interpolation: an upper value at any belief from values at the corners and at some points.

At belief ``b``, with ``c`` the values at the corners and ``(x_i, v_i)`` the points of the same mode,

    U(b) = c . b + min(0, min_i (v_i - c . x_i) min over s with x_i[s] > 0 of b[s] / x_i[s]).
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def interpolate(beliefs, modes, corners, points, first, drop, out):
    """Write ``U`` of every belief into ``out`` (Q,).

    ``beliefs`` (Q, S), ``modes`` (Q,), ``corners`` (Y, S), ``points`` (n, S) sorted by mode with ``first`` (Y + 1,) where each
    mode begins, ``drop`` (n,) the values at the points less their interpolation from the corners; only drops below 0 count.
    """
    n_states = beliefs.shape[1]
    for q in range(len(beliefs)):
        y = modes[q]
        least = 0.0
        for i in range(first[y], first[y + 1]):
            if drop[i] >= least:
                continue
            ratio = np.inf
            for s in range(n_states):
                if points[i, s] > 0.0:
                    ratio = min(ratio, beliefs[q, s] / points[i, s])
                    if drop[i] * ratio >= least:
                        break
            least = min(least, drop[i] * ratio)
        base = 0.0
        for s in range(n_states):
            base += corners[y, s] * beliefs[q, s]
        out[q] = base + least

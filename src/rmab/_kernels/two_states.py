"""Index of two-state arms in closed form, eight arms at a time.

Write ``p[a]`` and ``q[a]`` for the probabilities to leave state 0 and state 1 under action ``a``, ``x`` and ``y`` for the
rewards of waiting and acting, and ``h`` for the value of state 0 less that of state 1. The policy that does ``a`` in 0 and
``b`` in 1 has

    h = (r[a, 0] - r[b, 1]) / d[a, b],   d[a, b] = 1 - beta + beta (p[a] + q[b]).

1. Under the policy that never acts the advantages of acting are ``z - charge``, with
   ``z[0] = y[0] - x[0] - beta (p[1] - p[0]) h`` and ``z[1] = y[1] - x[1] + beta (q[1] - q[0]) h``.
2. The larger one is the index of its state ``j``: the first state in which acting pays as the charge falls.
3. Once ``j`` acts, the advantage in 1 (for ``j = 0``) is ``(d[1, 0] (y[1] - x[1]) + beta (q[1] - q[0]) (y[0] - x[1]) - charge
   d[1, 1]) / d[1, 0]``. Its zero is the other index; the case ``j = 1`` mirrors it.
4. All slopes are ratios of two ``d``, so they are positive: every two-state arm is strongly indexable. A ``d`` vanishes only
   under the average criterion, for a policy with two closed classes; such arms are IRREGULAR.

Nothing is subtracted in ``d``, so discounts next to 1 lose no digits. Rows whose sum misses 1 by ``e < 1e-8`` are divided by
it: ``1 / (1 + e)`` is ``1 - e`` up to ``e^2``.

Error: every ``d`` and every product is off by less than 8 roundings of the magnitudes in it, so ROUNDINGS of them bound the
whole. When two nearly equal ``z`` are taken in the wrong order, the other index moves by their distance over its slope.

Reference: P. Whittle, "Restless bandits: activity allocation in a changing world", Journal of Applied Probability 25A (1988).
Cost: one pass, about 90 operations for eight arms; bound by memory.
"""

import numpy as np
from numba import njit

from rmab._kernels.vector import fma, load_turned, load_turned_half, magnitude, pick, splat, store_bytes, store_pairs
from rmab._kernels.verdict import IRREGULAR, STRONG

ROUNDINGS = 16 * 2.0**-53
SLOPE = 1e-9  # a slope below it may be zero
LARGEST_ERROR = 1e-12  # relative to the rewards or the index, whichever is larger
DENORMAL = 1e-300  # numbers below it lose digits


@njit(nogil=True, cache=True)
def closed_form(transitions, rewards, beta, first, last, index, error, margin, codes):
    """Indices of the arms ``first <= k < last``; ``beta = 1`` is the average criterion.

    ``transitions`` (K, 2, 2, 2), ``rewards`` (K, 2, 2). Written: ``index``, its half-width ``error`` (K, 2), ``margin`` (K, 2):
    the smallest slope and 0, and ``codes`` (K,): STRONG or IRREGULAR. Numbers of irregular arms mean nothing.
    """
    sources = transitions.reshape(-1), rewards.reshape(-1)
    results = index.reshape(-1), error.reshape(-1), margin.reshape(-1), codes
    rest = np.empty(16), np.empty(16), np.empty(16), np.empty(8, np.int8)
    moves, pays = np.empty(8, np.int64), np.empty(8, np.int64)
    for k in range(first, last, 8):
        for lane in range(8):
            arm = min(k + lane, last - 1)
            moves[lane], pays[lane] = 8 * arm, 4 * arm
        if k + 8 <= last:
            _eight(sources, moves, pays, beta, results, k)
        else:
            _eight(sources, moves, pays, beta, rest, 0)
            kept = last - k
            results[0][2 * k : 2 * last] = rest[0][: 2 * kept]
            results[1][2 * k : 2 * last] = rest[1][: 2 * kept]
            results[2][2 * k : 2 * last] = rest[2][: 2 * kept]
            codes[k:last] = rest[3][:kept]


@njit(nogil=True, cache=True)
def _eight(sources, moves, pays, beta, results, k):
    """The arms that begin at ``moves`` and ``pays`` of the sources; written at ``k`` of the results."""
    stay0, leave0, leave1, stay1, act_stay0, act_leave0, act_leave1, act_stay1 = load_turned(sources[0], moves, 0)
    x0, x1, y0, y1 = load_turned_half(sources[1], pays, 0)
    b, rest = splat(beta), splat(1.0 - beta)
    p0, q0 = _scaled(b, leave0, stay0), _scaled(b, leave1, stay1)
    p1, q1 = _scaled(b, act_leave0, act_stay0), _scaled(b, act_leave1, act_stay1)
    d00, d11 = rest + (p0 + q0), rest + (p1 + q1)
    h = (x0 - x1) / d00
    z0, z1 = (y0 - x0) - (p1 - p0) * h, (y1 - x1) + (q1 - q0) * h
    size = pick(magnitude(x0), magnitude(x1), magnitude(x0), magnitude(x1))
    size = pick(size, magnitude(y0), size, magnitude(y0))
    size = pick(size, magnitude(y1), size, magnitude(y1))
    # the state that acts first, and the other one
    d = rest + pick(z0, z1, p1 + q0, p0 + q1)
    top, low = pick(z0, z1, z0, z1), pick(z0, z1, y1 - x1, y0 - x0)
    step, away = pick(z0, z1, q1 - q0, p0 - p1), pick(z0, z1, y0 - x1, x0 - y1)
    reach = pick(z0, z1, q1 + q0, p1 + p0)
    below = fma(d, low, step * away) / d11
    below = pick(below, top, top, below)
    slope = pick(d11, d00, d00, d11) / d
    slope = pick(slope, splat(1.0), splat(1.0), slope)
    high_error = fma(pick(p0 + p1, q0 + q1, p0 + p1, q0 + q1), magnitude(h), size + size)
    low_error = fma(d, size + size, reach * magnitude(away)) / d11 + high_error * (splat(1.0) + d / d11)
    tiny, unit = splat(DENORMAL), splat(ROUNDINGS)
    high_error, low_error = fma(unit, high_error, tiny), fma(unit, low_error, tiny)
    top_size, low_size = pick(size, magnitude(top), size, magnitude(top)), pick(size, magnitude(below), size, magnitude(below))
    limit, two = splat(LARGEST_ERROR), splat(2.0 * DENORMAL)
    strong, other = splat(float(STRONG)), splat(float(IRREGULAR))
    code = pick(fma(limit, top_size, two), high_error, strong, other)
    code = pick(fma(limit, low_size, two), low_error, code, other)
    code = pick(d, splat(0.0), pick(slope, splat(SLOPE), code, other), other)
    store_pairs(results[0], 2 * k, pick(z0, z1, top, below), pick(z0, z1, below, top))
    store_pairs(results[1], 2 * k, pick(z0, z1, high_error, low_error), pick(z0, z1, low_error, high_error))
    store_pairs(results[2], 2 * k, slope, splat(0.0))
    store_bytes(results[3], k, code)


@njit(nogil=True, cache=True)
def _scaled(b, part, remainder):
    """``b`` times the probability ``part``, divided by the sum of its row."""
    return b * (part * (splat(2.0) - (part + remainder)))

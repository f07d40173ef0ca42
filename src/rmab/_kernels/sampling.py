"""Exact binomial and hypergeometric numbers from a counter-based stream.

A stream is a ``uint64`` array of eight words: key (2), counter (4), a spare 64-bit number and whether it is there. The upper 24
bits of the last counter word count the blocks that one stream has used.

* Binomial with mean below 10: inversion by the recurrence of the probabilities (one uniform number).
* Binomial otherwise: transformed rejection BTRS, W. Hoermann, "The generation of binomial random variates", Journal of
  Statistical Computation and Simulation 46 (1993); bounded cost for every n and p.
* Hypergeometric: inversion that walks outwards from the mode by the recurrence of the probabilities; one uniform number and
  O(standard deviation) additions. It is only used for ties at the budget's cut.
"""

import math

import numpy as np
from numba import njit

from rmab._kernels.philox import open_unit, philox

STREAM_WORDS = 8
INVERSION_LIMIT = 10.0
_BLOCK = np.uint64(256)
_32 = np.uint64(32)
_ZERO = np.uint64(0)
_ONE = np.uint64(1)


@njit(nogil=True, cache=True)
def open_stream(stream, replicate, step, cell, purpose):
    """Point ``stream`` (its key is set) at the numbers of one cell of one step."""
    stream[2] = replicate
    stream[3] = step
    stream[4] = cell
    stream[5] = purpose
    stream[7] = _ZERO


@njit(nogil=True, cache=True)
def uniform(stream):
    """The next uniform number in the open interval (0, 1)."""
    if stream[7] == _ONE:
        stream[7] = _ZERO
        return open_unit(stream[6])
    w0, w1, w2, w3 = philox(stream[2], stream[3], stream[4], stream[5], stream[0], stream[1])
    stream[5] += _BLOCK
    stream[6] = (w2 << _32) | w3
    stream[7] = _ONE
    return open_unit((w0 << _32) | w1)


@njit(nogil=True, cache=True)
def binomial(stream, n, p):
    """Successes in ``n`` trials of probability ``p``."""
    if n == 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    if p > 0.5:
        return n - _binomial_half(stream, n, 1.0 - p)
    return _binomial_half(stream, n, p)


@njit(nogil=True, cache=True)
def _binomial_half(stream, n, p):
    return _binomial_inversion(stream, n, p) if n * p < INVERSION_LIMIT else _binomial_rejection(stream, n, p)


@njit(nogil=True, cache=True)
def _binomial_inversion(stream, n, p):
    odds = p / (1.0 - p)
    mass = math.exp(n * math.log1p(-p))
    left = uniform(stream)
    k = 0
    while left > mass and k < n:
        left -= mass
        k += 1
        mass *= odds * (n - k + 1) / k
    return k


@njit(nogil=True, cache=True)
def _binomial_rejection(stream, n, p):
    q = 1.0 - p
    spread = math.sqrt(n * p * q)
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    sure = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    odds = p / q
    mode = math.floor((n + 1) * p)
    while True:
        u = uniform(stream) - 0.5
        v = uniform(stream)
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + c)
        if us >= 0.07 and v <= sure:
            return np.int64(k)
        if k < 0.0 or k > n:
            continue
        if math.log(v * alpha / (a / (us * us) + b)) <= log_ratio(n, odds, mode, k):
            return np.int64(k)


@njit(nogil=True, cache=True)
def log_ratio(n, odds, mode, k):
    """Logarithm of the binomial probability of ``k`` over that of ``mode``, without large terms that cancel."""
    height = (mode + 0.5) * math.log((mode + 1.0) / (odds * (n - mode + 1.0)))
    height += (n + 1.0) * math.log((n - mode + 1.0) / (n - k + 1.0))
    height += (k + 0.5) * math.log(odds * (n - k + 1.0) / (k + 1.0))
    return height + _stirling(mode) + _stirling(n - mode) - _stirling(k) - _stirling(n - k)


@njit(nogil=True, cache=True)
def _stirling(k):
    """``log k!`` less Stirling's formula ``(k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2``."""
    x = k + 1.0
    if k < 10.0:
        return math.lgamma(x) - (k + 0.5) * math.log(x) + x - 0.9189385332046727
    y = 1.0 / (x * x)
    return (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - y / 1680.0) * y) * y) / x


@njit(nogil=True, cache=True)
def hypergeometric(stream, good, bad, draws):
    """Good ones among ``draws`` taken without replacement from ``good`` and ``bad``."""
    low, high = max(0, draws - bad), min(draws, good)
    if low == high:
        return low
    mode = min(max(np.int64((draws + 1.0) * (good + 1.0) / (good + bad + 2.0)), low), high)
    log_mass = _log_choose(good, mode) + _log_choose(bad, draws - mode) - _log_choose(good + bad, draws)
    up = down = mode
    mass_up = mass_down = math.exp(log_mass)
    left = uniform(stream) - mass_up
    while left > 0.0 and (up < high or down > low):
        if up < high:
            mass_up *= (good - up) / (up + 1.0) * (draws - up) / (bad - draws + up + 1.0)
            up += 1
            left -= mass_up
            if left <= 0.0:
                return up
        if down > low:
            mass_down *= down / (good - down + 1.0) * (bad - draws + down) / (draws - down + 1.0)
            down -= 1
            left -= mass_down
            if left <= 0.0:
                return down
    return mode


@njit(nogil=True, cache=True)
def _log_choose(n, k):
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)

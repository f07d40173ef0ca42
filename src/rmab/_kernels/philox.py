"""Philox4x32-10: random numbers that are a function of (key, counter), so that nothing depends on the order of the work.

A block of four 32-bit words is ten rounds of two 32x32 -> 64 bit products over the counter. The library's counter is
(replicate, step, index, purpose): arm ``i`` of a step reads half a block, index ``i // 2``, as one 64-bit number.

Reference: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11 (2011).
Cost: about 20 products per block; the loop over blocks vectorises. All words are held in ``uint64`` (``uint64 op int64`` would
silently be ``float64``).
"""

import numpy as np
from numba import njit

START = np.uint64(0)
MOVE = np.uint64(1)
TIE = np.uint64(2)
SCORE = np.uint64(3)
EXPLORE = np.uint64(4)
LUCK = np.uint64(5)

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


@njit(inline="always")
def philox(c0, c1, c2, c3, k0, k1):
    """The four words of one block; words, counter and key are ``uint64`` below 2**32."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _32) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _32) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@njit(nogil=True, cache=True)
def fill_bits(replicate, step, first_block, purpose, k0, k1, out):
    """Write 64 random bits into each place of ``out`` (even length), two per block from ``first_block`` on."""
    for j in range(len(out) // 2):
        w0, w1, w2, w3 = philox(replicate, step, first_block + np.uint64(j), purpose, k0, k1)
        out[2 * j] = (w0 << _32) | w1
        out[2 * j + 1] = (w2 << _32) | w3


@njit(nogil=True, cache=True)
def arm_uniform(replicate, step, arm, purpose, k0, k1):
    """One uniform number in (0, 1) for ``arm``, never 0 or 1: a multiple of 2**-53."""
    arm = np.uint64(arm)
    w0, w1, w2, w3 = philox(replicate, step, arm >> np.uint64(1), purpose, k0, k1)
    bits = (w2 << _32) | w3 if arm & np.uint64(1) else (w0 << _32) | w1
    return open_unit(bits)


@njit(inline="always")
def open_unit(bits):
    """64 bits as a uniform number in the open interval (0, 1)."""
    return (np.float64(np.int64(bits >> np.uint64(12))) + 0.5) * 2.0**-52

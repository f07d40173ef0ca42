"""Alias tables: one comparison draws from a distribution over S states.

Column ``j`` of a table keeps a share ``threshold[j]`` of its mass 1/S for state ``j`` and gives the rest to ``alias[j]``. A
64-bit number ``u`` is multiplied by S: the integer part is the column, the fraction is compared with the threshold. Thresholds
are in units of 2**-64, so a probability is met to the precision of a float64.

1. Scale the probabilities by S and sort the states into poor (below 1) and rich.
2. Fill the column of a poor state from a rich one, which may thereby become poor; repeat.
3. What is left is 1 up to rounding: those columns keep all of their mass.

Reference: M. D. Vose, "A linear algorithm for generating random numbers with a given distribution", IEEE Transactions on
Software Engineering 17 (1991). Cost: O(S) per row once, O(1) per draw.
"""

import numpy as np
from numba import njit

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(nogil=True, cache=True)
def build_alias(rows, threshold, alias):
    """Tables of ``rows`` (n, S), each summing to 1 up to rounding, into ``threshold`` (uint64) and ``alias`` (int32)."""
    n_rows, size = rows.shape
    share = np.empty(size)
    waiting = np.empty(size, dtype=np.int64)  # poor states from the left, rich ones from the right
    for i in range(n_rows):
        scale = size / rows[i].sum()
        poor, rich = 0, size
        for j in range(size):
            share[j] = rows[i, j] * scale
            threshold[i, j] = _ALL
            alias[i, j] = j
            if share[j] < 1.0:
                waiting[poor] = j
                poor += 1
            else:
                rich -= 1
                waiting[rich] = j
        while poor > 0 and rich < size:
            poor -= 1
            low, high = waiting[poor], waiting[rich]
            threshold[i, low] = np.uint64(share[low] * 2.0**64)
            alias[i, low] = high
            share[high] -= 1.0 - share[low]
            if share[high] < 1.0:
                rich += 1
                waiting[poor] = high
                poor += 1


@njit(inline="always")
def draw(bits, width, threshold, alias):
    """The state that 64 random ``bits`` draw from one table of ``width`` (uint64) columns."""
    return draw_at(bits, np.uint64(0), width, threshold, alias)


@njit(inline="always")
def draw_at(bits, first, width, threshold, alias):
    """The same from the table that begins at ``first`` (uint64) of many in a row: flat arrays are read several times faster."""
    column, fraction = _spread(bits, width)
    return np.int32(column) if fraction < threshold[first + column] else alias[first + column]


@njit(inline="always")
def draw_pair(bits, first, width, threshold, outcome):
    """The same from ``outcome``, which holds for every column its alias and its own state, in this order, one after the other.

    The comparison becomes an address, so that no branch is guessed wrong every few draws.
    """
    column, fraction = _spread(bits, width)
    return outcome[np.uint64(2) * (first + column) + np.uint64(fraction < threshold[first + column])]


@njit(inline="always")
def _spread(bits, width):
    """Column and fraction: the whole part and the rest of ``bits`` times ``width``, in units of 2**-64."""
    low = (bits & _LOW) * width
    high = (bits >> _32) * width + (low >> _32)
    return high >> _32, (high << _32) | (low & _LOW)

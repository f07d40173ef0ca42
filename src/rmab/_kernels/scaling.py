"""A unit for rewards in which their numbers are of order one, and to which they convert without rounding."""

import math

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def power_of_two(rewards):
    """The smallest power of two above all magnitudes in ``rewards``; 1 when they are all zero."""
    largest = np.abs(rewards).max()
    return math.ldexp(1.0, math.frexp(largest)[1]) if largest > 0.0 else 1.0

"""Value iteration on relative values, with bounds on the optimum that hold whenever it stops.

Let ``T`` be a dynamic programming operator: monotone, and ``T(h + k) = T h + beta k`` for a constant ``k`` (``beta = 1`` on
average). For any ``h`` at all, with ``e = T h - h``,

    (1 - beta) V  <=  max e + (1 - beta) h        and        (1 - beta) V  >=  min e + (1 - beta) h

for its fixed point V, since ``h + max e / (1 - beta)`` is mapped below itself. On average these are bounds on the gain. Hence
an upper value is valid after any number of sweeps, and how far from the optimum it may be is known. For discounts near 1 the
difference of the two shrinks as fast as the arm forgets, not as fast as ``beta``.

1. ``h <- h + tau (T h - h)``, less its first entry; ``tau = 3/4`` above discount 0.99, which also settles periodic chains.
2. Stop when ``max e - min e`` is at most the tolerance, or falls by less than a percent in 200 sweeps.

References: J. MacQueen, "A modified dynamic programming method for Markovian decision problems", J. Math. Anal. Appl. 14
(1966); A. R. Odoni, "On finding the maximal gain for Markov decision processes", Operations Research 17 (1969). Cost: one
application of the operator per sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SLOW = 0.99
DAMPING = 0.75
PATIENCE = 200
PROGRESS = 0.99
MOST_SWEEPS = 100_000


@dataclass(frozen=True, eq=False)
class Relative:
    """Values up to a constant, and bounds on that constant.

    Attributes
    ----------
    values : ndarray, shape (m, C)
        Relative values ``h``; of several columns, the weighted sum is what is maximised.
    change : ndarray, shape (m, C)
        ``T h - h``.
    low, high : float
        Smallest and largest weighted change: ``low + (1 - beta) h <= (1 - beta) V <= high + (1 - beta) h``.
    beta : float
        Discount, 1 for the average.
    sweeps : int
        Applications of the operator.
    """

    values: NDArray[np.float64]
    change: NDArray[np.float64]
    low: float
    high: float
    beta: float
    sweeps: int


def iterate(
    step: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    beta: float,
    tolerance: float,
    most: int = MOST_SWEEPS,
) -> Relative:
    """Apply an operator until its changes agree.

    Parameters
    ----------
    step : callable
        The operator, from ``(m, C)`` to a new array ``(m, C)``.
    values : ndarray, shape (m, C)
        Where to begin.
    weights : ndarray, shape (C,)
        The value that is maximised is ``values @ weights``.
    beta : float
        The operator's discount, 1 for the average.
    tolerance : float
        Largest difference of the changes, per period, of every column and of the weighted sum.
    most : int
        Sweeps to stop after in any case.

    Examples
    --------
    One state that pays 3:

    >>> found = iterate(lambda v: 3.0 + 0.5 * v, np.zeros((1, 1)), np.ones(1), 0.5, 1e-9)
    >>> found.low, found.high, found.values.tolist()
    (3.0, 3.0, [[0.0]])
    """
    h = values - values[0]
    tau = DAMPING if beta > SLOW else 1.0
    best, since, sweeps = np.inf, 0, 0
    while True:
        sweeps += 1
        change = step(h) - h
        weighted = change @ weights
        spread = max(float(np.ptp(weighted)), float(np.ptp(change, axis=0).max()))
        if spread < PROGRESS * best:
            best, since = spread, sweeps
        if spread <= tolerance or sweeps - since >= PATIENCE or sweeps >= most:
            return Relative(h, change, float(weighted.min()), float(weighted.max()), beta, sweeps)
        h = h + tau * change
        h -= h[0]

"""Confidence intervals of means: Student's t over replicates, or over batches of one long run.

With ``n`` independent values of mean ``m`` and standard deviation ``d``, the 95 % interval is ``m +- t d / sqrt(n)``, ``t``
the 97.5 % point of Student's law with ``n - 1`` degrees of freedom. A single run of a long-run average is cut into 20 batches
of equal length whose means are nearly independent.

Reference: A. M. Law, Simulation Modeling and Analysis, 5th ed. (2015), sections 4.5 and 9.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

BATCHES = 20


def student_half_width(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the width of the 95 % interval of the mean of ``values`` (n, ...) over the first axis; infinite when ``n`` is 1.

    Examples
    --------
    >>> float(student_half_width(np.array([1.0, 2.0, 3.0])).round(3))
    2.484
    """
    n = len(values)
    if n < 2:
        return np.full(values.shape[1:], np.inf)
    return stdtrit(n - 1, 0.975) * values.std(axis=0, ddof=1) / np.sqrt(n)


def batch_half_width(series: NDArray[np.float64]) -> float:
    """Half the width of the 95 % interval of the mean of one time series, by 20 batch means; infinite below 40 periods.

    The first few periods are left out when the length is no multiple of 20.

    Examples
    --------
    >>> batch_half_width(np.tile([0.0, 1.0], 100))
    0.0
    """
    length = len(series) // BATCHES
    if length < 2:
        return np.inf
    return float(student_half_width(series[-length * BATCHES :].reshape(BATCHES, length).mean(axis=1)))

"""The posterior of every row, and how strongly groups resemble each other: the strength of highest marginal likelihood.

Row ``(a, s)`` of group ``g`` is thought of as drawn from a Dirichlet law with mean ``m[a, s]`` (the pooled row) and strength
``kappa``, the same for all rows. Given its ``n`` observations ``n_1, ..., n_S`` the row's marginal likelihood is, up to a
factor without ``kappa``,

    Gamma(kappa) / Gamma(kappa + n)  *  prod_t  Gamma(kappa m_t + n_t) / Gamma(kappa m_t).

1. For every ``kappa`` of a fixed grid, sum the logarithms over groups, actions and states.
2. Take the best one. No local search: the likelihood is flat, and a finer answer would not be a better one.

The largest value of the grid means that the log shows no difference between the groups. The pooled row is held fixed although
it is made of the same counts, which leans a little towards pooling.

Reference: T. Minka (2000), *Estimating a Dirichlet distribution*, section on the Polya distribution. Cost: grid points times
G A S^2 evaluations of log Gamma.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

GRID = np.logspace(-1, 4, 51)


def posterior(counts: NDArray[np.int64], strength: float, kappa: float | None) -> tuple[NDArray[np.float64], float | None]:
    """Dirichlet parameters of every row, and the pooling strength that was used.

    Parameters
    ----------
    counts : ndarray, shape (G, A, S, S)
        Observed transitions of each group.
    strength : float
        Pseudo-observations per pooled row, spread evenly over the next states.
    kappa : float or None
        Weight of the pooled row in each group; ``None`` to estimate it.

    Returns
    -------
    concentration : ndarray, shape (G, A, S, S)
    kappa : float or None
        ``None`` when there is one group only: it is the pool.

    Examples
    --------
    >>> posterior(np.array([[[[3, 1]]], [[[1, 3]]]]), 2.0, 4.0)
    (array([[[[5., 3.]]], [[[3., 5.]]]]), 4.0)
    """
    pooled = counts.sum(axis=0) + strength / counts.shape[-1]
    if len(counts) == 1:
        return pooled[np.newaxis], None
    mean = pooled / pooled.sum(axis=-1, keepdims=True)
    if kappa is None:
        kappa = pooling_strength(counts, mean)
    return counts + kappa * mean, kappa


def pooling_strength(counts: NDArray[np.int64], mean: NDArray[np.float64]) -> float:
    """The strength on the grid 0.1 ... 10 000 (ten points a decade) of highest marginal likelihood.

    Parameters
    ----------
    counts : ndarray, shape (G, A, S, S)
        Observed transitions of each group.
    mean : ndarray, shape (A, S, S)
        Pooled rows, all entries positive.

    Examples
    --------
    >>> mean = np.full((1, 1, 2), 0.5)
    >>> pooling_strength(np.array([[[[50, 50]]], [[[49, 51]]]]), mean)  # alike: pool
    10000.0
    >>> pooling_strength(np.array([[[[99, 1]]], [[[1, 99]]]]), mean)  # opposites: keep apart
    0.501...
    """
    return float(GRID[np.argmax([_log_likelihood(kappa, counts, mean) for kappa in GRID])])


def _log_likelihood(kappa: float, counts: NDArray[np.int64], mean: NDArray[np.float64]) -> float:
    rows = gammaln(kappa) - gammaln(kappa + counts.sum(axis=-1))
    cells = gammaln(kappa * mean + counts) - gammaln(kappa * mean)
    return float(rows.sum() + cells.sum())

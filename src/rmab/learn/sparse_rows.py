"""The posterior law of transition probabilities when most states cannot be reached from most others.

The prior of a row is of Jeffreys's type *on the row's support*, and the support is unknown: the number of reachable states k is
uniform on 1, ..., S, the set uniform given k, and the row is Dirichlet(1/2, ..., 1/2) on it. With n moves seen, to k0 different
states,

    P(k | data)  ~  C(S - k0, k - k0) / C(S, k) * Gamma(k / 2) / Gamma(k / 2 + n),     k >= max(k0, 1).

A draw is of k, then of k - k0 of the unseen states, then of the row: Dirichlet(counts + 1/2) on that support. What cannot be
reached is thus exactly 0 in most draws, and a row that always led to one state is mostly drawn as certain.

Reference: N. Friedman, Y. Singer, "Efficient Bayesian parameter estimation in large discrete domains", NIPS 11 (1998).
Cost: O(K A S^2 log S) per draw.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, softmax

JEFFREYS = 0.5


class SparseRows:
    """The posterior law of rows.

    Parameters
    ----------
    counts : ndarray, shape (K, A, S, S)
        Moves seen.

    Examples
    --------
    >>> law = SparseRows(np.array([[[[9.0, 0.0], [0.0, 0.0]]]]))
    >>> law.mean().round(3)
    array([[[[0.986, 0.014],
             [0.5  , 0.5  ]]]])
    """

    def __init__(self, counts: NDArray[np.float64]) -> None:
        size = counts.shape[-1]
        self.counts, self.seen = counts, counts > 0
        self.reached = self.seen.sum(axis=-1)[..., np.newaxis]
        self.total = counts.sum(axis=-1)[..., np.newaxis]
        self.sizes = np.arange(1, size + 1)
        k = np.maximum(self.sizes, np.maximum(self.reached, 1))
        ways = _log_choose(size - self.reached, k - self.reached) - _log_choose(size, k)
        fit = gammaln(JEFFREYS * k) - gammaln(JEFFREYS * k + self.total)
        # (K, A, S, S): chance that the support has 1, 2, ..., S states
        self.chance = softmax(np.where(self.sizes >= np.maximum(self.reached, 1), ways + fit, -np.inf), axis=-1)

    def mean(self) -> NDArray[np.float64]:
        """Posterior means, in the shape of the counts."""
        whole = self.total + JEFFREYS * self.sizes
        hidden = self.counts.shape[-1] - self.reached
        share = (self.chance / whole).sum(axis=-1, keepdims=True)
        new = (self.chance * JEFFREYS * (self.sizes - self.reached) / whole).sum(axis=-1, keepdims=True)
        mean = np.where(self.seen, (self.counts + JEFFREYS) * share, new / np.maximum(hidden, 1))
        return mean / mean.sum(axis=-1, keepdims=True)

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """``count`` draws of all rows, ``(count, K, A, S, S)``."""
        shape = (count, *self.counts.shape)
        below = np.cumsum(self.chance, axis=-1)[..., :-1]
        size = 1 + (rng.random((*shape[:-1], 1)) > below).sum(axis=-1, keepdims=True)
        # seen states come first, the others in random order
        luck = np.where(self.seen, -1.0, rng.random(shape))
        place = np.argsort(np.argsort(luck, axis=-1), axis=-1)
        mass = np.where(place < size, rng.standard_gamma(np.broadcast_to(self.counts + JEFFREYS, shape)), 0.0)
        return mass / mass.sum(axis=-1, keepdims=True)


def _log_choose(n: NDArray | int, k: NDArray) -> NDArray[np.float64]:
    return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(np.maximum(n - k, 0) + 1.0)

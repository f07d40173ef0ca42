"""State aggregation: states of one cluster share the entries of a learner's tables.

Let c(s) be the cluster of state s. A learner keeps theta[c, a] in place of Q(s, a), reads it as Q(s, a) = theta[c(s), a], and
moves the entry of the cluster by the temporal difference of whichever of its states was visited. This is Q-learning on the arm
whose states are the clusters, where a cluster's law is the mean over its states with the weights of the visits; it
converges, as look-up tables do, but to

    theta[c, a] = sum over s in c of w(s | c, a) (r(s, a) + beta sum_t P(t | s, a) max_b theta[c(t), b]),

which is not Q(s, a) where the states of a cluster differ. That error is bias: it does not go away with more experience, only
with more clusters. The mean temporal difference of a *cluster* is 0 at the limit whatever the bias; what shows it is how far
the means of the *states* of a cluster are from each other.

References: S. P. Singh, T. Jaakkola, M. I. Jordan, "Reinforcement learning with soft state aggregation", NIPS 7 (1995);
J. N. Tsitsiklis, B. Van Roy, "Feature-based methods for large scale dynamic programming", Machine Learning 22 (1996).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.arrays import whole_number


@dataclass(frozen=True, eq=False)
class Aggregation:
    """Which states share the entries of a learner's tables.

    Parameters
    ----------
    clusters : array_like of int, shape (S,)
        The cluster of every state, the same for all types. Clusters are numbered from 0 without gaps.

    Raises
    ------
    ModelError
        If the clusters are not whole numbers in a row, or one of the numbers from 0 to the largest has no state.

    Examples
    --------
    >>> pairs = Aggregation([0, 0, 1, 1])
    >>> pairs.n_states, pairs.n_clusters
    (4, 2)
    >>> pairs.expand(np.array([[0.5, 2.0]]), axis=1)
    array([[0.5, 0.5, 2. , 2. ]])
    """

    clusters: NDArray[np.int64]

    def __init__(self, clusters: ArrayLike) -> None:
        given = np.array(clusters)
        if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "iu":
            raise ModelError(
                f"clusters must be whole numbers, one per state, shape (S,); got shape {given.shape}, {given.dtype}"
            )
        negative = np.flatnonzero(given < 0)
        if len(negative):
            raise ModelError(f"state {negative[0]} has cluster {given[negative[0]]}; clusters are numbered from 0")
        present = np.unique(given)
        gaps = np.flatnonzero(present != np.arange(len(present)))
        if len(gaps):
            raise ModelError(
                f"no state is in cluster {gaps[0]}, but one is in cluster {present[-1]}; number the clusters without gaps, "
                "as np.unique(clusters, return_inverse=True)[1] does"
            )
        labels = given.astype(np.int64)
        labels.setflags(write=False)
        object.__setattr__(self, "clusters", labels)

    @classmethod
    def uniform(cls, n_states: int, n_clusters: int) -> Aggregation:
        """``n_clusters`` runs of neighbouring states, whose lengths differ by at most one.

        Parameters
        ----------
        n_states : int
            Number of states, ``S``.
        n_clusters : int
            Number of clusters, from 1 to ``S``.

        Raises
        ------
        ModelError
            If there are more clusters than states, or a number is not whole and positive.

        Examples
        --------
        >>> Aggregation.uniform(7, 3).clusters
        array([0, 0, 0, 1, 1, 2, 2])
        """
        states = whole_number("n_states", n_states, 1)
        count = whole_number("n_clusters", n_clusters, 1)
        if count > states:
            raise ModelError(f"{count} clusters are more than there are states, {states}; use at most one cluster per state")
        return cls(np.arange(states) * count // states)

    @property
    def n_states(self) -> int:
        """Number of states, ``S``."""
        return len(self.clusters)

    @property
    def n_clusters(self) -> int:
        """Number of clusters, ``C``."""
        return int(self.clusters.max()) + 1

    @property
    def features(self) -> NDArray[np.float64]:
        """One feature per cluster, 1 in its states and 0 elsewhere, shape ``(S, C)``."""
        return np.eye(self.n_clusters)[self.clusters]

    def labels(self, n_states: int) -> NDArray[np.int64]:
        """The cluster of every state, shape ``(S,)``, a copy; raises :class:`ModelError` unless there are that many states."""
        if n_states != self.n_states:
            raise ModelError(
                f"the aggregation has {self.n_states} states, but the arms have {n_states}; give one cluster per state"
            )
        return self.clusters.copy()

    def expand(self, table: NDArray, axis: int = 1) -> NDArray:
        """A ``table`` with one entry per cluster along ``axis`` as one with an entry per state.

        Raises
        ------
        ModelError
            If the table does not have ``n_clusters`` entries along the axis.
        """
        if table.shape[axis] != self.n_clusters:
            raise ModelError(f"the table has shape {table.shape}, but there are {self.n_clusters} clusters along axis {axis}")
        return np.take(table, self.clusters, axis=axis)


def aggregated(aggregation: Aggregation | None, n_states: int) -> Aggregation:
    """The ``aggregation`` checked against the number of states, or, if there is none, every state on its own.

    Examples
    --------
    >>> aggregated(None, 3).clusters
    array([0, 1, 2])
    """
    check_aggregation(aggregation)
    if aggregation is None:
        return Aggregation(np.arange(n_states))
    aggregation.labels(n_states)
    return aggregation


def check_aggregation(aggregation: Aggregation | None) -> None:
    """Raise :class:`ModelError` unless ``aggregation`` is an :class:`Aggregation` or None."""
    if aggregation is not None and not isinstance(aggregation, Aggregation):
        raise ModelError(f"the aggregation must be an Aggregation or None, got {aggregation!r}; write Aggregation(clusters)")

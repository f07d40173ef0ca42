"""Closing a set of beliefs: every successor of every node is mapped back to nodes, which makes an ordinary arm.

``nearest``
    To the nearest node. Any number of states; the value may err to either side, and an arm may look not indexable that is.
``linear``
    To the corners of the simplex of a Delaunay triangulation, keeping the mean: values are upper bounds, and indices are more
    exact than with the nearest node at the same size. For up to about four states.
``freudenthal``
    To the corners of a simplex of a regular lattice, keeping the mean; any number of states.

1. Build the look-up, which for the last two adds nodes.
2. List the successors of every node under every action with probabilities from the node's own belief, and look them up.
3. Add up what lands on the same node, and divide each row by its sum.

Reference: K. Liu, Q. Jia, arXiv:2307.03034, (17) and (18), for ``nearest``; see the files of the other two for theirs.
Cost: one look-up per node, action, next mode and signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.closure import assemble, successors
from rmab.errors import ModelError
from rmab.hidden.freudenthal import touched_lattice
from rmab.hidden.kernel import HiddenKernel
from rmab.hidden.lookup import Lookup, NearestLookup
from rmab.hidden.triangulation import LinearLookup, missing_corners


class Closure(StrEnum):
    """What stands for a belief that is no node."""

    LINEAR = "linear"
    NEAREST = "nearest"
    FREUDENTHAL = "freudenthal"


def checked_closure(given: Closure | str) -> Closure:
    """The closure that is meant; raises :class:`ModelError` naming those there are.

    Examples
    --------
    >>> checked_closure("nearest")
    <Closure.NEAREST: 'nearest'>
    """
    try:
        return Closure(given)
    except ValueError:
        raise ModelError(f"unknown closure {given!r}; choose one of {', '.join(Closure)}") from None


@dataclass(frozen=True, eq=False)
class Closed:
    """An ordinary arm whose states are beliefs.

    Attributes
    ----------
    nodes : ndarray, shape (m, S)
        The states: the given beliefs first, then what the closure added.
    node_modes : ndarray of int, shape (m,)
        Their modes.
    indptr, indices, data : tuple of ndarray, one per action
        Transition rows, in compressed form, sorted by next node; each sums to 1.
    rewards : ndarray, shape (A, m)
        Expected reward of one period.
    lookup : Lookup
        What maps beliefs to nodes.
    """

    nodes: NDArray[np.float64]
    node_modes: NDArray[np.int64]
    indptr: tuple[NDArray[np.int64], ...]
    indices: tuple[NDArray[np.int64], ...]
    data: tuple[NDArray[np.float64], ...]
    rewards: NDArray[np.float64]
    lookup: Lookup


def close(
    hidden: HiddenKernel, beliefs: NDArray[np.float64], modes: NDArray[np.int64], closure: Closure | str, merge: float
) -> Closed:
    """The ordinary arm on ``beliefs`` and what the closure adds to them.

    Parameters
    ----------
    hidden : HiddenKernel
        The hidden arm.
    beliefs : ndarray, shape (n, S)
        Laws over the hidden states.
    modes : ndarray of int, shape (n,)
        Their modes.
    closure : Closure
        What stands for a belief that is no node.
    merge : float
        Spacing of the lattice of the ``freudenthal`` closure; not used by the others.

    Raises
    ------
    ModelError
        If a mode that can be reached has no node under ``nearest``, or the lattice is too fine under ``freudenthal``.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> closed = close(channel, np.array([[0.4, 0.6]]), np.zeros(1, dtype=np.int64), "linear", 0.1)
    >>> closed.nodes
    array([[0.4, 0.6],
           [1. , 0. ],
           [0. , 1. ]])
    >>> closed.indices[1], closed.data[1]
    (array([...]), array([...]))
    """
    kind = Closure(closure)
    lookup: Lookup
    if kind is Closure.NEAREST:
        lookup = NearestLookup(beliefs, modes, hidden.n_modes)
    elif kind is Closure.LINEAR:
        corners, corner_modes = missing_corners(beliefs, modes, _reached_modes(hidden, modes))
        lookup = LinearLookup(np.concatenate([beliefs, corners]), np.concatenate([modes, corner_modes]), hidden.n_modes)
    else:
        lookup = touched_lattice(hidden, beliefs, modes, merge)
    pointer, next_modes, probability, after, rewards = successors(hidden.kernel, hidden.rewards, lookup.points, lookup.modes)
    indptr, indices, data = assemble(pointer, probability, *lookup.weights(after, next_modes))
    m, actions = len(lookup.points), range(hidden.n_actions)
    ends = indptr[::m].tolist()
    return Closed(
        lookup.points,
        lookup.modes,
        tuple(indptr[a * m : (a + 1) * m + 1] - ends[a] for a in actions),
        tuple(indices[ends[a] : ends[a + 1]] for a in actions),
        tuple(data[ends[a] : ends[a + 1]] for a in actions),
        rewards,
        lookup,
    )


def _reached_modes(hidden: HiddenKernel, modes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The modes that can follow ``modes`` from some hidden state, themselves included, in order."""
    follows = (hidden.kernel > 0.0).max(axis=(0, 3, 4, 5))
    reached = np.isin(np.arange(hidden.n_modes), modes)
    while True:
        more = reached | follows[reached].any(axis=0)
        if (more == reached).all():
            return np.flatnonzero(reached)
        reached = more

"""Belief space: the beliefs that an arm can reach, closed into an ordinary arm.

The states of the ordinary arm are *nodes*: the beliefs that were reached and whatever the closure added. Under an action a node
is paid the expected reward of its belief and moves, with the probability of each signal at its own belief, to where the closure
puts the belief that follows. The result is an arm like any other, so every index, bound and policy of the library applies to
it; but it is another arm than the hidden one, and what it says holds for the hidden arm up to the fineness of the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.closure import dense_rows
from rmab.errors import ModelError
from rmab.hidden.checks import checked_beliefs, checked_modes
from rmab.hidden.closure import Closed, Closure, Lookup
from rmab.hidden.kernel import HiddenKernel
from rmab.models.arms import Arms
from rmab.models.sparse_arm import MOST_DENSE_STATES, SparseArm


@dataclass(frozen=True, eq=False)
class BeliefSpace:
    """The ordinary arm made of the reachable beliefs of a hidden arm.

    Attributes
    ----------
    hidden : HiddenArms
        The arm whose beliefs these are.
    beliefs : ndarray, shape (n, S)
        Beliefs that were reached, the starts first, in the order in which they were found.
    modes, generation : ndarray of int, shape (n,)
        Mode of each, and the number of periods after which it was found.
    closed : bool
        Whether growth ended because nothing new was found; otherwise it ended at ``depth``.
    depth, merge : int, float
        Periods grown for, and the distance within which a belief was taken for one that was kept before.
    closure : Closure
        How beliefs that are no nodes are mapped to nodes.
    nodes : ndarray, shape (m, S)
        The states of the arm: ``beliefs``, then what the closure added.
    node_modes : ndarray of int, shape (m,)
        Their modes.
    indptr, indices, data : tuple of ndarray, one per action
        Transitions between nodes, in compressed rows as in ``scipy.sparse.csr_array((data, indices, indptr))``.
    rewards : ndarray, shape (A, m)
        Expected reward of one period.
    """

    hidden: HiddenKernel
    beliefs: NDArray[np.float64]
    modes: NDArray[np.int64]
    generation: NDArray[np.int64]
    closed: bool
    depth: int
    merge: float
    closure: Closure
    closed_set: Closed

    @property
    def nodes(self) -> NDArray[np.float64]:
        """The belief of each state of the arm, shape ``(m, S)``."""
        return self.closed_set.nodes

    @property
    def node_modes(self) -> NDArray[np.int64]:
        """The mode of each state of the arm, shape ``(m,)``."""
        return self.closed_set.node_modes

    @property
    def indptr(self) -> tuple[NDArray[np.int64], ...]:
        """Where the rows of each action's transitions begin and end, shape ``(m + 1,)`` each."""
        return self.closed_set.indptr

    @property
    def indices(self) -> tuple[NDArray[np.int64], ...]:
        """The next nodes, row by row, for each action."""
        return self.closed_set.indices

    @property
    def data(self) -> tuple[NDArray[np.float64], ...]:
        """Their probabilities."""
        return self.closed_set.data

    @property
    def rewards(self) -> NDArray[np.float64]:
        """Expected reward of one period in every node, shape ``(A, m)``."""
        return self.closed_set.rewards

    @property
    def lookup(self) -> Lookup:
        """What maps beliefs to nodes."""
        return self.closed_set.lookup

    @cached_property
    def arms(self) -> Arms:
        """The nodes as one ordinary type of arm.

        Raises
        ------
        ModelError
            Above 20,000 nodes, where the square arrays would take more than 6 GB.
        """
        if len(self.nodes) > MOST_DENSE_STATES:
            raise ModelError(
                f"{len(self.nodes)} beliefs are too many for square arrays; use sparse_arm, or a larger merge or smaller depth"
            )
        rows = [dense_rows(*parts) for parts in zip(self.indptr, self.indices, self.data, strict=True)]
        return Arms(np.stack(rows), self.rewards)

    @property
    def sparse_arm(self) -> SparseArm:
        """The nodes as one ordinary arm of two actions that holds only the transitions that happen.

        Raises
        ------
        ModelError
            If there are more than two actions.
        """
        from scipy.sparse import csr_array

        if len(self.data) != 2:
            raise ModelError(f"a sparse arm has two actions, this one has {len(self.data)}; use arms")
        shape = (len(self.nodes),) * 2
        passive, active = (csr_array(parts, shape=shape) for parts in zip(self.data, self.indices, self.indptr, strict=True))
        return SparseArm(passive, active, self.rewards)

    def check_arm(self, hidden: HiddenKernel, what: str) -> None:
        """Raise :class:`ModelError` about ``what`` unless this space was grown from ``hidden`` or an arm with its numbers."""
        mine, other = self.hidden, hidden
        same = mine is other or all(
            np.array_equal(getattr(mine, name), getattr(other, name)) for name in ("kernel", "rewards", "allowed")
        )
        if not same:
            raise ModelError(f"{what} was grown from another arm; grow it from this one with reachable(...)")

    def nearest(self, beliefs: ArrayLike, modes: ArrayLike | None = None) -> NDArray[np.int64]:
        """The number of the nearest node of the same mode, shape ``(Q,)``; the lowest of several.

        Parameters
        ----------
        beliefs : array_like, shape (Q, S)
            Any beliefs.
        modes : array_like of int, shape (Q,), optional
            Their modes; default 0.

        Raises
        ------
        ModelError
            If a belief is no law over the states, or no node has its mode.
        """
        return self.lookup.nearest(*self._checked(beliefs, modes))

    def weights(self, beliefs: ArrayLike, modes: ArrayLike | None = None) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The nodes that stand for each belief under the closure, and their weights, shapes ``(Q, C)``; weights sum to 1.

        Parameters and errors are those of :meth:`nearest`.
        """
        return self.lookup.weights(*self._checked(beliefs, modes))

    def interpolate(self, values: ArrayLike, beliefs: ArrayLike, modes: ArrayLike | None = None) -> NDArray[np.float64]:
        """A value per node carried over to any beliefs by the closure, shape ``(Q,)``.

        Parameters
        ----------
        values : array_like, shape (m,)
            One number per node, such as an index.
        beliefs, modes
            As for :meth:`nearest`.

        Raises
        ------
        ModelError
            As for :meth:`nearest`, and if there is not one value per node.
        """
        table = np.asarray(values, dtype=np.float64)
        if table.shape != (len(self.nodes),):
            raise ModelError(f"values must have shape ({len(self.nodes)},), one per node, got {table.shape}")
        ids, weights = self.weights(beliefs, modes)
        return np.where(weights > 0.0, table[ids] * np.where(weights > 0.0, weights, 1.0), 0.0).sum(axis=1)

    def _checked(self, beliefs: ArrayLike, modes: ArrayLike | None) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        rows = checked_beliefs(beliefs, self.hidden.n_states)
        return rows, checked_modes(modes, len(rows), self.hidden.n_modes)

    def __repr__(self) -> str:
        added = len(self.nodes) - len(self.beliefs)
        ended = "closed" if self.closed else f"cut at depth {self.depth}"
        return (
            f"BeliefSpace({len(self.beliefs)} beliefs and {added} nodes of the {self.closure} closure, "
            f"merged within {self.merge:g}, {ended})"
        )


def check_space(space: BeliefSpace, hidden: HiddenKernel, what: str) -> None:
    """Raise :class:`ModelError` about ``what`` unless it is a belief space that was grown from ``hidden``."""
    if not isinstance(space, BeliefSpace):
        raise ModelError(f"{what} must be a BeliefSpace, got {type(space).__name__}")
    space.check_arm(hidden, what)

"""Which nodes stand for a belief that is not one of them: the interface of all closures, and the nearest node.

Every mode has nodes of its own, and a belief is only ever mapped to nodes of its mode.

For simulation there is a graph of near nodes: from the node that stood for the last belief, the compiled
:func:`rmab._kernels.nearest_belief.track` goes from node to node towards the belief, in a time that does not grow with the set.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.nearest_belief import FEW, nearest_ids, nearest_of_few, neighbour_graph, plant
from rmab.errors import ModelError


@dataclass(frozen=True, eq=False)
class Lookup(ABC):
    """Nodes, and what maps beliefs to them.

    Attributes
    ----------
    points : ndarray, shape (m, S)
        The nodes.
    modes : ndarray of int, shape (m,)
        Their modes.
    n_modes : int
        Number of modes of the arm, ``Y``.
    """

    points: NDArray[np.float64]
    modes: NDArray[np.int64]
    n_modes: int

    def __post_init__(self) -> None:
        # read-only for good, and because a kernel is compiled once more for arrays that are not
        for name in ("points", "modes"):
            array = getattr(self, name).view()
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @abstractmethod
    def weights(self, beliefs: NDArray[np.float64], modes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The nodes that stand for beliefs ``(Q, S)`` of modes ``(Q,)`` and their weights, ``(Q, C)`` each; weights sum to 1.

        Raises
        ------
        ModelError
            If there is no node of a mode.
        """

    @cached_property
    def forest(self) -> tuple[Any, ...]:
        """The trees in which the kernels of :mod:`rmab._kernels.nearest_belief` find near nodes."""
        return plant(self.points, self.modes, self.n_modes)

    def nearest(self, beliefs: NDArray[np.float64], modes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The nearest node of the same mode, the lowest of several, shape ``(Q,)``.

        Raises
        ------
        ModelError
            If there is no node of a mode.

        Examples
        --------
        >>> lookup = NearestLookup(np.array([[1.0, 0.0], [0.5, 0.5]]), np.zeros(2, dtype=np.int64), 1)
        >>> lookup.nearest(np.array([[0.7, 0.3], [0.75, 0.25]]), np.zeros(2, dtype=np.int64))
        array([1, 0])
        """
        if len(self.points) <= FEW:
            found = nearest_of_few(beliefs, modes, self.points, self.modes)
        else:
            found = nearest_ids(beliefs, modes, self.forest)
        check_found(found, modes)
        return found

    def neighbours(self, count: int = 12) -> NDArray[np.int64]:
        """For each node the ``count`` nearest others of its mode, nearest first, shape ``(m, count)``.

        Nodes that have fewer are listed among their own. The graph is what ``track`` walks on.

        Examples
        --------
        >>> points = np.array([[1.0, 0.0], [0.5, 0.5], [0.3, 0.7]])
        >>> NearestLookup(points, np.zeros(3, dtype=np.int64), 1).neighbours(count=2)
        array([[1, 2],
               [2, 0],
               [1, 0]])
        """
        return neighbour_graph(self.points, self.modes, self.forest, count)


@dataclass(frozen=True, eq=False)
class NearestLookup(Lookup):
    """The nearest node in Euclidean distance stands for a belief, the lowest number among equally near ones."""

    def weights(self, beliefs: NDArray[np.float64], modes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The nearest node with weight 1, shapes ``(Q, 1)``; raises :class:`ModelError` if there is none of a mode."""
        found = self.nearest(beliefs, modes)
        return found[:, np.newaxis], np.ones((len(found), 1))


def check_found(found: NDArray[np.int64], modes: NDArray[np.int64]) -> None:
    """Raise :class:`ModelError` naming the first mode of a belief for which no node was found, -1 in ``found`` (Q,)."""
    lost = found < 0
    if lost.any():
        first = int(lost.argmax())
        raise ModelError(
            f"belief {first} is in mode {modes[first]}, of which there is no node; give a start in that mode, "
            "grow for more periods, or use the linear closure"
        )

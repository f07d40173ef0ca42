"""Index of a hidden arm on a belief space that is refined until the index stands still.

1. Draw test beliefs: a path of the arm's belief under random activity.
2. Halve the spacing ``merge`` until the index at the test beliefs changes by less than the tolerance.
3. Double the depth until that changes it by less than the tolerance.
4. Repeat 2 and 3 until neither changes it, or the space would outgrow ``most`` nodes.

The tolerance is a share of the range of the index over the test beliefs. The published version stops when a simulation shows no
gain, which is noise at any affordable number of runs; this one has no luck in it but the fixed test path.

Reference: K. Liu, Q. Jia, arXiv:2307.03034, algorithm 1. Cost: two thirds n^3 operations for each space of n nodes; the last
two take nearly all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.belief_path import belief_path
from rmab.errors import ModelError, TooManyBeliefs
from rmab.hidden.arms import HiddenArms
from rmab.hidden.checks import checked_belief
from rmab.hidden.closure import Closure
from rmab.hidden.space import BeliefSpace
from rmab.index.conservation import ConservationIndex, conservation_index
from rmab.index.mesh import MeshReport, mesh_report, space_within
from rmab.models.criterion import Criterion

TEST_BELIEFS = 2000
COARSEST, SHALLOWEST = 0.1, 4


@dataclass(frozen=True)
class Refinement:
    """One step of the refinement: the mesh that was tried and how far it moved the index.

    Attributes
    ----------
    merge, depth : float, int
        Spacing and depth of the belief space.
    nodes : int
        Its size; 0 when it would have been above the limit and was not made.
    change : float
        Largest change of the index over the test beliefs, as a share of its range there; infinite for the first.
    """

    merge: float
    depth: int
    nodes: int
    change: float


@dataclass(frozen=True, eq=False)
class BeliefIndex:
    """Index of a hidden arm at any belief.

    Attributes
    ----------
    hidden : HiddenArms
        The arm.
    space : BeliefSpace
        The finest belief space.
    table : ConservationIndex
        The index of its nodes, one type.
    history : tuple of Refinement
        The meshes that were tried, in order.
    change : float
        How far the last halving of the spacing, or the last doubling of the depth if that is more, moved the index at the test
        beliefs, in the unit of the rewards; infinite if none was tried.
    converged : bool
        Whether both were within the tolerance.
    criterion : Discounted or Average
        What the index is for.
    """

    hidden: HiddenArms
    space: BeliefSpace
    table: ConservationIndex
    history: tuple[Refinement, ...]
    change: float
    converged: bool
    criterion: Criterion

    @property
    def values(self) -> NDArray[np.float64]:
        """Index of each node of the space, shape ``(m,)``."""
        return self.table.values[0]

    def at(self, beliefs: ArrayLike, modes: ArrayLike | None = None) -> NDArray[np.float64]:
        """Index at any beliefs ``(Q, S)``, carried over from the nodes by the closure, shape ``(Q,)``.

        It has settled where the start leads to. Far from the nodes it may be far off, whatever ``converged`` says: an arm that
        is absorbed has few nodes elsewhere. Grow from there, or ask :func:`rmab.index_interval`.

        Raises
        ------
        ModelError
            If a belief is no law over the states.
        """
        return self.space.interpolate(self.values, beliefs, modes)

    @cached_property
    def meshes(self) -> MeshReport:
        """What this spacing and half of it, under two closures, say about indexability; see :func:`rmab.mesh_report`."""
        space = self.space
        start, mode, most = space.beliefs[0], space.modes[:1], 4 * len(space.nodes)
        return mesh_report(self.hidden, start, self.criterion, depth=space.depth, merge=space.merge, modes=mode, most=most)

    @property
    def status(self) -> str:
        """One sentence, with the remedy when the index has not settled."""
        size = f"{len(self.space.nodes)} nodes, merge {self.space.merge:g}, depth {self.space.depth}"
        if self.converged:
            return f"settled with {size}: the last refinement moved it by {self.change:.3g}"
        return f"not settled with {size}: the last refinement moved it by {self.change:.3g}; raise most or the tolerance"

    def __str__(self) -> str:
        low, high = self.values.min(), self.values.max()
        return f"index of a hidden arm, {self.table.criterion}, from {low:.6g} to {high:.6g}\n{self.status}"


def belief_index(
    hidden: HiddenArms,
    criterion: Criterion,
    *,
    start: ArrayLike | None = None,
    mode: int = 0,
    tolerance: float = 0.01,
    activity: float = 0.5,
    closure: Closure | str | None = None,
    most: int = 2000,
    rng: int = 0,
) -> BeliefIndex:
    """Index of a hidden arm, on a belief space that is refined until it stands still.

    Parameters
    ----------
    hidden : HiddenArms
        An arm with two actions.
    criterion : Discounted or Average
        As for :func:`rmab.conservation_index`.
    start : array_like, shape (S,), optional
        Belief at the start; default the law that waiting keeps.
    mode : int
        Mode at the start.
    tolerance : float
        Largest change of the index that counts as none, as a share of its range over the test beliefs.
    activity : float
        Share of periods in which the test path acts.
    closure : str, optional
        As for :meth:`rmab.HiddenArms.reachable`.
    most : int
        Largest number of nodes; refinement that would pass it is not made, and the result says so.
    rng : int
        Seed of the test path, fixed so that the result is.

    Returns
    -------
    BeliefIndex

    Raises
    ------
    ModelError
        If an argument is out of range, or even the coarsest space has more than ``most`` nodes.

    Examples
    --------
    >>> from rmab.models.criterion import Discounted
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> found = belief_index(channel, Discounted(0.9))
    >>> found.converged, found.at([[0.4, 0.6]]).round(2)
    (True, array([0.71]))
    """
    for name, value in (("tolerance", tolerance), ("activity", activity)):
        if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value < 1:
            raise ModelError(f"{name} must lie strictly between 0 and 1, got {value!r}")
    if not isinstance(hidden, HiddenArms):
        raise ModelError(f"the arm must be a HiddenArms, got {type(hidden).__name__}")
    if not isinstance(rng, Integral) or isinstance(rng, bool) or rng < 0:
        raise ModelError(f"rng must be a whole number from 0 on, the seed of the test path, got {rng!r}")
    root = hidden.stationary() if start is None else checked_belief(start, hidden.n_states, "start")
    uniforms = np.random.default_rng(rng).random((TEST_BELIEFS, 2))
    test = belief_path(hidden.kernel, hidden.allowed, root, mode, float(activity), uniforms)
    return _Search(hidden, criterion, root, mode, closure, most, test).run(float(tolerance))


class _Search:
    """The state of the refinement: the best mesh so far, and the index at the test beliefs on it."""

    def __init__(
        self,
        hidden: HiddenArms,
        criterion: Criterion,
        root: NDArray[np.float64],
        mode: int,
        closure: Closure | str | None,
        most: int,
        test: tuple[NDArray[np.float64], NDArray[np.int64]],
    ) -> None:
        self.hidden, self.criterion, self.root, self.mode = hidden, criterion, root, mode
        self.closure, self.most, self.test = closure, most, test
        self.history: list[Refinement] = []
        self.changes: list[float] = []
        first = self._space(COARSEST, SHALLOWEST)
        if first is None:
            raise TooManyBeliefs(f"even at merge {COARSEST} the belief space has more than {most} nodes; raise most")
        self._take(first, np.inf)

    def run(self, tolerance: float) -> BeliefIndex:
        settled = False
        while not settled:
            finer = self._refine(0.5, 1, tolerance)
            deeper = None if finer is None else self._refine(1.0, 2, tolerance)
            if finer is None or deeper is None:
                break
            settled = finer == deeper == 1  # one step of each sufficed
        change = max(self.changes[-2:], default=np.inf)
        return BeliefIndex(self.hidden, self.space, self.table, tuple(self.history), change, settled, self.criterion)

    def _refine(self, shrink: float, deepen: int, tolerance: float) -> int | None:
        """Refine until the change is within the tolerance; the number of steps, or None if the space grew too large."""
        for step in range(1, 64):
            if deepen > 1 and self.space.closed:
                return step
            merge, depth = self.space.merge * shrink, self.space.depth * deepen
            space = self._space(merge, depth)
            if space is None:
                self.history.append(Refinement(merge, depth, 0, np.inf))
                return None
            before, spread = self.at_test, self.range
            self._take(space, 0.0)
            moved = _difference(before, self.at_test)
            share = moved / max(self.range, spread, np.finfo(float).tiny) if moved < np.inf else np.inf
            self.changes.append(moved)
            self.history[-1] = Refinement(space.merge, depth, len(space.nodes), share)
            if share <= tolerance:
                return step
        return None

    def _space(self, merge: float, depth: int) -> BeliefSpace | None:
        return space_within(
            self.hidden, self.root, depth=depth, merge=merge, closure=self.closure, modes=[self.mode], most=self.most
        )

    def _take(self, space: BeliefSpace, change: float) -> None:
        self.space, self.table = space, conservation_index(space.arms, self.criterion)
        self.at_test = space.interpolate(self.table.values[0], *self.test)
        finite = self.at_test[np.isfinite(self.at_test)]
        self.range = float(np.ptp(finite)) if len(finite) else 0.0
        self.history.append(Refinement(space.merge, space.depth, len(space.nodes), change))


def _difference(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """The largest difference of two indices, of which infinite ones must agree."""
    apart = before != after
    if (apart & ~(np.isfinite(before) & np.isfinite(after))).any():
        return np.inf
    return float(np.abs(after[apart] - before[apart]).max(initial=0.0))

"""What several meshes say together about the indexability of a hidden arm.

A belief space is an ordinary arm, and whether that arm is indexable can be computed; but it is another arm than the hidden one,
and the answer moves with the mesh. Of coarse meshes some pass that fail when they are refined, and the nearest closure, which
breaks the convexity of values, makes arms look not indexable that are. So the question is put to four meshes, spacing ``merge``
and half of it, each under two closures, and what is reported is what they say in common, with its margin.

1. Compute the conservation-law index on each mesh; note the least work measure, which must be positive for the laws (PCL).
2. *Drift* is the largest change of the least work from a mesh to the finer one of the same closure: how much of it is the mesh.
3. ``partial conservation laws`` if every mesh passes and the least work of all is more than twice the drift, so that
   refinements which cost as much again would not undo it; ``indexable`` if every mesh is indexable; ``not indexable`` if none
   is; otherwise, or where a mesh does not fit, ``inconclusive``.

This is evidence, not a proof: no finite mesh settles it for the hidden arm.

Reference for the test on one mesh: K. Liu, Q. Jia, arXiv:2307.03034; the comparison of meshes is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from rmab.errors import ModelError, TooManyBeliefs
from rmab.hidden.arms import HiddenArms
from rmab.hidden.closure import Closure, checked_closure
from rmab.hidden.space import BeliefSpace
from rmab.index.conservation import ConservationIndex, conservation_index
from rmab.models.criterion import Criterion

MOST_TRIANGULATED_STATES = 6


class MeshVerdict(StrEnum):
    """What all meshes say in common."""

    CONSERVATION_LAWS = "partial conservation laws"
    INDEXABLE = "indexable"
    NOT_INDEXABLE = "not indexable"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class MeshFinding:
    """What one mesh says.

    Attributes
    ----------
    closure : Closure
        How beliefs that are no nodes were mapped.
    merge : float
        Spacing of the mesh.
    nodes : int
        States of the arm that it makes; 0 if it was too large to be made.
    pcl_indexable, indexable : bool
        What holds for that arm.
    least_work : float
        The least work measure over all sets met: the laws need it to be positive.
    tested : bool
        Whether it was computed at every set that the laws speak of; if not, it says nothing, and the laws may hold or fail.
    """

    closure: Closure
    merge: float
    nodes: int
    pcl_indexable: bool
    indexable: bool
    least_work: float
    tested: bool = True

    def __str__(self) -> str:
        if not self.nodes:
            return f"{self.closure} closure, merge {self.merge:g}: too large"
        laws = "laws hold" if self.pcl_indexable else "laws fail" if self.tested else "laws not tested at every set"
        indexable = "indexable" if self.indexable else "not indexable"
        mesh = f"{self.closure} closure, merge {self.merge:g}, {self.nodes} nodes"
        return f"{mesh}: {laws}, {indexable}, least work {'' if self.tested else 'at most '}{self.least_work:.3g}"


@dataclass(frozen=True)
class MeshReport:
    """What several meshes say about one hidden arm.

    Attributes
    ----------
    findings : tuple of MeshFinding
        One per mesh: each closure at the spacing and at half of it.
    """

    findings: tuple[MeshFinding, ...]

    @property
    def margin(self) -> float:
        """The least work measure over all meshes that were tested; the conservation laws need it to be positive."""
        return min((found.least_work for found in self.findings if found.tested), default=-np.inf)

    @property
    def drift(self) -> float:
        """The largest change of the least work from a mesh to the finer one of its closure; infinite if one was not tested."""
        changes = []
        for coarse, fine in zip(self.findings[::2], self.findings[1::2], strict=True):
            changes.append(abs(coarse.least_work - fine.least_work) if coarse.tested and fine.tested else np.inf)
        return float(max(changes))

    @property
    def verdict(self) -> MeshVerdict:
        """What all meshes say in common."""
        if not all(found.nodes for found in self.findings):
            return MeshVerdict.INCONCLUSIVE
        if all(found.pcl_indexable for found in self.findings) and self.margin > 2.0 * self.drift:
            return MeshVerdict.CONSERVATION_LAWS
        indexable = {found.indexable for found in self.findings}
        if len(indexable) > 1:
            return MeshVerdict.INCONCLUSIVE
        return MeshVerdict.INDEXABLE if indexable.pop() else MeshVerdict.NOT_INDEXABLE

    def __str__(self) -> str:
        head = (
            f"{self.verdict} on {sum(found.nodes > 0 for found in self.findings)} of {len(self.findings)} meshes: "
            f"least work {self.margin:.3g}, drift {self.drift:.3g} between meshes (evidence, not a proof)"
        )
        return "\n  ".join([head, *map(str, self.findings)])


def mesh_report(
    hidden: HiddenArms,
    start: ArrayLike,
    criterion: Criterion,
    *,
    depth: int,
    merge: float,
    modes: ArrayLike | None = None,
    closures: Sequence[Closure | str] | None = None,
    most: int = 2000,
) -> MeshReport:
    """Put the question whether a hidden arm is indexable to four meshes.

    Parameters
    ----------
    hidden : HiddenArms
        An arm with two actions.
    start : array_like, shape (S,) or (m, S)
        Where it may start.
    criterion : Discounted or Average
        As for :func:`rmab.conservation_index`.
    depth : int
        Periods to grow the belief spaces for.
    merge : float
        Spacing of the coarser mesh; the finer has half of it.
    modes : array_like of int, shape (m,), optional
        Modes of the starts.
    closures : sequence of str, optional
        Two closures or more. Default: nearest, and linear up to six states, Freudenthal above.
    most : int
        Nodes above which a mesh is not made and the report is inconclusive.

    Returns
    -------
    MeshReport

    Raises
    ------
    ModelError
        If fewer than two closures are given, or as for :meth:`rmab.HiddenArms.reachable` and :func:`rmab.conservation_index`.

    Examples
    --------
    >>> from rmab.models.criterion import Discounted
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> print(mesh_report(channel, [0.4, 0.6], Discounted(0.9), depth=8, merge=0.02).verdict)
    partial conservation laws
    """
    if not isinstance(merge, Real) or isinstance(merge, bool) or not 0 < merge < np.inf:
        raise ModelError(f"merge must be a distance above 0, which is halved, got {merge!r}")
    exact = Closure.LINEAR if hidden.n_states <= MOST_TRIANGULATED_STATES else Closure.FREUDENTHAL
    given = (closures,) if isinstance(closures, str) else closures
    chosen = (Closure.NEAREST, exact) if given is None else tuple(map(checked_closure, given))
    if len(set(chosen)) < 2:
        raise ModelError(f"one closure alone settles nothing; give two of {', '.join(Closure)}")
    findings = []
    for closure in chosen:
        for spacing in (merge, merge / 2):
            space = space_within(hidden, start, depth=depth, merge=spacing, closure=closure, modes=modes, most=most)
            findings.append(_finding(closure, spacing, None if space is None else conservation_index(space.arms, criterion)))
    return MeshReport(tuple(findings))


def space_within(
    hidden: HiddenArms,
    start: ArrayLike,
    *,
    depth: int,
    merge: float,
    closure: Closure | str | None,
    modes: ArrayLike | None,
    most: int,
) -> BeliefSpace | None:
    """The belief space, or None if it has more than ``most`` nodes."""
    try:
        space = hidden.reachable(start, depth=depth, merge=merge, closure=closure, modes=modes, most=most)
    except TooManyBeliefs:
        return None
    return space if len(space.nodes) <= most else None


def _finding(closure: Closure, merge: float, table: ConservationIndex | None) -> MeshFinding:
    if table is None:
        return MeshFinding(closure, merge, 0, False, False, -np.inf, tested=False)
    return MeshFinding(
        closure,
        merge,
        table.values.shape[1],
        bool(table.pcl_indexable[0]),
        bool(table.indexable[0]),
        float(table.least_work[0]),
        tested=bool(table.tested[0] == table.values.shape[1] + 1),
    )

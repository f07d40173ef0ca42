"""Reachable beliefs of a hidden arm, grown from where it starts and closed into an ordinary arm.

1. Grow generation by generation, merging near beliefs (see :mod:`rmab._kernels.belief_tree`).
2. Map every successor of every belief, of the last generation too, back to the set (see :mod:`rmab.hidden.closure`).

The set stops growing after some generations, since beliefs are a compact set: ``closed`` says whether it did.

Reference: K. Liu, Q. Jia, arXiv:2307.03034, definition 7 and lemmas 13 and 14.
"""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.belief_tree import FULL, grow
from rmab.errors import ModelError, TooManyBeliefs
from rmab.hidden.checks import checked_beliefs, checked_modes
from rmab.hidden.closure import Closure, checked_closure, close
from rmab.hidden.kernel import HiddenKernel
from rmab.hidden.refinement import grow_by_reach
from rmab.hidden.space import BeliefSpace
from rmab.models.arrays import whole_number

MOST_LINEAR_STATES = 4
FIRST_ROOM = 2048


def reachable(
    hidden: HiddenKernel,
    start: ArrayLike,
    *,
    depth: int,
    merge: float,
    closure: Closure | str | None,
    modes: ArrayLike | None,
    same_generation: bool,
    most: int,
) -> BeliefSpace:
    """See :meth:`rmab.HiddenArms.reachable`."""
    starts, start_modes = _roots(hidden, start, modes)
    whole_number("depth", depth, 0)
    whole_number("most", most, len(starts))
    if not isinstance(same_generation, bool | np.bool_):
        raise ModelError(f"same_generation must be True or False, got {same_generation!r}")
    if not isinstance(merge, Real) or isinstance(merge, bool) or not 0 <= merge < np.inf:
        raise ModelError(f"merge must be a distance from 0 on, got {merge!r}")
    room, ended = min(FIRST_ROOM, most), FULL
    while ended == FULL:
        *grown, ended = grow(
            hidden.kernel, hidden.allowed, starts, start_modes, int(depth), float(merge), bool(same_generation), room
        )
        if ended == FULL and room == most:
            raise TooManyBeliefs(
                f"more than {most} beliefs can be reached within {depth} periods; use a larger merge or a smaller depth, "
                "or raise most"
            )
        room = min(4 * room, most)
    return _closed_space(hidden, tuple(grown), ended == 1, int(depth), float(merge), closure)


def reachable_by_weight(
    hidden: HiddenKernel,
    start: ArrayLike,
    *,
    size: int,
    discount: float,
    activity: float,
    closure: Closure | str | None,
    modes: ArrayLike | None,
) -> BeliefSpace:
    """See :meth:`rmab.HiddenArms.reachable_by_weight`."""
    starts, start_modes = _roots(hidden, start, modes)
    whole_number("size", size, len(starts))
    for name, value, high in (("discount", discount, 1), ("activity", activity, 1)):
        if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value < high:
            raise ModelError(f"{name} must lie strictly between 0 and {high}, got {value!r}")
    grown = grow_by_reach(hidden, starts, start_modes, size=int(size), discount=float(discount), activity=float(activity))
    spacing = _spacing(grown[0], grown[1])
    return _closed_space(hidden, grown, len(grown[0]) < size, int(grown[2].max()), spacing, closure)


def _roots(hidden: HiddenKernel, start: ArrayLike, modes: ArrayLike | None) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    given = np.asarray(start)
    starts = checked_beliefs(given[np.newaxis] if given.ndim == 1 else start, hidden.n_states, "start")
    if not len(starts):
        raise ModelError("there is no start; give at least one belief")
    return starts, checked_modes(modes, len(starts), hidden.n_modes)


def _closed_space(
    hidden: HiddenKernel,
    grown: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]],
    ended: bool,
    depth: int,
    merge: float,
    closure: Closure | str | None,
) -> BeliefSpace:
    beliefs, modes, generation = grown
    exact = Closure.LINEAR if hidden.n_states <= MOST_LINEAR_STATES else Closure.NEAREST
    kind = exact if closure is None else checked_closure(closure)
    for array in grown:
        array.setflags(write=False)
    return BeliefSpace(
        hidden, beliefs, modes, generation, ended, depth, merge, kind, close(hidden, beliefs, modes, kind, merge)
    )


def _spacing(beliefs: NDArray[np.float64], modes: NDArray[np.int64]) -> float:
    """The smallest distance between two beliefs of one mode: what the set resolves."""
    from scipy.spatial import cKDTree

    found = [cKDTree(beliefs[modes == y]).query(beliefs[modes == y], k=2)[0][:, 1].min() for y in np.unique(modes)]
    finite = [distance for distance in found if np.isfinite(distance)]
    return float(min(finite, default=1.0))

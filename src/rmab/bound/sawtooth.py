"""Sawtooth bound: an upper value of a charged hidden arm from its values at the corners and at some beliefs.

The value ``V`` is convex in the belief and ``V(k b) = k V(b)``. A belief ``b`` holds the point ``x_i`` up to the share
``min over s of b[s] / x_i[s]``, and corners for the rest; hence, with ``c`` the values at the corners,

    V(b)  <=  c . b + min over i of (v_i - c . x_i) min over s of b[s] / x_i[s],

the smallest of as many pyramids as there are points, each over one point and the corners. Interpolating so is monotone and
keeps constants, so value iteration on the corners and points (:mod:`rmab.bound.relative`) gives upper values whenever it
stops. Unlike a triangulation it needs no geometry and works for any number of hidden states.

1. Iterate from the values of the fast informed bound.
2. At any belief take the smaller of the two: the fast informed bound is better where points are few.

References: M. Hauskrecht, JAIR 13 (2000), section 4.3.4; T. Smith, R. Simmons, "Heuristic search value iteration for POMDPs",
UAI 2004, for the name. Cost: A Z n^2 S operations per sweep for n points. Stopping rule: that of :mod:`rmab.bound.relative`;
what is left is added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.sawtooth import interpolate
from rmab.bound.informed import best_at_beliefs, relative_table, solve_informed
from rmab.bound.lookahead import successors
from rmab.bound.relative import Relative, iterate
from rmab.hidden.checks import checked_beliefs, checked_modes, finite_number
from rmab.hidden.kernel import HiddenKernel
from rmab.index.findings import discount_of
from rmab.models.criterion import Criterion

TOLERANCE = 1e-11


@dataclass(frozen=True, eq=False)
class Sawtooth:
    """An upper value of one charged hidden arm at any belief.

    Attributes
    ----------
    corners : ndarray, shape (Y, S)
        Relative values at the corners.
    points : ndarray, shape (n, S)
        Beliefs, sorted by mode.
    first : ndarray of int, shape (Y + 1,)
        Where the points of each mode begin.
    drop : ndarray, shape (n,)
        Relative values at the points less what the corners say.
    high : float
        What is added per period.
    informed : Relative
        The fast informed bound, shape ``(A Y S, 1)``.
    hidden : HiddenArms
        The arm.
    """

    corners: NDArray[np.float64]
    points: NDArray[np.float64]
    first: NDArray[np.int64]
    drop: NDArray[np.float64]
    high: float
    informed: Relative
    hidden: HiddenKernel

    def per_period(self, beliefs: ArrayLike, modes: ArrayLike | None = None) -> NDArray[np.float64]:
        """Upper value per period, ``(1 - beta) V`` or the gain, of every belief, shape ``(Q,)``.

        Parameters
        ----------
        beliefs : array_like, shape (Q, S)
            Beliefs.
        modes : array_like of int, shape (Q,), optional
            Their modes; default 0.
        """
        rows = checked_beliefs(beliefs, self.hidden.n_states)
        where = checked_modes(modes, len(rows), self.hidden.n_modes)
        own = 1.0 - self.informed.beta
        tooth = self.high + own * _interpolated(rows, where, self.corners, self.points, self.first, self.drop)
        known = best_at_beliefs(relative_table(self.hidden, self.informed), rows, where)
        return np.minimum(tooth, self.informed.high + own * known)


def sawtooth(
    hidden: HiddenKernel,
    charge: float,
    criterion: Criterion,
    *,
    beliefs: ArrayLike,
    modes: ArrayLike | None = None,
) -> Sawtooth:
    """Upper values from the corners and a set of beliefs.

    Parameters
    ----------
    hidden : HiddenArms
        One type of arm.
    charge : float
        Paid for every activation, a finite number.
    criterion : Discounted or Average
        What is maximised.
    beliefs : array_like, shape (n, S)
        Points, such as ``hidden.reachable(...).beliefs``; corners are added.
    modes : array_like of int, shape (n,), optional
        Their modes; default 0.

    Raises
    ------
    ModelError
        If the charge is not a finite number, the criterion is a horizon, or a belief is no law over the states.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.criterion import Discounted
    >>> seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    >>> channel = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    >>> few, more = ([[0.4, 0.6]], [[0.4, 0.6], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    >>> upper = [sawtooth(channel, 0.64, Discounted(0.9), beliefs=b).per_period([[0.4, 0.6]])[0] for b in (few, more)]
    >>> bool(upper[1] < upper[0])
    True
    """
    beta, charge = discount_of(criterion, "sawtooth"), finite_number("charge", charge)
    given = checked_beliefs(beliefs, hidden.n_states)
    where = checked_modes(modes, len(given), hidden.n_modes)
    order = np.argsort(where, kind="stable")
    points, first = given[order], np.searchsorted(where[order], np.arange(hidden.n_modes + 1))
    n_corners = hidden.n_modes * hidden.n_states
    every = np.concatenate([np.tile(np.eye(hidden.n_states), (hidden.n_modes, 1)), points])
    modes_of = np.concatenate([np.repeat(np.arange(hidden.n_modes), hidden.n_states), where[order]])
    after = successors(hidden, every, modes_of)

    def split(h: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        corners = h[:n_corners, 0].reshape(hidden.n_modes, hidden.n_states)
        return corners, h[n_corners:, 0] - (corners[where[order]] * points).sum(axis=1)

    def step(h: NDArray[np.float64]) -> NDArray[np.float64]:
        corners, drop = split(h)
        ahead = _interpolated(after.beliefs, after.modes, corners, points, first, drop)
        return after.action_values(ahead, charge, beta).max(axis=0)[:, np.newaxis]

    informed = solve_informed(hidden, charge, criterion, delayed=True)
    begin = best_at_beliefs(relative_table(hidden, informed), every, modes_of)[:, np.newaxis]
    found = iterate(step, begin, np.ones(1), beta, TOLERANCE * (float(np.ptp(informed.values)) or 1.0))
    corners, drop = split(found.values)
    return Sawtooth(corners, points, first, drop, found.high, informed, hidden)


def _interpolated(
    beliefs: NDArray[np.float64],
    modes: NDArray[np.int64],
    corners: NDArray[np.float64],
    points: NDArray[np.float64],
    first: NDArray[np.int64],
    drop: NDArray[np.float64],
) -> NDArray[np.float64]:
    out = np.empty(len(beliefs))
    given = (np.ascontiguousarray(beliefs), modes.astype(np.int64), np.ascontiguousarray(corners))
    interpolate(*given, np.ascontiguousarray(points), first.astype(np.int64), drop, out)
    return out

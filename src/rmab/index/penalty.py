"""POW, the penalty-optimal Whittle index: of arms that have their own requirements (penalties) on top of the common budget.

Problem
-------
An arm pays ``r[a, s]``, costs ``c_j[a, s]`` of which the mean must be at most ``d_j``, and acting costs a charge per period. At
a charge its multipliers ``mu_j``, between 0 and a cap, minimise the value of the arm with the reward

    r[a, s] - charge * a - sum_j mu_j (c_j[a, s] - d_j).

The POW index of a state is the largest charge at which acting is optimal there at these multipliers; the multipliers move with
the charge. The cap makes the requirement elastic: an arm that cannot meet it saturates its multiplier. The arm is indexable
when no state in which waiting was strictly better acts or ties at a higher charge. That may fail although the arm has a Whittle
index for every fixed multiplier, because the multiplier grows with the charge.

Where a requirement is met by mixing both actions in one state, the two tie there over a whole interval of charges: ``lower``
and ``upper`` are its ends. The paper's index is the upper one. Taking either at face value misses the requirement; the
randomised index ``random(u)``, with ``u`` drawn afresh, acts with exactly the probability of the optimal mixture.

Algorithm
---------
1. Follow the optimal policy and its mixing states from charge minus infinity to infinity, exactly, one exchange at a time; see
   :mod:`rmab._kernels.penalty_path`. One pass gives all breakpoints, the multipliers, the dual function and the verdict.
2. A path that loses digits is done again with a fresh system after every exchange. Under the average criterion, an arm for
   which some policy on the path has several recurrent classes is done at discount 1 - 1e-6, and called ``unsettled``.

Where no penalty binds, or the cap is 0, the index is the Whittle index.

Reference: N. Zamir, I.-H. Hou, Restless bandits with individual penalty constraints, arXiv:2604.04101 (2026). There a linear
program is solved for every charge of a grid. Cost: (8/3) S^3 operations to start, then 2 S^2 per event; about S events for an
indexable arm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from math import isfinite
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.penalty_path import follow_types, most_segments
from rmab._kernels.verdict import NOT_INDEXABLE, UNDECIDED
from rmab.errors import ModelError
from rmab.index.findings import check_two_actions, discount_of
from rmab.index.penalty_paths import PenaltyPaths
from rmab.index.table import Judged, Witness
from rmab.models.arms import Arms
from rmab.models.arrays import float_array
from rmab.models.budget import TopK
from rmab.models.criterion import Criterion
from rmab.models.penalty import Penalty, excess_costs
from rmab.models.problem import Problem
from rmab.parallel import Progress, map_chunks

CHUNK = 2_000_000  # multiplications per chunk: long enough to hide the hand-over, short enough for progress and balance


@dataclass(frozen=True, eq=False)
class PenaltyIndex(Judged):
    """POW index of every state of every type, with the path behind it.

    Attributes
    ----------
    lower, upper : ndarray, shape (K, S)
        The charges from which on, and up to which, acting and waiting tie; equal except in states that are mixed somewhere.
        ``upper`` is the index of the paper. Both are above or below the charges of all other states by up to the cap where the
        requirement alone decides.
    acting : ndarray, shape (K, S)
        Charge up to which acting is optimal without mixing.
    cap : float
        Most that a multiplier may be, in reward per unit of cost.
    codes : ndarray of int8, shape (K,)
        The verdicts as numbers, see ``verdict``.
    exact : ndarray of bool, shape (K,)
        Whether the path is that of the criterion itself. False for a type of which, under the average criterion, some policy on
        the path has several recurrent classes (or nearly so): its numbers are those at discount 1 - 1e-6.
    returns : ndarray, shape (K, 3)
        For every type that is not indexable, a state and two charges: waiting is strictly better at the first, yet acting is
        optimal at the second and higher one (strictly, if it is anywhere); see ``witness``.
    excess : ndarray, shape (J, K, A, S)
        Cost less bound of the penalties for which the index holds.
    paths : PenaltyPaths
        The segments of the paths.
    criterion : str
        The criterion for which the index holds.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    acting: NDArray[np.float64]
    cap: float
    codes: NDArray[np.int8]
    exact: NDArray[np.bool_]
    returns: NDArray[np.float64]
    excess: NDArray[np.float64]
    paths: PenaltyPaths
    criterion: str

    @cached_property
    def proofs(self) -> dict[int, Witness]:  # type: ignore[override]
        """The witness of every type that is not indexable."""
        return {int(k): _witness(self.returns[k]) for k in np.flatnonzero(self.codes == NOT_INDEXABLE)}

    @property
    def values(self) -> NDArray[np.float64]:
        """The index as the paper defines it: ``upper``."""
        return self.upper

    def random(self, u: ArrayLike) -> NDArray[np.float64]:
        """Randomised index: the largest charge at which the chance of acting is at least ``u``.

        Parameters
        ----------
        u : array_like, broadcast to shape (K, S)
            Drawn uniformly from 0 to 1 for each arm and period.

        Returns
        -------
        ndarray, shape (K, S)

        Raises
        ------
        ModelError
            If some ``u`` is not between 0 and 1.
        """
        drawn, shape = float_array("u", u, "numbers"), self.upper.shape
        if not ((drawn >= 0) & (drawn <= 1)).all() or np.broadcast_shapes(shape, drawn.shape[-2:]) != shape:
            raise ModelError(f"u must be between 0 and 1, one number or one for each of (types, states) = {shape}, got {u!r}")
        charge, chance = self.levels()
        place = np.argmax(chance >= np.broadcast_to(drawn, self.upper.shape)[..., np.newaxis], axis=-1)
        return np.take_along_axis(charge, place[..., np.newaxis], axis=-1)[..., 0]

    def levels(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The randomised index as step functions of ``u``.

        Returns
        -------
        tuple of ndarray, each of shape (K, S, L)
            Charges, descending, and up to which ``u`` each one holds, ascending to 1.
        """
        return self.paths.levels(self.acting)

    def multiplier(self, charge: ArrayLike) -> NDArray[np.float64]:
        """Optimal multipliers at a charge: what an arm would pay per period for one unit more of its bound.

        Parameters
        ----------
        charge : array_like, broadcast to shape (..., K)
            Charge per activation. At a breakpoint, where several multipliers are optimal, the limit from above.

        Returns
        -------
        ndarray, shape (..., K), or (..., K, J) for several penalties
        """
        multipliers = self.paths.multipliers(self._charges(charge))
        return multipliers[..., 0] if multipliers.shape[-1] == 1 else multipliers

    def dual(self, charge: ArrayLike) -> NDArray[np.float64]:
        """Value of an arm of each type at a charge, convex and piecewise linear, per period; shapes as for ``multiplier``."""
        return self.paths.dual(self._charges(charge))

    def activation(self, charge: ArrayLike) -> NDArray[np.float64]:
        """Share of periods in which an arm of each type is acted on at a charge; shapes as for :meth:`multiplier`."""
        return self.paths.activation[self.paths.at(self._charges(charge))]

    def capped(self, charge: ArrayLike) -> NDArray[np.bool_]:
        """Whether some multiplier of each type is at its cap, so that its requirement is not kept; shapes likewise."""
        multipliers = self.paths.multipliers(self._charges(charge))
        return np.asarray((multipliers >= self.cap * (1 - 1e-9)).any(axis=-1))

    def _charges(self, charge: ArrayLike) -> NDArray[np.float64]:
        given, n_types = float_array("a charge", charge, "numbers"), len(self.codes)
        if (given.ndim and given.shape[-1] not in (1, n_types)) or np.isnan(given).any():
            raise ModelError(f"give one charge, or along the last axis one for each of the {n_types} types, got {charge!r}")
        return np.broadcast_to(given, (*given.shape[:-1], n_types))

    def __str__(self) -> str:
        lower, upper = (np.array2string(table, precision=6, threshold=60) for table in (self.lower, self.upper))
        return (
            f"penalty index of {len(self.codes)} types, {self.criterion}, multipliers up to {self.cap:g}: {self.status}\n"
            f"lower\n{lower}\nupper\n{upper}"
        )


def penalty_index(
    arms: Arms,
    penalty: Penalty | Iterable[Penalty],
    criterion: Criterion,
    cap: float = 10.0,
    *,
    start: ArrayLike | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> PenaltyIndex:
    """POW index of every state of every type.

    Parameters
    ----------
    arms : Arms
        ``K`` types with two actions.
    penalty : Penalty or iterable of Penalty
        What each arm owes, ``J`` requirements.
    criterion : Discounted or Average
        Under which both the reward and the requirements are meant.
    cap : float
        Most that a multiplier may be, in reward per unit of cost, at least 0. It only has to exceed the multipliers at the
        price of the whole problem; ``PenaltyIndex.capped`` tells.
    start : array_like, optional
        Where the arms start, as for :class:`Problem`; it matters to a discounted requirement. Default: uniform over the states.
    threads : int, optional
        Threads over which the types are spread; default one per core. Results do not depend on it.
    progress : callable, optional
        Called as ``progress(types_done, types)``.

    Returns
    -------
    PenaltyIndex

    Raises
    ------
    ModelError
        If the arms have more than two actions, a penalty does not fit them or is missing, the criterion is a finite horizon, or
        the cap is not a number from 0 on.

    Examples
    --------
    A link whose rate is 1 or 2, drawn afresh each period, must be served in at least a quarter of all periods:

    >>> from rmab.models.criterion import Average
    >>> arms = Arms(np.full((2, 2, 2), 0.5), [[0.0, 0.0], [1.0, 2.0]])
    >>> index = penalty_index(arms, Penalty([[0.0, 0.0], [-1.0, -1.0]], -0.25), Average())
    >>> index.lower, index.upper
    (array([[1., 2.]]), array([[ 1., 12.]]))
    >>> index.multiplier(5.0), index.random(0.4), index.random(0.6)
    (array([3.]), array([[ 1., 12.]]), array([[1., 2.]]))
    """
    beta = discount_of(criterion, "penalty")
    check_two_actions(arms, "penalty")
    if not isinstance(cap, Real) or isinstance(cap, bool) or not (isfinite(cap) and cap >= 0):
        raise ModelError(f"the cap must be a number from 0 on, got {cap!r}")
    excess = excess_costs(arms, penalty)
    if len(excess) == 0:
        raise ModelError("there is no penalty; give at least one Penalty(cost, bound), or use whittle_index")
    shape = (arms.n_types, arms.n_states)
    begin = Problem(arms, TopK(0), criterion, start=start).start_distribution
    counts, codes = np.zeros(shape[0], dtype=np.int64), np.zeros(shape[0], dtype=np.int8)
    ties, witness = np.empty((shape[0], 3, shape[1])), np.zeros((shape[0], 3))
    exact = np.ones(shape[0], dtype=bool)
    found = Found(counts, codes, exact, ties, witness)
    # the kernels are compiled anew for a read-only start, hence the copy
    work = partial(_paths, arms.unit_rows, arms.rewards, excess, begin.copy(), beta, float(cap), found)
    chunk = max(1, min(1024, CHUNK // shape[1] ** 3))
    rows = map_chunks(work, shape[0], chunk=chunk, threads=threads, progress=progress)
    ties[codes == UNDECIDED] = np.array([-np.inf, np.inf, -np.inf])[:, np.newaxis]
    for array in (ties, codes, exact, witness, excess):
        array.setflags(write=False)
    paths = PenaltyPaths.from_rows(np.concatenate(rows), counts)
    return PenaltyIndex(ties[:, 0], ties[:, 1], ties[:, 2], float(cap), codes, exact, witness, excess, paths, repr(criterion))


def _witness(found: NDArray[np.float64]) -> Witness:
    return Witness(int(found[0]), float(found[1]), float(found[2]))


class Found(NamedTuple):
    """Room for what is found about every type: segments, codes, exactness (K,), ties (K, 3, S), witness (K, 3)."""

    counts: NDArray[np.int64]
    codes: NDArray[np.int8]
    exact: NDArray[np.bool_]
    ties: NDArray[np.float64]
    witness: NDArray[np.float64]


def _paths(
    p: NDArray[np.float64],
    r: NDArray[np.float64],
    excess: NDArray[np.float64],
    start: NDArray[np.float64],
    beta: float,
    cap: float,
    found: Found,
    first: int,
    last: int,
) -> NDArray[np.float64]:
    """Rows of the paths of the types ``first <= k < last``; the rest goes into ``found``."""
    n_states, width = r.shape[2], 3 + 5 * len(excess)
    parts = []
    while first < last:
        rows = np.empty((most_segments(n_states) + (last - first) * 2 * n_states, width))
        first, count = follow_types(p, r, excess, start, beta, cap, first, last, rows, *found)
        parts.append(rows[:count])
    return np.concatenate(parts)

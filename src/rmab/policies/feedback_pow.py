"""Feedback POW: every arm keeps its own multipliers, and moves them by what it has incurred.

Charge an arm mu_j for each unit of excess g_j(s, a), cost less bound, of its j-th requirement. W(s; mu) is the Whittle index of
the arm whose reward is r(s, a) - sum_j mu_j g_j(s, a). Each arm i carries multipliers of its own:

1. Start: mu_i = the multipliers of the fluid program for an arm of its type, at most ``cap``.
2. Each period, act on the arms of highest W(s_i; mu_i); under "at most" leave negative ones alone.
3. mu_ij <- min(max(mu_ij + step g_j(s_i, a_i), 0), cap): an arm that falls behind is worth more the next time.

W is found once on a grid of multipliers and interpolated (multi)linearly: where the optimal policies stay the same W is linear
in mu, and the grid is denser near 0 and near the multipliers of the fluid program, where arms spend their time.

Guarantee: on every path of every arm, whatever the budget and the other arms do, while mu_ij stays below ``cap``

    (1/T) sum over T periods of g_j  <=  (mu_ij(T) - mu_ij(0)) / (step T),

since clipping at 0 only adds to the multiplier. Requirements are met up to O(1/T) by each arm at any number of arms, which no
policy does that only looks at states. The reward is near the bound as multipliers hover around their optimum, the closer the
smaller the step; near 0.02 times the scale of the multipliers suits 10,000 periods.

It is bad where an index at fixed multipliers does not exist (``indexable`` tells; use :class:`rmab.ConstrainedLagrangian`);
where the cap binds (the guarantee is lost, silently but for ``capped``); where an arm ends in a class of states in which it
cannot keep its requirement, though it would on average over classes (its multiplier climbs to the cap); over short times
(multipliers need about 1 / step periods to settle); and where a requirement is discounted: the guarantee is on the mean over
time.

References: N. Zamir, I.-H. Hou, Restless bandits with individual penalty constraints, arXiv:2604.04101 (2026), for the index at
a multiplier; M. J. Neely, Stochastic Network Optimization with Application to Communication and Queueing Systems (2010), for
multipliers as queues. Cost: one linear program and ``points ** J`` Whittle indices per type when it is made.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.bound.fluid import fluid_bound
from rmab.errors import ModelError
from rmab.index.penalty import penalty_index
from rmab.models.arms import Arms
from rmab.models.arrays import float_array
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.pow import check_same_penalties, check_stationary, finite
from rmab.policies.rules import FeedbackRule
from rmab.policies.scored import ScoredPolicy

POINTS = {1: 34, 2: 17, 3: 9}
MOST_NUMBERS = 2**23
MOST_POINTS = 1000


class FeedbackPow(ScoredPolicy):
    """Act on the arms of highest Whittle index at multipliers that follow what each arm has incurred.

    Parameters
    ----------
    problem : Problem
        Two actions, one to three penalties; average or discounted criterion. Everything is computed here, once.
    step : float or array_like, shape (J,)
        How much a multiplier moves per unit of excess, above 0, in reward per penalty cost squared.
    cap : float or array_like, shape (J,)
        Largest multiplier, above 0, in reward per unit of penalty cost.
    points : int, optional
        Grid points per multiplier, at least 2; default 34 for one penalty, 17 for two, 9 for three.

    Attributes
    ----------
    bound : Bound
        The fluid bound.
    multipliers : ndarray, shape (J, K)
        Those of the fluid program, with which arms start unless the cap is lower.
    grid : ndarray, shape (J, G)
        Multipliers at which the index is known.
    table : ndarray, shape (K, S, G, ..., G)
        The index of every state there.
    indexable : ndarray of bool, shape (K, G, ..., G)
        Whether it exists there.
    capped : ndarray of bool, shape (J, K)
        Whether the fluid program asks for a multiplier that ``cap`` cuts, or almost: then the requirement is not kept.

    Raises
    ------
    ModelError
        If the problem has no penalties or more than three, a finite horizon or more than two actions, or an option is not
        a number of its kind.
    InfeasiblePenalty
        If no policy meets the penalties under the budget.
    NotConverged
        If the program cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.penalty import Penalty
    >>> channel = Arms([[[0.5, 0.5], [0.5, 0.5]]] * 2, [[0.0, 0.0], [0.2, 0.4]], multiplicity=[10])
    >>> often = Penalty(cost=[[0.0, 0.0], [-1.0, -1.0]], bound=-0.25)
    >>> policy = FeedbackPow(Problem(channel, TopK(5), Average(), penalties=often))
    >>> print(policy.status)
    the index exists at all 34 multipliers for all 1 types
    """

    def __init__(self, problem: Problem, *, step: ArrayLike = 0.02, cap: ArrayLike = 10.0, points: int | None = None) -> None:
        check_stationary(problem, "FeedbackPow")
        excess = problem.excess_costs
        if len(excess) not in POINTS:
            raise ModelError(
                f"FeedbackPow keeps a table over at most {max(POINTS)} multipliers, but there are {len(excess)} penalties; "
                "use ConstrainedLagrangian(problem)"
            )
        self.step, self.cap = _positive("step", step, len(excess)), _positive("cap", cap, len(excess))
        count = POINTS[len(excess)] if points is None else points
        if not _is_count(count):
            raise ModelError(f"points must be a whole number from 2 to {MOST_POINTS} for each multiplier, got {points!r}")
        self.problem, self.bound = problem, fluid_bound(problem)
        assert self.bound.multipliers is not None  # a linear program with penalties has them
        self.multipliers: NDArray[np.float64] = self.bound.multipliers
        self.capped: NDArray[np.bool_] = self.multipliers >= 0.99 * self.cap[:, np.newaxis]
        self.start: NDArray[np.float64] = np.minimum(self.multipliers, self.cap[:, np.newaxis])
        self.grid: NDArray[np.float64] = np.stack(
            [_points(row, most, count) for row, most in zip(self.start, self.cap, strict=True)]
        )
        self.table, self.indexable = index_at(problem, self.grid)

    @property
    def status(self) -> str:
        """One sentence on where the index exists, and on multipliers that the cap cuts."""
        n_types, sites = len(self.indexable), self.indexable[0].size
        bad = np.argwhere(~self.indexable)
        if len(bad):
            at = ", ".join(f"{points[g]:.4g}" for points, g in zip(self.grid, bad[0][1:], strict=True))
            indices = f"no index at {len(bad)} of {n_types * sites} grid points (first: type {bad[0][0]}, multiplier {at})"
        else:
            indices = f"the index exists at all {sites} multipliers for all {n_types} types"
        cut = np.argwhere(self.capped)
        if not len(cut):
            return indices
        return f"{indices}; penalty {cut[0][0]} of type {cut[0][1]} needs a multiplier near or above the cap: raise it"

    def rule(self, problem: Problem) -> FeedbackRule:
        """The multipliers as meters; raises :class:`ModelError` when the policy was made for another problem."""
        check_same_penalties(problem, self.problem)
        n_meters = len(self.grid)
        moves = self.step[:, np.newaxis, np.newaxis, np.newaxis] * self.problem.excess_costs
        return FeedbackRule(self.grid, self.table, moves, self.start, np.zeros(n_meters), self.cap)

    def interpolation_error(self) -> NDArray[np.float64]:
        """How far interpolation is from the index halfway between grid points, the most over all states, shape ``(K,)``.

        In the unit of the rewards. It takes as long again as making the policy.
        """
        middle, guess = (self.grid[:, :-1] + self.grid[:, 1:]) / 2, self.table
        for axis in range(2, guess.ndim):
            ahead, behind = np.split(guess, [guess.shape[axis] - 1], axis=axis)[0], np.split(guess, [1], axis=axis)[1]
            guess = (ahead + behind) / 2
        exact = index_at(self.problem, middle)[0]
        return np.abs(exact - guess).reshape(len(exact), -1).max(axis=1)


def index_at(problem: Problem, grid: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Whittle index (K, S, G, ..., G) at all combinations of multipliers (J, G), and whether it exists (K, G, ..., G).

    Infinite indices are set just outside of all others, so that they can be interpolated.
    """
    arms, excess = problem.arms, problem.excess_costs
    sites = np.stack([axis.ravel() for axis in np.meshgrid(*grid, indexing="ij")], axis=1)
    values = np.empty((arms.n_types * len(sites), arms.n_states))
    indexable = np.empty(len(values), dtype=bool)
    chunk = max(1, MOST_NUMBERS // arms.transitions[0].size)
    for first in range(0, len(values), chunk):
        part = slice(first, min(first + chunk, len(values)))
        kind, site = np.divmod(np.arange(part.start, part.stop), len(sites))
        rewards = arms.rewards[kind] - np.einsum("nj,jnas->nas", sites[site], excess[:, kind])
        # where nothing is owed this is the Whittle index, by a path that stays fast when states nearly tie
        owed = Penalty(np.zeros_like(rewards), np.inf)
        found = penalty_index(Arms(arms.transitions[kind], rewards), owed, problem.criterion, 0.0)
        values[part], indexable[part] = found.values, found.indexable
    shape = grid.shape[1:] * len(grid)
    table = finite(values).reshape(arms.n_types, len(sites), arms.n_states).swapaxes(1, 2)
    return table.reshape(arms.n_types, arms.n_states, *shape), indexable.reshape(arms.n_types, *shape)


def _is_count(given: Any) -> bool:
    return isinstance(given, Integral) and not isinstance(given, bool) and 2 <= int(given) <= MOST_POINTS


def _positive(name: str, given: ArrayLike, count: int) -> NDArray[np.float64]:
    value = float_array(f"the {name}", given, "numbers")
    if value.shape not in ((), (count,)) or not ((value > 0) & (value < np.inf)).all():
        raise ModelError(f"the {name} must be a number above 0, for all {count} penalties or for each, got {given!r}")
    return np.broadcast_to(value, count).copy()


def _points(multipliers: NDArray[np.float64], cap: float, count: int) -> NDArray[np.float64]:
    """``count`` points from 0 to the cap, denser near 0 and the multipliers (K,), at spacings that grow with the distance."""
    unit = cap / 100
    levels = np.quantile(multipliers, np.linspace(0.0, 1.0, max(count // 4, 1)))
    anchors = np.unique(np.append(np.round(levels / unit, 1) * unit, 0.0))
    points = np.unique(np.append(anchors, cap))[-count:]
    while len(points) < count:
        middle = (points[1:] + points[:-1]) / 2
        distance = np.abs(middle[:, np.newaxis] - anchors).min(axis=1)
        widest = np.argmax(np.diff(points) / (unit + distance))
        points = np.insert(points, widest + 1, middle[widest])
    points[0] = 0.0
    return points

"""Rules that score every arm afresh in each period: with luck, or with meters that the arm carries.

A priority rule (:mod:`rmab.policies.base`) knows an arm by its type k and state s alone. Two rules know more.

* A *randomised* rule draws a number U, uniform on (0, 1), for each arm and period; the score is ``levels[k, s, l]`` for the
  first ``l`` with ``chance[k, s, l] >= U``.
* A *feedback* rule lets each arm carry J meters z. The score is the multilinear interpolation of ``table[k, s]`` at z,
  continued linearly from the outermost cells; after action a the meters move,

      z_j <- min(max(z_j + increments[j, k, a, s], floor_j), ceiling_j).

Reference: M. J. Neely, Stochastic Network Optimization with Application to Communication and Queueing Systems (2010), for
meters that are virtual queues. Cost of a score: O(L) or O(2^J).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.arrays import float_array
from rmab.models.problem import Problem

CHANCE_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False, init=False)
class RandomisedRule:
    """Each arm draws its score in every period from the distribution of its type and state.

    Parameters
    ----------
    levels : array_like, shape (K, S, L)
        The scores that may be drawn; may hold infinities, never NaN.
    chance : array_like, shape (K, S, L)
        Cumulative probabilities: ascending along the last axis, the last one 1. Level ``l`` is drawn with probability
        ``chance[k, s, l] - chance[k, s, l - 1]``.
    threshold : float
        Arms that draw less are left alone when the budget is "at most"; ``-inf`` always uses the whole budget.

    Raises
    ------
    ModelError
        If the tables are not of one shape (K, S, L), or a row of ``chance`` is not a distribution. The message names the first
        offending type and state.

    Examples
    --------
    In state 1, half of the draws are 3 and half are -1:

    >>> rule = RandomisedRule([[[0.5, 0.5], [3.0, -1.0]]], [[[1.0, 1.0], [0.5, 1.0]]])
    >>> rule.score(np.zeros(3, dtype=int), np.array([0, 1, 1]), np.array([0.7, 0.5, 0.51]))
    array([ 0.5,  3. , -1. ])
    """

    levels: NDArray[np.float64]
    chance: NDArray[np.float64]
    threshold: float

    def __init__(self, levels: ArrayLike, chance: ArrayLike, threshold: float = 0.0) -> None:
        values, cumulative = _numbers("levels", levels), _numbers("chance", chance)
        if values.ndim != 3 or 0 in values.shape or cumulative.shape != values.shape:
            raise ModelError(f"levels and chance must share a shape (K, S, L), got {values.shape} and {cumulative.shape}")
        steps = np.diff(cumulative, axis=2, prepend=0.0)
        bad = np.argwhere((steps < 0).any(axis=2) | (np.abs(cumulative[..., -1] - 1) > CHANCE_TOLERANCE))
        if len(bad):
            k, s = bad[0]
            raise ModelError(
                f"the chances of type {k}, state {s} are {cumulative[k, s]}; they must be cumulative: ascending from 0 on, to 1"
            )
        _freeze(self, levels=values, chance=cumulative)
        object.__setattr__(self, "threshold", _threshold(threshold))

    def score(self, kind: NDArray[np.int64], states: NDArray[np.int64], luck: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score of each arm of type ``kind`` in ``states``, given its uniform number ``luck`` in (0, 1], all (N,)."""
        level = (self.chance[kind, states, :-1] < luck[:, np.newaxis]).sum(axis=1)
        return self.levels[kind, states, level]

    def check(self, problem: Problem) -> None:
        """Raise :class:`ModelError` unless there is one distribution per type and state of ``problem``."""
        _check_fits("levels", self.levels.shape[:2], (problem.arms.n_types, problem.arms.n_states), "(types, states)")


@dataclass(frozen=True, eq=False, init=False)
class FeedbackRule:
    """Each arm carries meters that say what it has incurred so far; its score depends on them.

    Parameters
    ----------
    grid : array_like, shape (J, G)
        Grid points of each meter, ascending; ``G`` at least 2.
    table : array_like, shape (K, S, G, ..., G) with J trailing axes
        Score of each type in each state where all meters are at grid points; multilinear in between, and continued linearly
        outside of the grid.
    increments : array_like, shape (J, K, A, S)
        What one period adds to each meter, by type, action and state before the move.
    start : array_like, shape (J, K)
        Meters of each type at the start, between ``floor`` and ``ceiling``.
    floor, ceiling : array_like, shape (J,)
        Between these each meter is kept; may be infinite.
    threshold : float
        Arms of a lower score are left alone when the budget is "at most"; ``-inf`` always uses the whole budget.

    Raises
    ------
    ModelError
        If shapes disagree, a number is not finite, a grid does not ascend, or a meter starts outside of its limits. The message
        names the first offender.

    Examples
    --------
    A meter that counts the periods since the last action, up to 5, and is the score:

    >>> rule = FeedbackRule([[0.0, 1.0]], [[[0.0, 1.0]]], [[[[1.0], [-5.0]]]], [[0.0]], [0.0], [5.0])
    >>> kind = states = np.zeros(2, dtype=int)
    >>> meters = rule.moved(kind, states, np.array([1, 0]), np.array([[4.0, 4.0]]))
    >>> meters, rule.score(kind, states, meters)
    (array([[0., 5.]]), array([0., 5.]))
    """

    grid: NDArray[np.float64]
    table: NDArray[np.float64]
    increments: NDArray[np.float64]
    start: NDArray[np.float64]
    floor: NDArray[np.float64]
    ceiling: NDArray[np.float64]
    threshold: float

    def __init__(
        self,
        grid: ArrayLike,
        table: ArrayLike,
        increments: ArrayLike,
        start: ArrayLike,
        floor: ArrayLike,
        ceiling: ArrayLike,
        threshold: float = 0.0,
    ) -> None:
        points, scores, added = _finite("grid", grid), _finite("table", table), _finite("increments", increments)
        first, low, high = _finite("start", start), _numbers("floor", floor), _numbers("ceiling", ceiling)
        _check_grid(points)
        meters, size = points.shape
        if scores.ndim != 2 + meters or 0 in scores.shape or scores.shape[2:] != (size,) * meters:
            raise ModelError(
                f"with {meters} meters of {size} grid points the table must have shape (K, S{f', {size}' * meters}), "
                f"got {scores.shape}"
            )
        n_types, n_states = scores.shape[:2]
        if added.ndim != 4 or 0 in added.shape or (added.shape[:2], added.shape[3]) != ((meters, n_types), n_states):
            raise ModelError(f"increments must have shape ({meters}, {n_types}, A, {n_states}), got {added.shape}")
        _check_limits(first, low, high, (meters, n_types))
        _freeze(self, grid=points, table=scores, increments=added, start=first, floor=low, ceiling=high)
        object.__setattr__(self, "threshold", _threshold(threshold))

    def score(self, kind: NDArray[np.int64], states: NDArray[np.int64], meters: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score of each arm of type ``kind`` in ``states``, shape ``(N,)``, where its ``meters`` (J, N) are."""
        where = [np.searchsorted(points[1:-1], z, side="right") for points, z in zip(self.grid, meters, strict=True)]
        value = self._corners(kind, states, where)
        # the first axis goes first, as in the kernel, so that both round alike
        for points, z, cell in zip(self.grid, meters, where, strict=True):
            share = (z - points[cell]) / (points[cell + 1] - points[cell])
            value = value[0] + share * (value[1] - value[0])
        return value

    def moved(
        self, kind: NDArray[np.int64], states: NDArray[np.int64], actions: NDArray[np.int64], meters: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The meters (J, N) after ``actions`` in ``states``, both of shape ``(N,)``, before the arms move."""
        after = meters + self.increments[:, kind, actions, states]
        return np.minimum(np.maximum(after, self.floor[:, np.newaxis]), self.ceiling[:, np.newaxis])

    def check(self, problem: Problem) -> None:
        """Raise :class:`ModelError` unless the tables fit the types, actions and states of ``problem``."""
        _check_fits("increments", self.increments.shape[1:], problem.arms.rewards.shape, "(types, actions, states)")

    def _corners(
        self, kind: NDArray[np.int64], states: NDArray[np.int64], where: list[NDArray[np.int64]]
    ) -> NDArray[np.float64]:
        """The table at the corners of each arm's cell, shape (2, ..., 2, N) with J leading axes."""
        sides = np.indices((2,) * len(where))[..., np.newaxis]
        return self.table[(kind, states, *(cell + side for cell, side in zip(where, sides, strict=True)))]


ScoredRule = RandomisedRule | FeedbackRule


def _numbers(name: str, given: ArrayLike) -> NDArray[np.float64]:
    table = float_array(name, given, "numbers")
    return _refuse(name, table, np.isnan(table))


def _finite(name: str, given: ArrayLike) -> NDArray[np.float64]:
    table = _numbers(name, given)
    return _refuse(name, table, ~np.isfinite(table))


def _refuse(name: str, table: NDArray[np.float64], wrong: NDArray[np.bool_]) -> NDArray[np.float64]:
    bad = np.argwhere(wrong)
    if len(bad):
        place = f"[{', '.join(map(str, bad[0]))}]" if table.ndim else ""
        raise ModelError(f"{name}{place} is {table[tuple(bad[0])]}; give a number")
    return table


def _threshold(given: float) -> float:
    return float(_numbers("the threshold", given))


def _check_grid(points: NDArray[np.float64]) -> None:
    if points.ndim != 2 or points.shape[0] < 1 or points.shape[1] < 2:
        raise ModelError(f"the grid must have shape (J, G) with at least 2 points for each meter, got {points.shape}")
    bad = np.argwhere(np.diff(points, axis=1) <= 0)
    if len(bad):
        j, g = bad[0]
        raise ModelError(f"the grid of meter {j} must ascend, but {points[j, g]} is followed by {points[j, g + 1]}")


def _check_limits(
    start: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], shape: tuple[int, int]
) -> None:
    if start.shape != shape or low.shape != shape[:1] or high.shape != shape[:1]:
        raise ModelError(
            f"start must have shape {shape} (meters, types), floor and ceiling {shape[:1]}, "
            f"got {start.shape}, {low.shape} and {high.shape}"
        )
    bad = np.flatnonzero(low > high)
    if len(bad):
        raise ModelError(f"the floor of meter {bad[0]}, {low[bad[0]]}, is above its ceiling, {high[bad[0]]}")
    outside = np.argwhere((start < low[:, np.newaxis]) | (start > high[:, np.newaxis]))
    if len(outside):
        j, k = outside[0]
        raise ModelError(f"meter {j} of type {k} starts at {start[j, k]}, outside of its limits {low[j]} and {high[j]}")


def _check_fits(name: str, shape: tuple[int, ...], expected: tuple[int, ...], axes: str) -> None:
    if shape != expected:
        raise ModelError(f"the {name} of the rule are for {axes} = {shape}, but the problem has {expected}")


def _freeze(rule: RandomisedRule | FeedbackRule, **tables: NDArray[np.float64]) -> None:
    for name, table in tables.items():
        table.setflags(write=False)
        object.__setattr__(rule, name, table)

"""The price of an activation: the minimum of the Lagrangian dual, and both ends of the interval where it is attained.

Charge every unit of the budget a price and let each arm go its own way. With V_k(price) the best charged value per period of
an arm of type k, from its own start,

    f(price) = sum_k m_k V_k(price) + price * budget

bounds every policy from above, and its minimum over price >= 0 (any price when the budget is met exactly) is the fluid bound.
f is convex and piecewise linear: a policy that is optimal at a price gives the tangent c + s * price there, c its value
without the charge and s the budget less what it uses.

1. Evaluate f at price 0. If s >= 0 there ("at most") or s = 0 ("exactly"), stop.
2. Double the price, in the direction in which f falls, until s changes sign: the minimum is bracketed.
3. Move to where the tangents at both ends intersect. If f is no higher than the tangents there, it is the minimum; stop.
   Otherwise it replaces the end whose slope has its sign; repeat.
4. Where s is not zero the minimiser is one point. Where s = 0, f may be flat: an end of the flat piece is where the tangent
   outside, followed down, meets the minimum; evaluate f there; if it is higher, take its tangent and repeat. This ends, as each
   round finds another piece of f. The flat piece has no lower end when every arm is acted on, no upper end when none is.

Each evaluation is a policy iteration of every type that starts from the last optimal policy, so the cost grows with the number
of types and not with the number of arms.

References: P. Whittle, Restless bandits (1988); D. P. Bertsekas, Convex Optimization Algorithms (2015), section 4.1. Cost:
4 to 18 evaluations, for one type to 5000, and a few more per end of a flat piece. Stopping rule: f is within a relative 1e-12
of its tangents, or its slope is zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.dual import respond, respond_beside
from rmab.errors import NotConverged
from rmab.models.criterion import Discounted
from rmab.models.problem import Problem

RELATIVE_GAP = 1e-12
FLAT = 1e-12
MOST_EVALUATIONS = 500
ALMOST_ONE = 1.0 - 1e-9

State = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Tangent:
    """The dual near ``price``: ``intercept + slope * price``; ``size`` is the magnitude of what was summed."""

    price: float
    intercept: float
    slope: float
    size: float
    activation: NDArray[np.float64]

    def at(self, price: float) -> float:
        """The tangent's height at another price."""
        return self.intercept + self.slope * price


@dataclass(frozen=True, eq=False)
class Side:
    """The best response of every type just beside a price.

    Attributes
    ----------
    policy : ndarray of int, shape (K, S)
        Optimal at the price and on an interval beside it.
    advantage, rate : ndarray, shape (K, S)
        Advantage of acting at the price, charge subtracted, per unit of cost, and what it loses per unit of charge; for two
        actions.
    slope : float
        Slope of the dual on that interval.
    """

    policy: NDArray[np.int64]
    advantage: NDArray[np.float64]
    rate: NDArray[np.float64]
    slope: float


class ConvexDual(Protocol):
    """What :func:`minimise` asks of a dual function: its tangents, what slope is none, and the size of the rewards."""

    rewards: NDArray[np.float64]
    exactly: bool
    level: float

    def tangent(self, price: float) -> Tangent:
        """The tangent at ``price``."""
        ...


class Dual:
    """The dual function of a problem without a horizon; it remembers each type's last policy and its advantages."""

    def __init__(self, problem: Problem) -> None:
        arms, criterion = problem.arms, problem.criterion
        start = problem.start_distribution
        self.transitions = arms.unit_rows
        # per unit of cost every type is charged the bare price, and ranks by its advantage per unit of cost
        self.rewards = arms.rewards / problem.costs[:, np.newaxis, np.newaxis]
        self.start = start / start.sum(axis=1, keepdims=True)
        self.beta = criterion.beta if isinstance(criterion, Discounted) else 1.0
        self.weight = arms.multiplicity * problem.costs
        self.budget = problem.capacity
        self.exactly = problem.budget.exactly
        self.level = FLAT * float(self.weight.sum())
        self.state = _fresh(self.rewards.shape)
        self.evaluations = 0

    def tangent(self, price: float) -> Tangent:
        """The tangent at ``price``, by policy iteration of every type."""
        if self.evaluations >= MOST_EVALUATIONS:
            raise NotConverged(f"the dual was not minimised in {MOST_EVALUATIONS} evaluations; use fluid_bound instead")
        self.evaluations += 1
        failed = respond(self.transitions, self.rewards, self.start, price, self.beta, *self.state)
        self._check(failed, price)
        worth, activation = self.state[1].T.copy()
        used = float(self.weight @ activation)
        size = float(self.weight @ np.abs(worth)) + abs(price) * (used + self.budget)
        return Tangent(price, float(self.weight @ worth), self.budget - used, size, activation)

    def beside(self, price: float, side: int) -> Side:
        """The best response just below (``side`` = -1) or above (1) ``price``, its limit at the price; 0 for either."""
        policy, line, advantage, anchor = _fresh(self.rewards.shape)
        policy[...] = self.state[0]
        given = (self.transitions, self.rewards, self.start, price, self.beta)
        self._check(respond_beside(*given, side, policy, line, advantage, anchor), price)
        acting = advantage[:, 1] - advantage[:, 0]
        return Side(policy, acting[..., 0], acting[..., 1], self.budget - float(self.weight @ line[:, 1]))

    def mixture(self, price: float) -> tuple[Side, Side, float]:
        """The best responses below and above a minimiser, and the weight of the first in the mixture that meets the budget."""
        below, above = self.beside(price, -1), self.beside(price, 1)
        spread = above.slope - below.slope
        return below, above, min(max(above.slope / spread, 0.0), 1.0) if spread > self.level else 0.0

    def occupancy(self, policy: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of periods (weighted like the value) each type spends in each state from its start, shape ``(K, S)``.

        On average it is the discounted share at 1 - 1e-9, which holds for several recurrent classes too, to about 1e-8.
        """
        n_states = policy.shape[1]
        beta = min(self.beta, ALMOST_ONE)
        moves = np.take_along_axis(self.transitions, policy[:, np.newaxis, :, np.newaxis], axis=1)[:, 0]
        flow = np.eye(n_states) - beta * moves.swapaxes(1, 2)
        share = np.maximum(np.linalg.solve(flow, (1.0 - beta) * self.start[..., np.newaxis])[..., 0], 0.0)
        return share / share.sum(axis=1, keepdims=True)

    def _check(self, failed: int, price: float) -> None:
        if failed >= 0:
            raise NotConverged(f"policy iteration of type {failed} at price {price:.6g} did not end; use fluid_bound instead")


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the dual is smallest.

    Attributes
    ----------
    tangent : Tangent
        At one minimiser.
    activation : ndarray, shape (K,)
        Activations per period of an arm of each type in the relaxed optimum.
    low, high : Tangent
        The last tangents met outside, of negative and positive slope, or this one.
    """

    tangent: Tangent
    activation: NDArray[np.float64]
    low: Tangent
    high: Tangent


def minimise(dual: ConvexDual) -> Minimum:
    """A minimum of the dual by intersecting its tangents.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> dual = Dual(Problem(arms, TopK(2), Discounted(0.5), start=0))
    >>> best = minimise(dual)
    >>> best.tangent.price, lowest(dual, best), highest(dual, best)
    (0.5, 0.5, 0.5)
    """
    first = dual.tangent(0.0)
    if abs(first.slope) <= dual.level or (first.slope > 0 and not dual.exactly):
        return Minimum(first, first.activation, first, first)
    low, high = _bracket(dual, first, 1 if first.slope < 0 else -1)
    for end in (low, high):
        if abs(end.slope) <= dual.level:
            return Minimum(end, end.activation, low, high)
    return _intersect(dual, low, high)


def lowest(dual: Dual, best: Minimum) -> float:
    """The smallest price at which the dual is minimal; 0 at least for "at most", minus infinity if there is none."""
    if not dual.exactly and best.tangent.price == 0.0:
        return 0.0
    if abs(best.tangent.slope) > dual.level:
        return best.tangent.price
    if dual.budget >= dual.weight.sum():
        return -np.inf if dual.exactly else 0.0
    outside = best.low
    if outside.slope >= -dual.level:
        outside = _bracket(dual, best.tangent, -1)[0]
    return _end(dual, best.tangent, outside)


def highest(dual: Dual, best: Minimum) -> float:
    """The largest price at which the dual is minimal; infinity if there is none."""
    if abs(best.tangent.slope) > dual.level:
        return best.tangent.price
    if dual.budget == 0:
        return np.inf
    outside = best.high
    if outside.slope <= dual.level:
        outside = _bracket(dual, best.tangent, 1)[1]
    return _end(dual, best.tangent, outside)


def _fresh(shape: tuple[int, ...]) -> State:
    k, a, s = shape
    return np.zeros((k, s), dtype=np.int64), np.zeros((k, 2)), np.zeros((k, a, s, 2)), np.zeros((k, 2))


def _bracket(dual: ConvexDual, end: Tangent, direction: int) -> tuple[Tangent, Tangent]:
    """Double the step until the slope has the sign of ``direction``, or none; the two last tangents, lower price first."""
    flat = abs(end.slope) <= dual.level
    step = float(np.ptp(dual.rewards, axis=(1, 2)).mean()) or 1.0
    origin = end.price
    other = dual.tangent(origin + direction * step)
    while direction * other.slope < -dual.level or (flat and direction * other.slope <= dual.level):
        step *= 2.0
        end, other = other, dual.tangent(origin + direction * step)
    return (end, other) if direction > 0 else (other, end)


def _intersect(dual: ConvexDual, low: Tangent, high: Tangent) -> Minimum:
    """Move to the intersection of the bracketing tangents until the dual touches it."""
    while True:
        price = (high.intercept - low.intercept) / (low.slope - high.slope)
        price = min(max(price, low.price), high.price)
        middle = dual.tangent(price)
        if abs(middle.slope) <= dual.level:
            return Minimum(middle, middle.activation, low, high)
        gap = middle.at(price) - low.at(price)
        if gap <= RELATIVE_GAP * middle.size or price in (low.price, high.price):
            share = high.slope / (high.slope - low.slope)
            return Minimum(middle, share * low.activation + (1 - share) * high.activation, low, high)
        low, high = (middle, high) if middle.slope < 0 else (low, middle)


def _end(dual: Dual, flat: Tangent, outside: Tangent) -> float:
    """The end of the flat piece on the side of ``outside``, a tangent that falls towards it."""
    inward, floor = np.sign(flat.price - outside.price), flat.at(flat.price)
    while True:
        price = (floor - outside.intercept) / outside.slope
        if inward * (price - flat.price) >= 0:
            return flat.price
        if inward * (price - outside.price) <= 0:
            return outside.price
        found = dual.tangent(price)
        if abs(found.slope) <= dual.level or found.at(price) - floor <= RELATIVE_GAP * found.size:
            return price
        outside = found

"""Reference by brute force: exact policy iteration inside an exact minimisation over the multipliers, one charge at a time.

Problem
-------
``f(m) = max over policies of (reward - charge * activation - m . excess)``, all means per period, is convex and piecewise
linear in the multipliers ``m``. It is minimised over the box ``[0, cap]``.

Algorithm
---------
1. Policy iteration at ``m`` gives an optimal policy, whose means are a tangent of ``f`` at ``m``.
2. The minimum of all tangents so far is a small linear program; its solution is the next ``m``.
3. Stop when ``f`` is no higher there than the tangents promised. Finitely many policies: the end is exact.

The weights with which the last program mixes the tangents give an optimal randomised policy. A single multiplier goes by
intersecting the two tangents that bracket the minimum, without a program.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog


@dataclass(frozen=True)
class Optimum:
    """At one charge: value per period, a minimising multiplier (J,), the advantages there, and an optimal occupancy (2, S)."""

    value: float
    multiplier: np.ndarray
    advantage: np.ndarray
    occupancy: np.ndarray

    @property
    def rho(self):
        """Chance of acting in every state."""
        return self.occupancy[1] / self.occupancy.sum(axis=0)

    @property
    def activation(self):
        """Share of periods with acting."""
        return self.occupancy[1].sum()


@dataclass(frozen=True)
class Tangent:
    """Means per period of one deterministic policy, and its occupancy (2, S)."""

    pay: float
    excess: np.ndarray
    occupancy: np.ndarray

    def at(self, multiplier):
        return self.pay - multiplier @ self.excess


class BruteArm:
    """One arm: ``p`` (2, S, S), ``r`` (2, S), ``excess`` (2, S) or (J, 2, S); ``discount`` 1 is the average, one class."""

    def __init__(self, p, r, excess, discount, cap, start=None):
        self.p, self.r, self.beta, self.cap = np.asarray(p), np.asarray(r), discount, float(cap)
        self.n = self.r.shape[1]
        self.excess = np.asarray(excess).reshape(-1, 2, self.n)
        self.start = np.full(self.n, 1 / self.n) if start is None else np.asarray(start)
        self.policy = np.zeros(self.n, dtype=int)

    def _system(self, policy):
        system = np.eye(self.n) - self.beta * self.p[policy, np.arange(self.n)]
        if self.beta == 1:
            system[:, 0] = 1.0  # the gain takes the place of the first relative value, which is zero
        return system

    def advantage(self, charge, multiplier):
        """Advantages of acting under an optimal policy at this charge and these multipliers; the policy is kept."""
        paid = self.r - charge * np.array([[0.0], [1.0]]) - np.tensordot(np.atleast_1d(multiplier), self.excess, 1)
        states = np.arange(self.n)
        while True:
            v = np.linalg.solve(self._system(self.policy), paid[self.policy, states])
            if self.beta == 1:
                v[0] = 0.0
            q = paid + self.beta * self.p @ v
            gain = q[1] - q[0]
            better = np.where(np.abs(gain) > 1e-12 * max(1.0, np.abs(v).max()), gain > 0, self.policy).astype(int)
            if (better == self.policy).all():
                return gain
            self.policy = better

    def _tangent(self, charge, multiplier):
        self.advantage(charge, multiplier)
        states = np.arange(self.n)
        right = np.eye(self.n)[0] if self.beta == 1 else (1 - self.beta) * self.start
        visits = np.linalg.solve(self._system(self.policy).T, right)
        occupancy = np.zeros((2, self.n))
        occupancy[self.policy, states] = visits
        pay = (occupancy * (self.r - charge * np.array([[0.0], [1.0]]))).sum()
        return Tangent(pay, np.tensordot(self.excess, occupancy, 2), occupancy)

    def value(self, charge, multiplier):
        """What the arm earns at its best under this charge and these multipliers, per period."""
        multiplier = np.atleast_1d(multiplier)
        return self._tangent(charge, multiplier).at(multiplier)

    def solve(self, charge):
        """The optimum at one charge."""
        if len(self.excess) == 1:
            multiplier, weights = self._between(charge)
        else:
            multiplier, weights = self._cutting_planes(charge)
        mix = sum(weight * tangent.occupancy for weight, tangent in weights)
        value = self._tangent(charge, multiplier).at(multiplier)
        return Optimum(value, multiplier, self.advantage(charge, multiplier), mix)

    def _between(self, charge):
        low, high = self._tangent(charge, np.zeros(1)), self._tangent(charge, np.array([self.cap]))
        if low.excess[0] <= 0:
            return np.zeros(1), [(1.0, low)]
        if high.excess[0] >= 0:
            return np.array([self.cap]), [(1.0, high)]
        while True:
            multiplier = np.array([(low.pay - high.pay) / (low.excess[0] - high.excess[0])])
            new = self._tangent(charge, multiplier)
            if new.at(multiplier) <= low.at(multiplier) + 1e-12 * max(1.0, abs(low.pay)):
                share = -high.excess[0] / (low.excess[0] - high.excess[0])
                return multiplier, [(share, low), (1 - share, high)]
            if new.excess[0] > 0:
                low = new
            else:
                high = new

    def _cutting_planes(self, charge):
        many = len(self.excess)
        tangents = [self._tangent(charge, np.full(many, m)) for m in (0.0, self.cap)]
        while True:
            rows = np.array([np.r_[-1.0, -tangent.excess] for tangent in tangents])
            found = linprog(
                np.r_[1.0, np.zeros(many)],
                A_ub=rows,
                b_ub=[-tangent.pay for tangent in tangents],
                bounds=[(None, None)] + [(0, self.cap)] * many,
                method="highs-ds",
                options={"presolve": False, "primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
            )
            multiplier = found.x[1:]
            new = self._tangent(charge, multiplier)
            if new.at(multiplier) <= found.x[0] + 1e-9 * max(1.0, abs(found.x[0])):
                weights = -found.ineqlin.marginals
                return multiplier, list(zip(weights / weights.sum(), tangents, strict=True))
            tangents.append(new)

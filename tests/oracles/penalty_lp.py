"""Reference by linear programs, one per charge: the dual of one arm with its own requirements, by HiGHS from scipy.

Problem
-------
At charge ``c`` and multipliers ``m`` in ``[0, cap]`` an arm pays ``r[a, s] - c a - m . excess[:, a, s]``. The multipliers
minimise what the arm then earns. Discounted: minimise ``(1 - beta) start . V`` over ``V`` and ``m`` with ``V >= payment + beta
P V`` for both actions. Average: minimise the gain ``g`` over ``g``, ``h`` and ``m`` with ``g + h >= payment + P h``. The prices
of the rows are the occupancy of an optimal policy, which may randomise.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True)
class Solved:
    """At one charge: value per period, multipliers (J,), occupancy (2, S), and the advantage of acting in every state."""

    value: float
    multiplier: np.ndarray
    occupancy: np.ndarray
    advantage: np.ndarray

    @property
    def rho(self):
        """Chance of acting in every state."""
        return self.occupancy[1] / self.occupancy.sum(axis=0)


class PenaltyLp:
    """One arm: ``p`` (2, S, S), ``r`` (2, S), ``excess`` (2, S) or (J, 2, S); ``discount`` 1 is the average criterion."""

    def __init__(self, p, r, excess, discount, cap, start=None):
        self.p, self.r, self.beta = np.asarray(p), np.asarray(r), discount
        self.n = self.r.shape[1]
        self.excess = np.asarray(excess).reshape(-1, 2, self.n)
        self.cap = np.broadcast_to(float(cap), len(self.excess))
        self.start = np.full(self.n, 1 / self.n) if start is None else np.asarray(start)
        self.average = discount == 1
        n, below = self.n, np.vstack([discount * self.p[a] - np.eye(self.n) for a in (0, 1)])
        if self.average:
            self.cost = np.r_[np.zeros(n), 1.0, np.zeros(len(self.cap))]
            below = np.hstack([below, -np.ones((2 * n, 1))])
        else:
            self.cost = np.r_[(1 - discount) * self.start, np.zeros(len(self.cap))]
        self.rows = np.hstack([below, -self.excess.reshape(-1, 2 * n).T])
        free = len(self.cost) - len(self.cap)
        self.bounds = [(None, None)] * free + [(0, c) for c in self.cap]
        if self.average:
            self.bounds[0] = (0, 0)

    def solve(self, charge):
        """The optimum at one charge."""
        pays = self.r - charge * np.array([[0.0], [1.0]])
        found = linprog(
            self.cost,
            A_ub=self.rows,
            b_ub=-pays.ravel(),
            bounds=self.bounds,
            method="highs-ds",
            options={"presolve": False, **TIGHT},
        )
        assert found.status == 0, found.message
        multiplier = found.x[-len(self.cap) :]
        occupancy = -found.ineqlin.marginals.reshape(2, self.n)
        paid = pays - np.tensordot(multiplier, self.excess, 1)
        q = paid + self.beta * self.p @ self._values(paid)
        return Solved(found.fun, multiplier, occupancy, q[1] - q[0])

    def _values(self, paid):
        """Policy iteration at these multipliers: the program is loose on states that are never reached, and less accurate."""
        states, policy = np.arange(self.n), np.zeros(self.n, dtype=int)
        while True:
            system = np.eye(self.n) - self.beta * self.p[policy, states]
            if self.average:
                system[:, 0] = 1.0  # the gain takes the place of the first relative value, which is zero
            v = np.linalg.solve(system, paid[policy, states])
            if self.average:
                v[0] = 0.0
            q = paid + self.beta * self.p @ v
            gain = q[1] - q[0]
            better = np.where(np.abs(gain) > 1e-11 * max(1.0, np.abs(v).max()), gain > 0, policy).astype(int)
            if (better == policy).all():
                return v
            policy = better


def line_search(arm, charges, states, width=1e-7, tie=1e-9):
    """Lower and upper index (2, len(states)): where the grid first or last sees a state acted on, bisected.

    ``arm`` is this reference or any with ``solve(charge).advantage``. Acting counts as optimal down to an advantage of ``-tie``
    for the upper index, and above ``tie`` only for the lower.
    """
    sweep = np.array([arm.solve(charge).advantage for charge in charges])

    def bisect(state, threshold, low, high):
        while high - low > width * max(1.0, abs(high)):
            middle = (low + high) / 2
            low, high = (middle, high) if arm.solve(middle).advantage[state] >= threshold else (low, middle)
        return (low + high) / 2

    found = np.empty((2, len(states)))
    for column, s in enumerate(states):
        sure, possible = sweep[:, s] >= tie, sweep[:, s] >= -tie
        first, last = np.argmin(sure) - 1, np.flatnonzero(possible)[-1]
        found[0, column] = bisect(s, tie, charges[first], charges[first + 1])
        found[1, column] = bisect(s, -tie, charges[last], charges[last + 1])
    return found

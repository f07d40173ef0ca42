"""Independent oracle: policy iteration in exact rationals at one charge, and bisection over the charge."""

from fractions import Fraction

import flint
import numpy as np


def exact(value):
    return flint.fmpq(*Fraction(value).as_integer_ratio())


class RationalArm:
    """One two-action arm in rationals, rows divided by their sum. ``discount`` 1 is taken as 1 - 1e-22."""

    def __init__(self, transitions, rewards, discount):
        self.n = len(rewards[0])
        self.beta = exact(1 - Fraction(1, 10**22)) if discount == 1 else exact(discount)
        rows = [[[exact(x) for x in row] for row in matrix] for matrix in transitions]
        self.p = [[[x / sum(row, flint.fmpq(0)) for x in row] for row in matrix] for matrix in rows]
        self.r = [[exact(x) for x in row] for row in rewards]
        self.policy = [0] * self.n

    def advantage(self, charge):
        """Advantage of acting over waiting in every state under an optimal policy at this charge."""
        while True:
            q = self._q(exact(charge))
            better = [int(q[1][s] > q[0][s]) if q[0][s] != q[1][s] else self.policy[s] for s in range(self.n)]
            if better == self.policy:
                return np.array([float(q[1][s] - q[0][s]) for s in range(self.n)])
            self.policy = better

    def _q(self, charge):
        n, beta = self.n, self.beta
        system = [[int(s == t) - beta * self.p[self.policy[s]][s][t] for t in range(n)] for s in range(n)]
        right = [[self.r[self.policy[s]][s] - charge * self.policy[s]] for s in range(n)]
        v = flint.fmpq_mat(system).solve(flint.fmpq_mat(right))
        zero = flint.fmpq(0)
        return [
            [self.r[a][s] - charge * a + beta * sum((self.p[a][s][t] * v[t, 0] for t in range(n)), zero) for s in range(n)]
            for a in (0, 1)
        ]

    def bisect(self, state, width=1e-11):
        """The charge at which the advantage of acting in ``state`` changes sign, by doubling and bisection."""
        low, high = -1.0, 1.0
        while self.advantage(low)[state] < 0:
            low *= 2
        while self.advantage(high)[state] > 0:
            high *= 2
        while high - low > width * max(1.0, abs(low)):
            middle = (low + high) / 2
            low, high = (middle, high) if self.advantage(middle)[state] > 0 else (low, middle)
        return (low + high) / 2

    def returns(self, charges, margin):
        """Whether some state waits by more than ``margin`` at one of the increasing charges and acts by it at a later one."""
        sweep = np.array([self.advantage(charge) for charge in charges])
        lowest = np.minimum.accumulate(sweep, axis=0)
        return bool(((lowest[:-1] < -margin) & (sweep[1:] > margin)).any())

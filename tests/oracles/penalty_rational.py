"""Reference in exact rationals for arms of two to four states: all deterministic policies are listed.

Problem
-------
Every deterministic policy has an exact mean reward ``R``, activation ``A`` and excess cost ``C``. At charge ``c`` the arm earns
``g(c) = min over m in [0, cap] of max over policies of R - c A - m C``, convex and piecewise linear in ``(c, m)`` before the
minimum is taken.

Algorithm
---------
1. The optimal multiplier and the optimal mixture change their form only at charges where three policies tie, or two policies
   at ``m = 0`` or at ``m = cap``: all of these are listed.
2. Inside each interval between two such charges the minimum is found by going through all pairs of policies, at the middle.
3. There, chances of acting are constant: the chances in all intervals are the arm's whole path.
"""

from fractions import Fraction
from functools import cached_property
from itertools import combinations, pairwise, product

import flint


def exact(value):
    return flint.fmpq(*map(int, Fraction(value).as_integer_ratio()))


class RationalPenalty:
    """One arm in rationals, rows divided by their sum; ``discount`` 1 is the average criterion (every policy unichain)."""

    def __init__(self, p, r, excess, discount, cap, start=None):
        self.n, self.beta, self.cap = len(r[0]), exact(discount), exact(cap)
        rows = [[[exact(x) for x in row] for row in matrix] for matrix in p]
        zero = flint.fmpq(0)
        self.p = [[[x / sum(row, zero) for x in row] for row in matrix] for matrix in rows]
        self.r = [[exact(x) for x in row] for row in r]
        self.excess = [[exact(x) for x in row] for row in excess]
        weights = [exact(x) for x in (start if start is not None else [1] * self.n)]
        self.start = [x / sum(weights, zero) for x in weights]
        self.policies = [self._means(policy) for policy in product((0, 1), repeat=self.n)]

    def _means(self, policy):
        """Reward, activation, excess and visits (S,) of one policy."""
        n, average = self.n, self.beta == 1
        system = [[int(s == t) - self.beta * self.p[policy[t]][t][s] for t in range(n)] for s in range(n)]
        right = [[(1 - self.beta) * x] for x in self.start]
        if average:
            system[0], right = [flint.fmpq(1)] * n, [[flint.fmpq(int(s == 0))] for s in range(n)]
        solved = flint.fmpq_mat(system).solve(flint.fmpq_mat(right))
        visits = [solved[s, 0] for s in range(n)]
        zero = flint.fmpq(0)
        reward = sum((visits[s] * self.r[policy[s]][s] for s in range(n)), zero)
        acts = sum((visits[s] * policy[s] for s in range(n)), zero)
        excess = sum((visits[s] * self.excess[policy[s]][s] for s in range(n)), zero)
        return reward, acts, excess, visits, policy

    @cached_property
    def charges(self):
        """All charges at which the form of the optimum may change."""
        found = set()
        for (r1, a1, c1, *_), (r2, a2, c2, *_) in combinations(self.policies, 2):
            if a1 != a2:
                found |= {((r1 - r2) - m * (c1 - c2)) / (a1 - a2) for m in (flint.fmpq(0), self.cap)}
        for (r1, a1, c1, *_), (r2, a2, c2, *_), (r3, a3, c3, *_) in combinations(self.policies, 3):
            # the same for all three: (r1 - r2) = c (a1 - a2) + m (c1 - c2), and with 3 for 2
            determinant = (a1 - a2) * (c1 - c3) - (a1 - a3) * (c1 - c2)
            if determinant != 0:
                found.add(((r1 - r2) * (c1 - c3) - (r1 - r3) * (c1 - c2)) / determinant)
        return sorted(found)

    def solve(self, charge):
        """Exact value, multiplier and chances of acting at a charge that is not one of ``charges``."""
        lines = [(r - charge * a, c, visits, policy) for r, a, c, visits, policy in self.policies]
        candidates = {flint.fmpq(0), self.cap}
        for (p1, c1, *_), (p2, c2, *_) in combinations(lines, 2):
            if c1 != c2:
                m = (p1 - p2) / (c1 - c2)
                if 0 < m < self.cap:
                    candidates.add(m)
        value, multiplier = min((max(pay - m * c for pay, c, *_ in lines), m) for m in candidates)
        top = [line for line in lines if line[0] - multiplier * line[1] == value]
        return value, multiplier, self._chances(top, multiplier)

    def _chances(self, top, multiplier):
        """Chances of acting of the optimal mixture of the policies that tie at the multiplier."""
        low = [line for line in top if line[1] <= 0]
        high = [line for line in top if line[1] >= 0]
        if multiplier == 0 and low:
            pair, share = (low[0], low[0]), flint.fmpq(1)
        elif multiplier == self.cap and high:
            pair, share = (high[0], high[0]), flint.fmpq(1)
        else:
            first, second = low[0], high[0]
            spread = second[1] - first[1]
            pair, share = (first, second), (second[1] / spread if spread != 0 else flint.fmpq(1))
        visits, acted = [flint.fmpq(0)] * self.n, [flint.fmpq(0)] * self.n
        for weight, line in zip((share, 1 - share), pair, strict=True):
            for s in range(self.n):
                visits[s] += weight * line[2][s]
                acted[s] += weight * line[2][s] * line[3][s]
        return [a / v for a, v in zip(acted, visits, strict=True)]

    @cached_property
    def path(self):
        """Ends of the intervals and the chances in each, from charge minus to plus infinity."""
        ends = self.charges
        middles = [ends[0] - 1] + [(a + b) / 2 for a, b in pairwise(ends)] + [ends[-1] + 1]
        return ends, [self.solve(c)[2] for c in middles]

    def index(self, state, u):
        """``sup{charge: chance of acting in state >= u}`` for ``0 < u <= 1``."""
        ends, chances = self.path
        return max(end for end, before in zip(ends, chances, strict=False) if before[state] >= exact(u))

    @cached_property
    def upper(self):
        """Per state, the charge up to which acting has a chance."""
        ends, chances = self.path
        return [float(max(e for e, c in zip(ends, chances, strict=False) if c[s] > 0)) for s in range(self.n)]

    @cached_property
    def lower(self):
        """Per state, the charge up to which acting is sure."""
        ends, chances = self.path
        return [float(min(e for e, c in zip(ends, chances[1:], strict=True) if c[s] < 1)) for s in range(self.n)]

    @cached_property
    def monotone(self):
        """Whether no chance of acting ever rises with the charge."""
        return all(a[s] >= b[s] for a, b in pairwise(self.path[1]) for s in range(self.n))

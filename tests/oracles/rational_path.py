"""Independent oracle: the whole path of optimal policies of one two-action arm in the charge, in exact rationals.

Problem
-------
At charge ``c`` acting pays ``r[1, s] - c`` and waiting ``r[0, s]``. ``A(s, c)``, the advantage of acting over waiting in ``s``
under an optimal policy, is continuous and piecewise linear in ``c``; no structure of the arm is assumed.

Algorithm
---------
1. Below all charges acting everywhere is the only optimal policy.
2. A policy is evaluated as two columns: its value is ``v0 - c v1``, so every advantage is a line ``a - c w``.
3. The policy stays optimal up to the next charge at which a line leaves its side of zero.
4. Just beyond that charge, policy iteration with lexicographic comparison: the advantage at the charge, then its slope. In the
   ordered field of rationals with an infinitesimal this is plain policy iteration, so ties and degenerate arms are exact.

The average criterion is the limit of vanishing discounting. It is taken at discount ``1 - 2**-200``: what is bounded there and
does not vanish is between ``2**-80`` and ``2**60``, everything else is of the order of ``2**-200`` or its inverse.
"""

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import flint

VANISHING = Fraction(1, 2**200)
ZERO = flint.fmpq(1, 2**80)
INFINITE = flint.fmpq(2**60)


def exact(value):
    """The rational number that a float, a Fraction or an integer is."""
    return flint.fmpq(*map(int, Fraction(value).as_integer_ratio()))


def ratio(number):
    """The Fraction that a flint rational is."""
    return Fraction(int(number.p), int(number.q))


@dataclass(frozen=True)
class Piece:
    """Between two charges: one optimal policy, and the advantages ``a[s] - charge * w[s]``."""

    policy: tuple
    a: tuple
    w: tuple

    def advantage(self, charge):
        """Advantages at a charge of this piece, one per state."""
        return [a - charge * w for a, w in zip(self.a, self.w, strict=True)]


class RationalPath:
    """Exact path, index and verdicts of one arm, rows divided by their exact sum. ``discount`` 1 is the average criterion."""

    def __init__(self, transitions, rewards, discount):
        self.limit = discount == 1
        self.n = len(rewards[0])
        self._beta = exact(1 - VANISHING if self.limit else discount)
        rows = [[[exact(x) for x in row] for row in matrix] for matrix in transitions]
        self._p = [[x * self._beta / sum(row, flint.fmpq(0)) for x in row] for matrix in rows for row in matrix]
        self._both = flint.fmpq_mat(self._p)
        zero, one = flint.fmpq(0), flint.fmpq(1)
        self._r = [[exact(x), zero] for x in rewards[0]] + [[exact(x), one] for x in rewards[1]]
        self.charges, self.pieces = self._follow()

    def _evaluate(self, policy):
        """The lines of the advantages of acting over waiting when ``policy`` is followed ever after."""
        n = self.n
        chosen = [s + n * policy[s] for s in range(n)]
        system = [[int(s == t) - self._p[row][t] for t in range(n)] for s, row in enumerate(chosen)]
        values = flint.fmpq_mat(system).solve(flint.fmpq_mat([self._r[row] for row in chosen]))
        ahead = self._both * values
        lines = [[self._r[n + s][c] - self._r[s][c] + ahead[n + s, c] - ahead[s, c] for s in range(n)] for c in (0, 1)]
        return Piece(tuple(policy), tuple(lines[0]), tuple(lines[1]))

    def _next_charge(self, piece):
        leaving = [a / w for a, w, acts in zip(piece.a, piece.w, piece.policy, strict=True) if (w > 0 if acts else w < 0)]
        return min(leaving, default=None)

    def _beyond(self, piece, charge):
        """Policy iteration just above ``charge``, from the policy below it; ties keep what was done."""
        while True:
            advantage = piece.advantage(charge)
            better = list(piece.policy)
            for s in range(self.n):
                sign = advantage[s] if advantage[s] != 0 else -piece.w[s]
                if sign != 0:
                    better[s] = int(sign > 0)
            if tuple(better) == piece.policy:
                return piece
            piece = self._evaluate(better)

    def _follow(self):
        pieces, charges = [self._evaluate([1] * self.n)], []
        while (charge := self._next_charge(pieces[-1])) is not None:
            charges.append(charge)
            pieces.append(self._beyond(pieces[-1], charge))
        return charges, pieces

    def advantage(self, charge):
        """Exact advantages at a charge, one Fraction per state."""
        charge = exact(charge)
        piece = self.pieces[bisect_right(self.charges, charge)]
        return [ratio(value) for value in piece.advantage(charge)]

    @cached_property
    def breakpoints(self):
        """Per state, the pairs (charge, advantage) between which the advantage is linear; slopes outside are ``slopes``."""
        at = [piece.advantage(charge) for charge, piece in zip(self.charges, self.pieces, strict=False)]
        return [[(ratio(c), ratio(values[s])) for c, values in zip(self.charges, at, strict=True)] for s in range(self.n)]

    @cached_property
    def _places(self):
        """Charges at which signs are looked at: an end, then alternately a breakpoint and a charge between, then an end.

        In the limit, breakpoints whose distance vanishes are one, and charges that grow without bound are none.
        """
        low, high = (-INFINITE, INFINITE) if self.limit else (self.charges[0] - 1, self.charges[-1] + 1)
        groups = []
        for c in self.charges:
            if low < c < high:
                if groups and self.limit and c - groups[-1][-1] < ZERO:
                    groups[-1].append(c)
                else:
                    groups.append([c])
        return low, groups, high

    @cached_property
    def _signs(self):
        """Per state the signs of the advantage on the open pieces and, one fewer, at the breakpoints between."""
        low, groups, high = self._places
        ends = [low] + [c for group in groups for c in group] + [high]
        middles = [(below[-1] + above[0]) / 2 for below, above in zip([[ends[0]], *groups], [*groups, [ends[-1]]], strict=True)]
        on_pieces = [self._sign(c) for c in middles]
        at_breakpoints = [[self._sign(c) for c in group] for group in groups]
        found = []
        for s in range(self.n):
            points = [{signs[s] for signs in group} for group in at_breakpoints]
            found.append(([signs[s] for signs in on_pieces], [point.pop() if len(point) == 1 else 0 for point in points]))
        return found

    def _sign(self, charge):
        zero = ZERO if self.limit else 0
        values = self.pieces[bisect_right(self.charges, charge)].advantage(charge)
        return [int(value > zero) - int(value < -zero) for value in values]

    @cached_property
    def index(self):
        """Per state the charge above which the advantage of acting is first negative, or plus or minus infinity."""
        groups = self._places[1]
        found = []
        for signs, _ in self._signs:
            first = signs.index(-1) if -1 in signs else None
            if first is None:
                found.append(float("inf"))
            else:
                found.append(ratio(groups[first - 1][0]) if first else float("-inf"))
        return found

    @cached_property
    def limit_of_index(self):
        """Average criterion: the limit of the discounted indices, anywhere in an interval on which the advantage vanishes."""
        found = []
        for s in range(self.n):
            k = next(k for k, piece in enumerate(self.pieces) if self._turned(s, k))
            charge = self.charges[k - 1]
            found.append(ratio(charge) if abs(charge) < INFINITE else float("inf" if charge > 0 else "-inf"))
        return found

    def _turned(self, s, k):
        """Whether the advantage of ``s``, taken exactly, is negative inside piece ``k``."""
        if k == 0:
            return False
        last = k == len(self.charges)
        charge = self.charges[k - 1] + 1 if last else (self.charges[k - 1] + self.charges[k]) / 2
        return self.pieces[k].a[s] - charge * self.pieces[k].w[s] < 0

    @cached_property
    def weak(self):
        """No advantage is negative at a charge and positive at a higher one."""
        return not any(-1 in signs and 1 in signs[signs.index(-1) :] for signs, _ in self._signs)

    @cached_property
    def strict(self):
        """Every advantage has at most one zero, where it changes sign."""
        for signs, points in self._signs:
            if 0 in signs or signs != sorted(signs, reverse=True):
                return False
            if any(point == 0 and before == after for point, (before, after) in zip(points, pairwise(signs), strict=True)):
                return False
        return True

    @cached_property
    def strong(self):
        """Every advantage is strictly decreasing in the charge."""
        return self.strong_beyond(0)

    def strong_beyond(self, width):
        """The same, pieces between charges that are no further apart than ``width`` left aside."""
        low, _, high = self._places
        zero = ZERO if self.limit else 0
        for piece, (start, end) in zip(self.pieces, pairwise([low, *self.charges, high]), strict=True):
            if self.limit and end - start < ZERO:  # a jump of the limit: it may fall or stay, not rise
                if any((end - start) * w < -zero for w in piece.w):
                    return False
            elif (
                end - start > exact(width)
                and (not self.limit or (end > low and start < high))
                and any(w <= zero for w in piece.w)
            ):
                return False
        return True

    @cached_property
    def steep(self):
        """Whether some advantage changes by more than 10^6 times a change of the charge."""
        return any(abs(w) > 10**6 for piece in self.pieces for w in piece.w)

    @cached_property
    def scale(self):
        """Largest reward in absolute value, the unit of errors; 1 if all are zero."""
        return max(abs(ratio(row[0])) for row in self._r) or Fraction(1)

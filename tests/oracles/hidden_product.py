"""Exact dynamic programming over all hidden arms together: the optimum, and what a priority rule earns.

``finite`` is exact: beliefs are interned, the joint state is one number per arm, and periods are counted. ``infinite`` takes
ordinary arms, such as the merged chains of hidden arms, and iterates over the product of their states.
"""

from functools import cache
from itertools import combinations

import numpy as np


class Tree:
    """Beliefs of a one-mode, two-action arm within a number of periods, with what follows each under both actions."""

    def __init__(self, hidden, start, depth):
        self.hidden, self.beliefs, self.numbers = hidden, [], {}
        front = [self._number(np.asarray(start, dtype=float))]
        self.after = {}
        for _ in range(depth):
            following = []
            for i in front:
                if i not in self.after:
                    self.after[i] = [self._follow(i, a) for a in range(2)]
                    following += [j for part in self.after[i] for _, j in part]
            front = following
        self.rewards = [[float(b @ hidden.rewards[a, 0]) for a in range(2)] for b in self.beliefs]

    def _number(self, belief):
        key = tuple(np.round(belief, 12))
        if key not in self.numbers:
            self.numbers[key] = len(self.beliefs)
            self.beliefs.append(belief)
        return self.numbers[key]

    def _follow(self, i, a):
        found = []
        for z in range(self.hidden.n_signals):
            v = self.beliefs[i] @ self.hidden.kernel[a, 0, 0, z]
            if v.sum() > 1e-14:
                found.append((float(v.sum()), self._number(v / v.sum())))
        return found


def finite(trees, k, steps, beta=1.0, priority=None):
    """Total reward of the best policy that acts on ``k`` arms, or on those of highest ``priority(arm, node)``."""
    choices = list(combinations(range(len(trees)), k))

    def expect(after, now, left):
        if not after:
            return value(now, left)
        total = 0.0
        for chance, j in after[0]:
            total += chance * expect(after[1:], (*now, j), left)
        return total

    @cache
    def value(joint, left):
        if left == 0:
            return 0.0
        options = choices
        if priority is not None:
            ranked = sorted(range(len(trees)), key=lambda n: (-priority(n, joint[n]), n))
            options = [tuple(ranked[:k])]
        best = -np.inf
        for chosen in options:
            acts = [int(n in chosen) for n in range(len(trees))]
            worth = sum(tree.rewards[i][a] for tree, i, a in zip(trees, joint, acts, strict=True))
            after = [tree.after[i][a] for tree, i, a in zip(trees, joint, acts, strict=True)] if left > 1 else []
            best = max(best, worth + (beta * expect(after, (), left - 1) if left > 1 else 0.0))
        return best

    return value((0,) * len(trees), steps)


def infinite(arms, k, beta, priority=None, tolerance=1e-11):
    """Value per period, times nothing more, from state 0 of every arm: ``(1 - beta) V`` between two bounds (low, high).

    ``arms`` is a list of (transitions (2, n, n), rewards (2, n)). The constant that values have in common is split off, so that
    a discount near 1 is no slower than the arms forget.
    """
    shape = tuple(r.shape[1] for _, r in arms)
    options = list(combinations(range(len(arms)), k))
    if priority is not None:
        score = np.stack(np.meshgrid(*priority, indexing="ij"))
        ranked = np.argsort(-score, axis=0, kind="stable")[:k]
    h = np.zeros(shape)
    while True:
        best = np.full(shape, -np.inf) if priority is None else np.empty(shape)
        for chosen in options:
            ahead, paid = h, np.zeros(shape)
            for n, (p, r) in enumerate(arms):
                a = int(n in chosen)
                ahead = np.moveaxis(np.tensordot(p[a], ahead, axes=(1, n)), 0, n)
                paid = paid + r[a].reshape([-1 if m == n else 1 for m in range(len(arms))])
            worth = paid + beta * ahead
            if priority is None:
                best = np.maximum(best, worth)
            else:
                mine = np.all(np.sort(ranked, axis=0) == np.array(chosen).reshape(-1, *[1] * len(arms)), axis=0)
                best[mine] = worth[mine]
        change = best - h
        if np.ptp(change) <= tolerance:
            return tuple(bound + (1 - beta) * h[(0,) * len(arms)] for bound in (change.min(), change.max()))
        h = best - best[(0,) * len(arms)]

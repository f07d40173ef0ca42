"""Independent oracle: the adaptive greedy algorithm of one arm, every set solved afresh, O(n^4); and what its laws speak of."""

import numpy as np

TOLERANCE = 1e-12


class GreedyArm:
    """One two-action arm under a discount below 1."""

    def __init__(self, transitions, rewards, discount):
        self.p, self.r, self.beta = np.array(transitions, dtype=float), np.array(rewards, dtype=float), discount
        self.n = self.r.shape[1]

    def measures(self, active):
        """``f``, ``g``, work ``A`` and reward ``W`` of a set, given as booleans; each of shape (n,)."""
        active = np.asarray(active, dtype=int)
        states = np.arange(self.n)
        system = np.eye(self.n) - self.beta * self.p[active, states]
        f, g = np.linalg.solve(system, np.stack([active, self.r[active, states]], axis=1)).T
        change = self.beta * (self.p[1] - self.p[0])
        return f, g, 1 + change @ f, self.r[1] - self.r[0] + change @ g

    def run(self):
        """Index, order, flags, least work, size of the set with the least work, and violations."""
        active, index, order = np.zeros(self.n, dtype=bool), np.zeros(self.n), []
        flags, least, size, violations = 0, np.inf, 0, 0
        last = np.inf
        while True:
            _, _, work, pay = self.measures(active)
            low = work <= TOLERANCE
            violations += low.sum()
            flags |= 1 if low.any() else 0
            if work.min() < least - 1e-13:
                least, size = work.min(), active.sum()
            if active.all():
                return index, order, flags, least, size, violations
            candidates = np.flatnonzero(~active & ~low)
            if not len(candidates):
                return index, order, flags | 8, least, size, violations
            ratios = pay[candidates] / work[candidates]
            j = candidates[np.flatnonzero(ratios >= ratios.max() - TOLERANCE * max(1, abs(ratios.max())))[0]]
            index[j] = pay[j] / work[j]
            if (active & low & (pay - index[j] * work < -1e-10 * np.abs(self.r).max())).any():
                flags |= 4
            if index[j] > last + 1e-9 * max(1, abs(last)):
                flags |= 2
            last = index[j]
            active[j] = True
            order.append(int(j))

    def occupancy(self, chances, start):
        """Discounted time in every state spent waiting and acting, (2, n), for a random stationary policy from ``start``."""
        chances = np.asarray(chances)
        mixed = (1 - chances)[:, None] * self.p[0] + chances[:, None] * self.p[1]
        time = np.linalg.solve((np.eye(self.n) - self.beta * mixed).T, np.eye(self.n)[start])
        return np.stack([(1 - chances) * time, chances * time])

"""Arms with a requirement of their own, built from their definitions: transitions (2, S, S), rewards and excess costs (2, S).

The excess cost is the cost less its bound: its mean must not be positive.
"""

from typing import NamedTuple

import numpy as np


class PenaltyArm(NamedTuple):
    """One type of arm, and the distribution from which it starts."""

    p: np.ndarray
    r: np.ndarray
    excess: np.ndarray
    start: np.ndarray


def channel(pays, floor, weights=None):
    """A channel whose level is drawn afresh every period; acting at level ``x`` pays ``pays[x]``; act at least ``floor``."""
    pays = np.asarray(pays, dtype=float)
    weights = np.full(len(pays), 1 / len(pays)) if weights is None else np.asarray(weights, dtype=float)
    p = np.broadcast_to(weights, (2, len(pays), len(pays))).copy()
    excess = np.broadcast_to([[floor], [floor - 1]], (2, len(pays))).copy()
    return PenaltyArm(p, np.array([np.zeros(len(pays)), pays]), excess, weights)


def throughput(value, floor, levels=10):
    """Throughput proportional to the channel, with an activation floor."""
    return channel(value * np.arange(1, levels + 1) / levels, floor)


def sensing(success, energy, largest=30):
    """Age 1..largest, reset by acting with probability ``success``; act at most ``energy``; starts at age 1."""
    age = np.arange(largest)
    wait, reset = np.zeros((largest, largest)), np.zeros((largest, largest))
    wait[age, np.minimum(age + 1, largest - 1)] = 1
    reset[:, 0] = 1
    rewards = np.tile(-(age + 1) / largest, (2, 1))
    excess = np.broadcast_to([[-energy], [1 - energy]], (2, largest)).copy()
    return PenaltyArm(np.array([wait, success * reset + (1 - success) * wait]), rewards, excess, np.eye(largest)[0])


def regularity(value, bound, levels=5, largest=30):
    """A fresh channel and the time since the last activation, whose mean share of ``largest`` is at most ``bound``."""
    n = levels * largest
    level, age = np.divmod(np.arange(n), largest)
    p = np.zeros((2, n, n))
    for action, then in ((0, np.minimum(age + 1, largest - 1)), (1, np.zeros(n, dtype=int))):
        for x in range(levels):
            p[action, np.arange(n), x * largest + then] = 1 / levels
    rewards = np.array([np.zeros(n), value * (level + 1) / levels])
    start = np.where(age == 0, 1 / levels, 0.0)
    return PenaltyArm(p, rewards, np.tile((age + 1) / largest - bound, (2, 1)), start)


SCENARIOS = {
    "TP4": [throughput(v, f) for v, f in zip((0.3, 0.5, 0.7, 0.9), (0.35, 0.35, 0.05, 0.05), strict=True)],
    "TP6": [throughput(v, f) for v, f in zip((0.4, 0.5, 0.6, 0.7, 0.8, 0.9), (0.2, 0.2, 0.1, 0.1, 0.05, 0.05), strict=True)],
    "RS4": [sensing(p, e) for p, e in zip((0.2, 0.4, 0.6, 0.8), (0.9, 0.9, 0.1, 0.1), strict=True)],
    "RS8": [sensing(p, e) for p, e in zip(np.arange(2, 10) / 10, (0.4, 0.4, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05), strict=True)],
    "SR4": [regularity(v, b) for v, b in zip((0.4, 0.5, 0.6, 0.7), (0.2, 0.2, 0.1, 0.1), strict=True)],
    "SR6": [regularity(v, b) for v, b in zip((0.4, 0.5, 0.6, 0.7, 0.8, 0.9), (0.4, 0.4, 0.8, 0.8, 1.0, 1.0), strict=True)],
}


def drawn(rng, n, *, sparse=False, tightness=0.5):
    """A random arm whose requirement lies between what is least and what is best for the reward, at ``tightness`` of the way.

    Also what an arm pays for its requirement is random: the excess may depend on state and action in any way.
    """
    p = rng.dirichlet(np.full(n, 0.2 if sparse else 1.0), (2, n)) + (1e-3 / n if sparse else 0.0)
    p /= p.sum(axis=-1, keepdims=True)
    cost = rng.random((2, n))
    bound = tightness * cost.min(axis=0).mean() + (1 - tightness) * cost.mean()
    return PenaltyArm(p, rng.normal(size=(2, n)), cost - bound, np.full(n, 1 / n))


def deadline(longest=12, largest=9, cost=0.5, weight=0.2, arrival=0.7):
    """Deadline scheduling: time left and work left; the last period pays for what is undone. Returns (p, r, states)."""
    states = [(0, 0)] + [(t, b) for t in range(1, longest + 1) for b in range(largest + 1)]
    place = {state: i for i, state in enumerate(states)}
    fresh = np.zeros(len(states))
    fresh[0] = 1 - arrival
    for t in range(1, longest + 1):
        for b in range(1, largest + 1):
            fresh[place[t, b]] = arrival / (longest * largest)
    p, r = np.zeros((2, len(states), len(states))), np.zeros((2, len(states)))
    for (t, b), i in place.items():
        for a in (0, 1):
            left = max(b - a, 0)
            r[a, i] = (1 - cost) * (a and b > 0)
            if t > 1:
                p[a, i, place[t - 1, left]] = 1
            else:
                p[a, i] = fresh
                r[a, i] -= weight * left**2
    return p, r, states


def deadline_index(states, discount, cost=0.5, weight=0.2):
    """Closed form of the Whittle index of :func:`deadline`."""

    def index(t, b):
        if b == 0:
            return 0.0
        if b < t:
            return 1 - cost
        return discount ** (t - 1) * weight * ((b - t + 1) ** 2 - (b - t) ** 2) + 1 - cost

    return np.array([index(t, b) for t, b in states])


def recovering(theta, largest=20):
    """Recovering bandit: acting pays the more, the longer ago it was acted on. Returns (p, r)."""
    z = np.arange(largest)
    p = np.zeros((2, largest, largest))
    p[0, z, np.minimum(z + 1, largest - 1)] = 1
    p[1, :, 0] = 1
    return p, np.array([np.zeros(largest), theta[0] * (1 - np.exp(-theta[1] * (z + 1) + theta[2]))])


def recovering_index(pays, discount):
    """Closed form of the Whittle index of :func:`recovering` from what acting pays."""
    z = np.arange(1, len(pays))
    first, second = discount ** (z - 1) / (1 - discount**z), discount**z / (1 - discount ** (z + 1))
    return np.append((first * pays[:-1] - second * pays[1:]) / (first - second), pays[-1])

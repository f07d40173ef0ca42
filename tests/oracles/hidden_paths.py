"""Oracles for arms whose state is not seen: sums over all paths of hidden states, with nothing of the library's filter."""

from itertools import product

import numpy as np


def random_laws(rng, *shape):
    """Probabilities whose last axis sums to 1."""
    weights = rng.exponential(size=shape)
    return weights / weights.sum(axis=-1, keepdims=True)


def path_weights(moves, shows, start, actions, signals, *, before):
    """Joint probability of the signals and of each last hidden state, by listing every path.

    ``moves[a][s, t]`` and ``shows[a][s, z]``; a signal ``None`` was not looked at.
    """
    size = len(start)
    total = np.zeros(size)
    for path in product(range(size), repeat=len(actions) + 1):
        weight = start[path[0]]
        for n, (action, signal) in enumerate(zip(actions, signals, strict=True)):
            weight *= moves[action][path[n], path[n + 1]]
            if signal is not None:
                weight *= shows[action][path[n] if before else path[n + 1], signal]
        total[path[-1]] += weight
    return total


def best_value(joint, rewards, allowed, belief, mode, steps, discount):
    """The largest expected discounted reward of a few periods, by a tree over all actions, modes and signals.

    ``joint[a, y, y', z, s, t]``, ``rewards[a, y, s]``, ``allowed[y, a]``; ``belief`` may be of any total weight.
    """
    if steps == 0:
        return 0.0
    values = []
    for action in np.flatnonzero(allowed[mode]):
        value = float(rewards[action, mode] @ belief)
        for then, signal in product(range(joint.shape[2]), range(joint.shape[3])):
            after = belief @ joint[action, mode, then, signal]
            if after.sum() > 0:
                value += discount * best_value(joint, rewards, allowed, after, then, steps - 1, discount)
        values.append(value)
    return max(values)

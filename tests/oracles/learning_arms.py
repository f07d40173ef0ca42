"""Named arms of the learning literature, built from their definitions; transitions (A, S, S) and rewards (A, S)."""

import numpy as np

from rmab.models.arms import Arms


def _rows(n, moves):
    """A transition matrix from {state: {next: probability}}, states numbered from 1."""
    p = np.zeros((n, n))
    for state, row in moves.items():
        for target, probability in row.items():
            p[state - 1, target - 1] = probability
    return p


def gino():
    """The example arm of the GINO-Q paper, as reconstructed from its figure: indexable, with a tangential second root."""
    common = {2: {1: 0.4, 2: 0.6}, 3: {4: 1}, 4: {5: 1}, 5: {6: 1}, 6: {1: 0.6, 2: 0.4}}
    p = [_rows(6, {1: {3: 1}, **common}), _rows(6, {1: {1: 0.2, 2: 0.8}, **common})]
    return np.array(p), np.array([[-4.0, 4, -2, -2, -2, -2], [-10.0, 4, 0, 0, 0, 0]])


def flipped():
    """The same numbers with the actions exchanged: not indexable."""
    common = {2: {4: 1}, 3: {5: 0.8, 6: 0.2}, 4: {1: 0.4, 2: 0.6}, 5: {3: 1}, 6: {1: 0.4, 2: 0.6}}
    p = [_rows(6, {1: {2: 1}, **common}), _rows(6, {1: {3: 1}, **common})]
    return np.array(p), np.array([[-10.0, 4, 0, 0, 0, 0], [-4.0, 4, -2, -2, -2, -2]])


def circulant():
    """Four states on a circle: acting stays or goes up, waiting stays or goes down."""
    up = 0.5 * (np.eye(4) + np.roll(np.eye(4), 1, axis=1))
    return np.array([up.T, up]), np.tile([-1.0, 0, 0, 1], (2, 1))


def restart():
    """Waiting climbs to the fifth state and falls back with probability 0.1; acting restarts and earns nothing."""
    wait, act = np.zeros((5, 5)), np.zeros((5, 5))
    wait[np.arange(5), np.minimum(np.arange(5) + 1, 4)] = 0.9
    wait[:, 0] += 0.1
    act[:, 0] = 1.0
    return np.array([wait, act]), np.array([0.9 ** np.arange(1, 6), np.zeros(5)])


def mentoring():
    """Ten levels: up with probability 0.3 waiting, 0.7 acting, else down."""
    walks = []
    for up in (0.3, 0.7):
        p = np.zeros((10, 10))
        p[np.arange(10), np.minimum(np.arange(10) + 1, 9)] += up
        p[np.arange(10), np.maximum(np.arange(10) - 1, 0)] += 1 - up
        walks.append(p)
    return np.array(walks), np.tile(np.sqrt(np.arange(1, 11) / 10), (2, 1))


def age(success, largest=30):
    """Age of information 1, 2, ..., ``largest``: acting resets it with probability ``success``; the cost is the age."""
    wait = np.zeros((largest, largest))
    wait[np.arange(largest), np.minimum(np.arange(largest) + 1, largest - 1)] = 1.0
    reset = np.zeros((largest, largest))
    reset[:, 0] = 1.0
    return np.array([wait, success * reset + (1 - success) * wait]), np.tile(-np.arange(1.0, largest + 1), (2, 1))


def patrol(up, down, catch, bonus, loss, levels=6):
    """A threat level that wanders unless it is caught."""
    wait = np.zeros((levels, levels))
    s = np.arange(levels)
    wait[s, np.minimum(s + 1, levels - 1)] += up
    wait[s, np.maximum(s - 1, 0)] += down
    wait[s, s] += 1 - up - down
    caught = np.zeros((levels, levels))
    caught[:, 0] = 1.0
    share = s / (levels - 1)
    rewards = np.array([-loss * share, (catch * bonus - (1 - catch) * loss) * share])
    return np.array([wait, catch * caught + (1 - catch) * wait]), rewards


def cohort(*kinds, each):
    """Arms of several types, ``each`` of every one (a number, or one per type)."""
    p, r = zip(*kinds, strict=True)
    return Arms(np.array(p), np.array(r), multiplicity=np.broadcast_to(each, len(kinds)))


AGES = tuple(age(success) for success in (0.9, 0.7, 0.5, 0.3))
PATROLS = (patrol(0.4, 0.1, 0.8, 1, 0.5), patrol(0.6, 0.1, 0.6, 1, 1), patrol(0.2, 0.05, 0.9, 2, 0.5))

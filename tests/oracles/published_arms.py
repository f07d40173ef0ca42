"""Three instances of belief spaces: spectrum access with acknowledgement, three channel levels, four server states."""

import numpy as np

from rmab.hidden.arms import HiddenArms


def _arm(moves, errors, rewards, letters):
    moves, errors, rewards, letters = (np.asarray(part) for part in (moves, errors, rewards, letters))
    law = np.stack([(errors * (letters == z)).sum(axis=1) for z in np.unique(letters)], axis=1)
    nothing = np.zeros_like(law)
    nothing[:, 0] = 1
    return HiddenArms([moves, moves], [np.zeros(len(moves)), (errors * rewards).sum(axis=1)], [nothing, law])


def spectrum():
    return _arm([[0.7, 0.3], [0.2, 0.8]], [[0.9, 0.1], [0.1, 0.9]], np.diag([0, 1]), [[0, 1], [0, 2]])


def levels():
    moves = [[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]]
    errors = [[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]]
    return _arm(moves, errors, [[0, 0, 0], [0, 1, 0], [0, 1, 2]], np.tile(np.arange(3), (3, 1)))


def server():
    moves = [[0.7, 0.1, 0.1, 0.1], [0.05, 0.7, 0.1, 0.15], [0.05, 0.1, 0.65, 0.2], [0.05, 0.05, 0.1, 0.8]]
    errors = [[0.8, 0.1, 0.05, 0.05], [0.1, 0.75, 0.1, 0.05], [0.05, 0.1, 0.75, 0.1], [0.05, 0.05, 0.1, 0.8]]
    return _arm(moves, errors, np.diag([4, 3, 2, 0]), np.tile(np.arange(4), (4, 1)))

"""What follows a belief: one period of exact filtering, and the value of acting when the values of what follows are known.

From mode ``y`` and belief ``b``, action ``a`` leads with probability ``sum(v)`` to mode ``y'`` and belief ``v / sum(v)``, where
``v = b @ K[a, y, y', z]``. With any value ``U`` of what follows,

    Q(a, y, b) = b . r[a, y] - charge 1{a > 0} + beta sum over y', z of sum(v) U(y', v / sum(v)),

which is an upper (lower) value where ``U`` is one.

Cost: A Y Z S^2 operations per belief.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.closure import successors as follow
from rmab.hidden.kernel import HiddenKernel


@dataclass(frozen=True, eq=False)
class Successors:
    """Everything that can follow some beliefs, one entry per possible (belief, action, next mode, signal).

    Attributes
    ----------
    owner, action : ndarray of int, shape (L,)
        Which belief and action.
    beliefs : ndarray, shape (L, S)
        The belief that follows.
    modes : ndarray of int, shape (L,)
        Its mode.
    chance : ndarray, shape (L,)
        Its probability; they sum to 1 for each belief and action.
    rewards : ndarray, shape (A, n)
        Expected reward of the period itself.
    allowed : ndarray of bool, shape (n, A)
        Which actions may be chosen.
    """

    owner: NDArray[np.int64]
    action: NDArray[np.int64]
    beliefs: NDArray[np.float64]
    modes: NDArray[np.int64]
    chance: NDArray[np.float64]
    rewards: NDArray[np.float64]
    allowed: NDArray[np.bool_]

    def expect(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of a value per entry, for each belief and action, shape ``(A, n)``."""
        n_actions, n = self.rewards.shape
        total = np.bincount(self.action * n + self.owner, self.chance * values, minlength=n_actions * n)
        return np.asarray(total, dtype=np.float64).reshape(n_actions, n)

    def action_values(self, values: NDArray[np.float64], charge: float, beta: float) -> NDArray[np.float64]:
        """``Q`` of each action and belief, shape ``(A, n)``; minus infinity where the action is not allowed."""
        acting = (np.arange(len(self.rewards)) > 0)[:, np.newaxis]
        return np.where(self.allowed.T, self.rewards - charge * acting + beta * self.expect(values), -np.inf)


def successors(hidden: HiddenKernel, beliefs: NDArray[np.float64], modes: NDArray[np.int64]) -> Successors:
    """What follows each of some beliefs.

    Parameters
    ----------
    hidden : HiddenArms
        One type of arm.
    beliefs : ndarray, shape (n, S)
        Beliefs.
    modes : ndarray of int, shape (n,)
        Their modes.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    >>> channel = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    >>> after = successors(channel, np.array([[0.4, 0.6]]), np.array([0]))
    >>> after.action.tolist(), after.chance.round(2).tolist(), after.expect(np.ones(3)).round(12).tolist()
    ([0, 1, 1], [1.0, 0.42, 0.58], [[1.0], [1.0]])
    """
    pointer, next_modes, chance, after, rewards = follow(hidden.kernel, hidden.rewards, beliefs, modes)
    action, owner = np.divmod(np.repeat(np.arange(len(pointer) - 1), np.diff(pointer)), len(beliefs))
    return Successors(owner, action, after, next_modes, chance, rewards, hidden.allowed[modes])

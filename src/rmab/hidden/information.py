"""What acting on an arm lets its owner see, as the law of one signal.

An arm in the hidden state ``s`` is observed as ``j`` with probability ``E[s, j]`` and pays ``B[s, j]``. Which part of that is
seen differs: the observation, the observation and whether it was acknowledged (``F[s, j]``), the payment, both, the state
itself, or nothing. Each is a numbering of the pairs ``(s, j)`` by *letters*, such that two pairs have one letter if and only if
they look the same:

==============================  ==================================
seen                            pairs with the same letter agree in
==============================  ==================================
``observation``                 ``j``
``observation and feedback``    ``j`` and ``F[s, j]``
``reward``                      ``B[s, j]``
``observation and reward``      ``j`` and ``B[s, j]``
``nothing``                     all pairs have letter 0
``state``                       ``s``
==============================  ==================================

The law of the signal is then ``L[s, z] = sum of E[s, j] over the pairs with letter z``, and with the moves ``P`` the joint
kernel of :mod:`rmab.hidden.kernel` is ``diag(L[:, z]) @ P``.

Letters that lead to the same belief from every belief, such as all letters of an observation whose errors do not depend on the
state, say nothing that one letter would not: :func:`compress` makes them one.

Rewards are compared after rounding to nine decimals, never by ``==``.

Reference: K. Liu, Q. Jia, "General formulation and PCL-analysis for restless bandits with limited observability",
arXiv:2307.03034v4, for the first four rows; the joint kernel is the usual one of partially observed Markov decision processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.arms import ROW_SUM_TOLERANCE
from rmab.models.arrays import float_array

DECIMALS = 9
SAME = 1e-12


class Seen(StrEnum):
    """What of an action's outcome is seen."""

    OBSERVATION = "observation"
    FEEDBACK = "observation and feedback"
    REWARD = "reward"
    OBSERVATION_AND_REWARD = "observation and reward"
    NOTHING = "nothing"
    STATE = "state"


def check_laws(name: str, laws: NDArray[np.float64], axes: Sequence[str]) -> None:
    """Raise :class:`ModelError` unless the last axis of ``laws`` holds probabilities that sum to 1 within 1e-8.

    Parameters
    ----------
    name : str
        What the array is called in the message.
    laws : ndarray
        One law for each choice of the leading axes.
    axes : sequence of str
        What the leading axes are called; the message names the first offender.

    Examples
    --------
    >>> check_laws("errors", np.array([[0.9, 0.1], [0.2, 0.7]]), ["state"])
    Traceback (most recent call last):
    rmab.errors.ModelError: errors: the row of state 1 sums to 0.9, not 1; divide each row by its sum if that is what you mean
    """
    bad = np.argwhere(~(np.isfinite(laws) & (laws >= 0)))
    if len(bad):
        raise ModelError(f"{name}: {_place(axes, bad[0])}, entry {bad[0][-1]} is {laws[tuple(bad[0])]}, no probability")
    sums = laws.sum(axis=-1)
    off = np.argwhere(np.abs(sums - 1) > ROW_SUM_TOLERANCE)
    if len(off):
        raise ModelError(
            f"{name}: the row of {_place(axes, off[0])} sums to {sums[tuple(off[0])]:.12g}, not 1; "
            "divide each row by its sum if that is what you mean"
        )


def letters(
    shape: tuple[int, int], seen: str | Seen, *, rewards: ArrayLike | None = None, feedback: ArrayLike | None = None
) -> NDArray[np.int64]:
    """The letter by which each pair of state and observation is seen, shape ``(S, O)``.

    Parameters
    ----------
    shape : tuple of int
        Number of states and of observations.
    seen : Seen or str
        What is seen.
    rewards : array_like, shape (S, O), optional
        ``B[s, j]``, for what sees rewards; equal to nine decimals is equal.
    feedback : array_like, shape (S, O), optional
        Any label ``F[s, j]``, for what sees feedback, and only for that.

    Returns
    -------
    ndarray of int, shape (S, O)
        Letters from 0 on. They are in the order of what is seen: by observation first, then by feedback or reward.

    Raises
    ------
    ModelError
        If there is no such ``seen``, what it needs is missing or of another shape, or it makes no use of the feedback.

    Examples
    --------
    A channel is idle or busy, sensed with errors, and acknowledged when idle and sensed so:

    >>> letters((2, 2), "observation and feedback", feedback=[[0, 0], [0, 1]])
    array([[0, 1],
           [0, 2]])
    """
    what = _seen(seen)
    if feedback is not None and what is not Seen.FEEDBACK:
        raise ModelError(f"to see {what} makes no use of feedback; leave it out, or say seen={str(Seen.FEEDBACK)!r}")
    state, observation = np.indices(shape)
    given = {"rewards": rewards, "feedback": feedback}
    needs = {
        Seen.OBSERVATION: (observation,),
        Seen.FEEDBACK: (observation, "feedback"),
        Seen.REWARD: ("rewards",),
        Seen.OBSERVATION_AND_REWARD: (observation, "rewards"),
        Seen.NOTHING: (np.zeros_like(state),),
        Seen.STATE: (state,),
    }[what]
    parts = [_label(part, given[part], shape, what) if isinstance(part, str) else part for part in needs]
    _, numbers = np.unique(np.stack([part.ravel() for part in parts]), axis=1, return_inverse=True)
    return numbers.reshape(shape).astype(np.int64)


def signal_law(errors: ArrayLike, letters: ArrayLike) -> NDArray[np.float64]:
    """Probability of each letter in each state, shape ``(S, Z)``.

    Parameters
    ----------
    errors : array_like, shape (S, O)
        Probability of each observation in each state.
    letters : array_like of int, shape (S, O)
        The letter of each pair, as from :func:`letters`.

    Raises
    ------
    ModelError
        If the errors are no probabilities, or there is not one letter per pair.

    Examples
    --------
    >>> signal_law([[0.9, 0.1], [0.1, 0.9]], [[0, 1], [0, 2]])
    array([[0.9, 0.1, 0. ],
           [0.1, 0. , 0.9]])
    """
    e, numbers = float_array("errors", errors), np.asarray(letters)
    if e.ndim != 2 or 0 in e.shape:
        raise ModelError(f"errors must have shape (S, O), one row per state and one column per observation, got {e.shape}")
    check_laws("errors", e, ["state"])
    if numbers.shape != e.shape or numbers.dtype.kind not in "iu" or (numbers < 0).any():
        raise ModelError(f"letters must be whole numbers from 0 on of shape {e.shape}, got {numbers.dtype} of {numbers.shape}")
    law = np.zeros((len(e), int(numbers.max()) + 1))
    np.add.at(law, (np.arange(len(e))[:, np.newaxis], numbers), e)
    return law


def stacked(laws: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The signal laws of all actions in one array of shape ``(A, S, Z)``, with letters that never come where one has fewer.

    Examples
    --------
    >>> stacked([np.ones((2, 1)), np.eye(2)])
    array([[[1., 0.],
            [1., 0.]],
    <BLANKLINE>
           [[1., 0.],
            [0., 1.]]])
    """
    widest = max(law.shape[1] for law in laws)
    return np.stack([np.pad(law, ((0, 0), (0, widest - law.shape[1]))) for law in laws])


def compress(kernel: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The same information with the fewest letters per action.

    Letters that cannot come are dropped, and those after which the belief is the same whatever it was before become one. That
    is so when their matrices are proportional, or when all rows of both matrices are proportional to one row: after a restart
    no signal from before it matters.

    Parameters
    ----------
    kernel : ndarray, shape (A, Y, Y, Z, S, S)
        A joint kernel.

    Returns
    -------
    kernel : ndarray, shape (A, Y, Y, Z', S, S)
        With ``Z' <= Z`` letters, in the order of their first appearance.
    letters : ndarray of int, shape (A, Z)
        The new number of each letter under each action, -1 for one that cannot come.

    Examples
    --------
    Sensing with errors that do not depend on the state is no sensing:

    >>> move = np.array([[0.7, 0.3], [0.2, 0.8]])
    >>> kernel = np.array([[move, 0 * move], [0.3 * move, 0.7 * move]])[:, np.newaxis, np.newaxis]
    >>> short, letters = compress(kernel)
    >>> short.shape, letters.tolist()
    ((2, 1, 1, 1, 2, 2), [[0, -1], [0, 0]])
    """
    new = np.array([_grouped(moves) for moves in kernel.swapaxes(1, 3).swapaxes(2, 3)], dtype=np.int64)
    shorter = np.zeros((*kernel.shape[:3], int(new.max()) + 1, *kernel.shape[4:]))
    for (a, z), letter in np.ndenumerate(new):
        if letter >= 0:
            shorter[a, :, :, letter] += kernel[a, :, :, z]
    return shorter, new


def _grouped(moves: NDArray[np.float64]) -> list[int]:
    """The group of each letter, -1 for none; ``moves`` has shape ``(Z, Y, Y, S, S)``."""
    forms: list[NDArray[np.float64]] = []
    groups = []
    for matrices in moves:
        if not matrices.any():
            groups.append(-1)
            continue
        form = np.array([[_form(matrix) for matrix in row] for row in matrices])
        same = [number for number, other in enumerate(forms) if np.abs(form - other).max() <= SAME]
        groups.append(same[0] if same else len(forms))
        if not same:
            forms.append(form)
    return groups


def _form(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a matrix does to the direction of every belief: equal for two matrices if and only if that is the same."""
    total = matrix.sum()
    if total == 0.0:
        return matrix
    row = matrix.sum(axis=0) / total
    if np.abs(matrix - np.outer(matrix.sum(axis=1), row)).max() <= SAME * total:
        # the row that every belief is sent to, and a mark by which it differs from all proportional forms
        return np.concatenate([row[np.newaxis] + 2.0, np.zeros((len(row) - 1, len(row)))])
    return matrix / total


def _place(axes: Sequence[str], where: NDArray) -> str:
    return ", ".join(f"{axis} {index}" for axis, index in zip(axes, where, strict=False))


def _seen(seen: str | Seen) -> Seen:
    try:
        return Seen(seen)
    except ValueError:
        raise ModelError(f"there is no seen={seen!r}; there are {', '.join(map(repr, map(str, Seen)))}") from None


def _label(name: str, values: ArrayLike | None, shape: tuple[int, int], what: Seen) -> NDArray:
    if values is None:
        raise ModelError(f"to see {what} needs {name} of shape {shape}, one per state and observation")
    if name == "rewards":
        numbers: NDArray = np.round(float_array(name, values), DECIMALS) + 0.0  # minus zero is zero
    else:
        numbers = np.unique(np.asarray(values), return_inverse=True)[1].reshape(np.shape(values))
    if numbers.shape != shape:
        raise ModelError(f"{name} must have shape {shape}, one per state and observation, got {numbers.shape}")
    return numbers

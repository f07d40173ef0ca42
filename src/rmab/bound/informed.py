"""Upper values of a charged hidden arm from what more information would be worth: QMDP and the fast informed bound.

Let the hidden state ``s`` be revealed after the present action, for ever (QMDP), or with a delay of one period (FIB). Both are
fixed points over actions, modes and states; with ``r[a, y, s]`` the reward less the charge of an activation,

    QMDP   Q(a, y, s) = r + beta sum over y', z, t of K[a, y, y', z, s, t] max_a' Q(a', y', t)
    FIB    Q(a, y, s) = r + beta sum over y', z of max_a' sum over t of K[a, y, y', z, s, t] Q(a', y', t)

and ``max_a b . Q(a, y)`` is at least the value of the belief ``b``; FIB is at most QMDP. Where the moves of the hidden state do
not depend on the action, and signals tell of the state before the move, both say only what the myopic rule says:
``Q(1) - Q(0)`` is the difference of the rewards.

References: M. L. Littman, A. R. Cassandra, L. P. Kaelbling, "Learning policies for partially observable environments", ICML
1995; M. Hauskrecht, "Value-function approximations for partially observable Markov decision processes", JAIR 13 (2000). Cost:
A^2 Y^2 Z S^2 operations per sweep. Stopping rule: that of :mod:`rmab.bound.relative`; what is left is added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.bound.relative import Relative, iterate
from rmab.hidden.checks import checked_beliefs, checked_modes, finite_number
from rmab.hidden.kernel import HiddenKernel
from rmab.index.findings import discount_of
from rmab.models.criterion import Criterion

TOLERANCE = 1e-12


def qmdp(hidden: HiddenKernel, charge: float, criterion: Criterion) -> NDArray[np.float64]:
    """What each action is worth when the hidden state is seen from the next period on.

    Parameters
    ----------
    hidden : HiddenArms
        One type of arm.
    charge : float
        Paid for every activation, a finite number.
    criterion : Discounted or Average
        Discounted values are not multiplied by (1 - beta). On average they are relative: the first state of the first mode is
        worth 0, and differences of actions are what counts.

    Returns
    -------
    ndarray, shape (A, Y, S)
        The value of a belief ``b`` in mode ``y`` is at most the largest ``b @ Q[a, y]`` over allowed actions. Minus infinity
        where the action is not allowed.

    Raises
    ------
    ModelError
        If the charge is not a finite number, or the criterion is a horizon.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.criterion import Discounted
    >>> seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    >>> channel = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    >>> values = qmdp(channel, 0.5, Discounted(0.9))
    >>> (values[1] - values[0]).round(9).tolist()  # the reward of acting less the charge
    [[-0.5, 0.5]]
    """
    return _total(hidden, solve_informed(hidden, charge, criterion, delayed=False))


def fib(hidden: HiddenKernel, charge: float, criterion: Criterion) -> NDArray[np.float64]:
    """What each action is worth when the hidden state is seen with a delay of one period: the fast informed bound.

    Parameters, result and errors are those of :func:`qmdp`.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.criterion import Discounted
    >>> seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    >>> channel = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    >>> bool((fib(channel, 0.5, Discounted(0.9)) <= qmdp(channel, 0.5, Discounted(0.9))).all())
    True
    """
    return _total(hidden, solve_informed(hidden, charge, criterion, delayed=True))


def informed_value(q: NDArray[np.float64], beliefs: ArrayLike, modes: ArrayLike | None = None) -> NDArray[np.float64]:
    """The largest ``b @ Q[a, y]`` of every belief, shape ``(Q,)``.

    Parameters
    ----------
    q : ndarray, shape (A, Y, S)
        From :func:`qmdp` or :func:`fib`.
    beliefs : array_like, shape (Q, S)
        Beliefs.
    modes : array_like of int, shape (Q,), optional
        Their modes; default 0.

    Raises
    ------
    ModelError
        If a belief is no law over the states, or a mode is out of range.

    Examples
    --------
    >>> informed_value(np.array([[[0.0, 1.0]], [[2.0, 0.0]]]), [[0.5, 0.5], [0.0, 1.0]]).tolist()
    [1.0, 1.0]
    """
    rows = checked_beliefs(beliefs, q.shape[2])
    where = checked_modes(modes, len(rows), q.shape[1])
    return best_at_beliefs(q, rows, where)


def solve_informed(hidden: HiddenKernel, charge: float, criterion: Criterion, *, delayed: bool) -> Relative:
    """The fixed point as relative values, shape ``(A Y S, 1)`` in C order; FIB when ``delayed``, else QMDP."""
    beta, charge = discount_of(criterion, "informed"), finite_number("charge", charge)
    n_actions = hidden.n_actions
    kernel = hidden.kernel if delayed else hidden.kernel.sum(axis=3, keepdims=True)
    charged = hidden.rewards - charge * (np.arange(n_actions) > 0)[:, np.newaxis, np.newaxis]
    forbidden = np.where(hidden.allowed.T, 0.0, -np.inf)

    def step(h: NDArray[np.float64]) -> NDArray[np.float64]:
        q = h.reshape(charged.shape)
        if delayed:
            ahead = np.einsum("ayxzst,bxt->bayxzs", kernel, q) + forbidden[:, np.newaxis, np.newaxis, :, np.newaxis, np.newaxis]
            worth = ahead.max(axis=0).sum(axis=(2, 3))
        else:
            best = (q + forbidden[:, :, np.newaxis]).max(axis=0)
            worth = np.einsum("ayxzst,xt->ays", kernel, best)
        return (charged + beta * worth).reshape(-1, 1)

    scale = float(np.ptp(charged)) or 1.0
    return iterate(step, charged.reshape(-1, 1).copy(), np.ones(1), beta, TOLERANCE * scale)


def _total(hidden: HiddenKernel, found: Relative) -> NDArray[np.float64]:
    """Values that are upper bounds as they are, or relative on average; minus infinity where not allowed."""
    q = relative_table(hidden, found)
    return q + (found.high / (1.0 - found.beta) if found.beta < 1 else -float(q[:, 0, 0].max()))


def relative_table(hidden: HiddenKernel, found: Relative) -> NDArray[np.float64]:
    """What :func:`solve_informed` found as a table (A, Y, S), minus infinity where the action is not allowed."""
    return np.where(hidden.allowed.T[:, :, np.newaxis], found.values.reshape(hidden.rewards.shape), -np.inf)


def best_at_beliefs(q: NDArray[np.float64], rows: NDArray[np.float64], modes: NDArray[np.int64]) -> NDArray[np.float64]:
    """As :func:`informed_value`, for arrays that were checked."""
    best = np.empty(len(rows))
    for y in np.unique(modes):
        here = modes == y
        possible = q[np.isfinite(q[:, y, 0]), y]
        best[here] = (rows[here] @ possible.T).max(axis=1)
    return best

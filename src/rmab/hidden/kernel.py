"""The joint kernel of an arm whose state is not seen, and the exact filter.

In every period the arm is in a hidden state ``s`` and in a mode ``y`` that is seen, such as "available". Under action ``a`` it
moves to the hidden state ``t`` and the mode ``y'`` and shows a signal ``z``, with the joint probability

    kernel[a, y, y', z, s, t] = Pr(y', z, t | y, s, a).

What is known is the mode and the *belief* ``b``, the law of the hidden state at the start of the period. With
``v = b @ kernel[a, y, y', z]``, the mode and signal have probability ``sum(v)``, and the next belief is ``v / sum(v)``. Every
information structure (signals before or after the move, acknowledgements, observed rewards, missing signals, availability) is a
choice of this one array; see :class:`rmab.HiddenArms`.

Reference: R. D. Smallwood, E. J. Sondik, "The optimal control of partially observable Markov processes over a finite horizon",
Operations Research 21 (1973).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.belief_tree import IMPOSSIBLE
from rmab._kernels.long_run import long_run_law
from rmab.errors import ModelError
from rmab.hidden.checks import (
    checked_belief,
    checked_beliefs,
    whole_numbers_within,
)
from rmab.models.arms import ROW_SUM_TOLERANCE
from rmab.models.arrays import float_array


@dataclass(frozen=True, eq=False, init=False)
class HiddenKernel:
    """One type of arm whose state is not seen.

    Attributes
    ----------
    kernel : ndarray, shape (A, Y, Y, Z, S, S)
        ``kernel[a, y, y', z, s, t]``: probability that an arm in mode ``y`` and hidden state ``s`` under action ``a`` moves to
        mode ``y'`` and hidden state ``t`` and shows signal ``z``. Where an action is not allowed it does what waiting does.
    rewards : ndarray, shape (A, Y, S)
        Expected reward of one period, given the hidden state at its start.
    allowed : ndarray of bool, shape (Y, A)
        Whether the action may be chosen in the mode; waiting always may.
    """

    kernel: NDArray[np.float64]
    rewards: NDArray[np.float64]
    allowed: NDArray[np.bool_]

    @property
    def n_actions(self) -> int:
        """Number of actions, ``A``; action 0 is passive."""
        return self.kernel.shape[0]

    @property
    def n_modes(self) -> int:
        """Number of modes, ``Y``; 1 when nothing but signals is seen."""
        return self.kernel.shape[1]

    @property
    def n_signals(self) -> int:
        """Number of signals, ``Z``."""
        return self.kernel.shape[3]

    @property
    def n_states(self) -> int:
        """Number of hidden states, ``S``."""
        return self.kernel.shape[4]

    def signal_law(self, belief: ArrayLike, action: int, *, mode: int = 0) -> NDArray[np.float64]:
        """Probability of every next mode and signal, shape ``(Y, Z)``; sums to 1.

        Parameters
        ----------
        belief : array_like, shape (S,)
            Law of the hidden state at the start of the period.
        action, mode : int
            What is done, and the mode it is done in.

        Raises
        ------
        ModelError
            If the belief is no law over the states, or there is no such action or mode.
        """
        b = checked_belief(belief, self.n_states)
        self._check_choice("action", action, self.n_actions)
        self._check_choice("mode", mode, self.n_modes)
        return np.einsum("s,yzst->yz", b, self.kernel[action, mode])

    def filter(
        self, belief: ArrayLike, action: int, signal: int | None, *, mode: int = 0, next_mode: int = 0
    ) -> NDArray[np.float64]:
        """The belief at the start of the next period, shape ``(S,)``.

        Numbers are rounded: a probability that underflows to 0, as after some hundred equal signals of a state that never
        moves, stays 0 whatever is seen later.

        Parameters
        ----------
        belief : array_like, shape (S,)
            Law of the hidden state at the start of this period.
        action : int
            What was done.
        signal : int or None
            What was seen; ``None`` when nothing arrived and that says nothing about the state.
        mode, next_mode : int
            The mode of this period and of the next one.

        Raises
        ------
        ModelError
            If an argument is out of range, or the signal cannot be seen from this belief.
        """
        b = checked_belief(belief, self.n_states)
        for name, value, size in (
            ("action", action, self.n_actions),
            ("mode", mode, self.n_modes),
            ("next_mode", next_mode, self.n_modes),
        ):
            self._check_choice(name, value, size)
        if signal is not None:
            self._check_choice("signal", signal, self.n_signals)
        moves = self.kernel[action, mode, next_mode]
        v = b @ (moves.sum(axis=0) if signal is None else moves[signal])
        if v.sum() <= IMPOSSIBLE:
            seen = "no signal" if signal is None else f"signal {signal}"
            raise ModelError(
                f"{seen} with next mode {next_mode} cannot follow action {action} in mode {mode} from the belief {b}; "
                "check the signal, or give the arm a chance of it"
            )
        return v / v.sum()

    def filter_many(
        self,
        beliefs: ArrayLike,
        actions: ArrayLike,
        signals: ArrayLike,
        *,
        modes: ArrayLike | None = None,
        next_modes: ArrayLike | None = None,
    ) -> NDArray[np.float64]:
        """The next beliefs of many arms of this type at once, shape ``(N, S)``.

        Parameters
        ----------
        beliefs : array_like, shape (N, S)
            Belief of each arm at the start of the period.
        actions, signals : array_like of int, shape (N,)
            What was done and what was seen; signal -1 when nothing arrived and that says nothing about the state.
        modes, next_modes : array_like of int, shape (N,), optional
            Mode of each arm in this and in the next period; default 0.

        Raises
        ------
        ModelError
            As for :meth:`filter`, naming the first arm.
        """
        b = checked_beliefs(beliefs, self.n_states)
        zeros = np.zeros(len(b), dtype=np.int64)
        chosen = {
            "actions": (actions, 0, self.n_actions),
            "signals": (signals, -1, self.n_signals),
            "modes": (zeros if modes is None else modes, 0, self.n_modes),
            "next_modes": (zeros if next_modes is None else next_modes, 0, self.n_modes),
        }
        a, z, y, y2 = (whole_numbers_within(name, given, len(b), low, high) for name, (given, low, high) in chosen.items())
        v = self.joint_many(b, a, z, y, y2)
        chance = v.sum(axis=1)
        lost = np.flatnonzero(chance <= IMPOSSIBLE)
        if len(lost):
            n = int(lost[0])
            raise ModelError(
                f"arm {n}: signal {z[n]} with next mode {y2[n]} cannot follow action {a[n]} in mode {y[n]} "
                f"from the belief {b[n]}"
            )
        return v / chance[:, np.newaxis]

    def joint_many(
        self,
        beliefs: NDArray[np.float64],
        actions: NDArray[np.int64],
        signals: NDArray[np.int64],
        modes: NDArray[np.int64],
        next_modes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Joint probability of each arm's next mode, signal and next state, shape ``(N, S)``; nothing is checked.

        The sum of a row is the chance of what was seen, 0 if it cannot be; arguments are as for :meth:`filter_many`.
        """
        return np.einsum("ns,nst->nt", beliefs, self._with_any[actions, modes, next_modes, signals])

    @cached_property
    def _with_any(self) -> NDArray[np.float64]:
        """The kernel with one more letter, also reached as -1: any signal."""
        return np.concatenate([self.kernel, self.kernel.sum(axis=3, keepdims=True)], axis=3)

    def stationary(self, action: int = 0) -> NDArray[np.float64]:
        """The law of the hidden state that ``action`` in every period keeps, shape ``(S,)``.

        With several recurrent classes, the one that is reached from the uniform law. With several modes, that of the hidden
        state alone, which needs moves of it that do not depend on the mode.

        Raises
        ------
        ModelError
            If there is no such action, or the moves of the hidden state depend on the mode.
        """
        self._check_choice("action", action, self.n_actions)
        moves = self.kernel[action].sum(axis=(1, 2))
        if np.abs(moves - moves[0]).max() > ROW_SUM_TOLERANCE:
            raise ModelError("the hidden state moves differently from mode to mode, so it has no law of its own; give a start")
        return long_run_law(moves[0])

    def _check_choice(self, name: str, value: int, size: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < size:
            raise ModelError(f"{name} must be a whole number from 0 to {size - 1}, got {value!r}")


def checked_kernel(
    kernel: ArrayLike, rewards: ArrayLike, allowed: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """The three arrays of a hidden arm, checked, completed and read-only.

    Raises
    ------
    ModelError
        If shapes disagree, a number is not finite, a probability is negative or the probabilities from a state do not sum to 1,
        naming the first offending action, mode and state.
    """
    k, r = float_array("kernel", kernel), float_array("rewards", rewards)
    if k.ndim != 6 or k.shape[1] != k.shape[2] or k.shape[4] != k.shape[5] or 0 in k.shape or k.shape[0] < 2:
        raise ModelError(f"the kernel must have shape (A, Y, Y, Z, S, S) with at least two actions, got {k.shape}")
    shape = (k.shape[0], k.shape[1], k.shape[4])
    if r.shape != shape:
        raise ModelError(f"rewards must have shape {shape} to match a kernel of shape {k.shape}, got {r.shape}")
    may = _checked_allowed(allowed, (shape[1], shape[0]))
    bad = np.argwhere(~np.isfinite(k) | (k < 0))
    if len(bad):
        a, y, y2, z, s, t = bad[0]
        raise ModelError(
            f"action {a}, mode {y}, state {s} moves to mode {y2}, state {t} with signal {z} with probability {k[tuple(bad[0])]}"
        )
    bad = np.argwhere(~np.isfinite(r))
    if len(bad):
        raise ModelError(f"rewards: action {bad[0][0]}, mode {bad[0][1]}, state {bad[0][2]} holds {r[tuple(bad[0])]}")
    sums = k.sum(axis=(2, 3, 5))
    off = np.argwhere(np.abs(sums - 1) > ROW_SUM_TOLERANCE)
    if len(off):
        a, y, s = off[0]
        raise ModelError(
            f"the probabilities from action {a}, mode {y}, state {s} sum to {sums[a, y, s]:.12g}, not 1; "
            "divide them by their sum if that is what you mean"
        )
    for y, a in np.argwhere(~may):
        k[a, y], r[a, y] = k[0, y], r[0, y]
    for array in (k, r, may):
        array.setflags(write=False)
    return k, r, may


def _checked_allowed(allowed: ArrayLike | None, shape: tuple[int, int]) -> NDArray[np.bool_]:
    if allowed is None:
        return np.ones(shape, dtype=np.bool_)
    may = np.array(allowed)
    if may.shape != shape or may.dtype != np.bool_:
        raise ModelError(f"allowed must be truth values of shape {shape}, (modes, actions), got {may.dtype}, {may.shape}")
    forbidden = np.flatnonzero(~may[:, 0])
    if len(forbidden):
        raise ModelError(f"waiting, action 0, is forbidden in mode {forbidden[0]}; it must always be allowed")
    return may

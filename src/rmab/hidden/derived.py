"""Arms made from other arms: signals that get lost, several slots per decision, times at which acting is impossible.

Each method takes the joint kernel ``K`` of :mod:`rmab.hidden.kernel` and makes another; the arm itself is left as it is.

* A signal that is lost with probability ``q[s]``: ``(1 - q) K``, and a further letter ``sum over z of q K[..., z]``.
* ``L`` hidden slots per decision, of which only the sum of the letters is seen: with ``M[z]`` the matrix of the letter ``z`` in
  one slot, the matrix of the sum ``c`` is the coefficient of ``x**c`` in ``(M[0] + x M[1] + ...)**L``, found by ``L`` products
  of polynomials in ``O(L**2 Z**2 S**3)`` operations. A threshold adds coefficients up; if only the last slot is seen, the
  others are plain moves. The rewards of the slots are added up with a discount per slot.
* A chain of modes that moves independently of the hidden state: ``Q[a, y, y'] K``. A countdown is such a chain.

The order matters where it should: slots first, then what may be lost of their sum, then modes.

Reference: the arms are those of Meshram, Manjunath and Gopalan, "On the Whittle index for restless multiarmed hidden Markov
bandits", IEEE Transactions on Automatic Control 63 (2018), and of their later work on lazy (cumulative feedback) and
constrained (random availability) arms.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.hidden.checks import checked_actions
from rmab.hidden.information import check_laws, compress
from rmab.hidden.kernel import HiddenKernel, checked_kernel
from rmab.models.arrays import float_array, whole_number


class SlotSignal(StrEnum):
    """What is seen of the letters of several slots."""

    SUM = "sum"
    THRESHOLD = "threshold"
    LAST = "last"


class DerivedArms(HiddenKernel):
    """A hidden arm that can be changed into others; see :class:`rmab.HiddenArms`."""

    def with_missing(self, chance: ArrayLike, *, actions: Iterable[int] | None = None) -> Self:
        """The arm whose signals get lost, and where it is seen that they did: signal ``Z`` then says so.

        Parameters
        ----------
        chance : float or array_like, shape (S,)
            Probability that the signal of a period is lost, given the hidden state at its start. If it depends on the state,
            the loss is itself a signal.
        actions : iterable of int, optional
            Actions whose signals get lost; default all but waiting.

        Raises
        ------
        ModelError
            If a chance is no probability, or ``actions`` is no list of actions that there are.

        Examples
        --------
        >>> from rmab.hidden.arms import HiddenArms
        >>> arm = HiddenArms.observed([np.eye(2), [[0.9, 0.1], [0.4, 0.6]]], np.zeros((2, 2))).with_missing([0.0, 0.5])
        >>> arm.filter([0.5, 0.5], action=1, signal=2)
        array([0.4, 0.6])
        """
        lost = float_array("chance", chance)
        if lost.shape not in ((), (self.n_states,)) or not ((lost >= 0) & (lost <= 1)).all():
            raise ModelError(f"chance must be a probability, or one for each of the {self.n_states} states, got {chance!r}")
        some = checked_actions("actions", range(1, self.n_actions) if actions is None else actions, self.n_actions)
        share = np.zeros((self.n_actions, self.n_states))
        share[some] = lost
        share = share[:, np.newaxis, np.newaxis, np.newaxis, :, np.newaxis]
        return self._changed(
            np.concatenate([(1.0 - share) * self.kernel, (share * self.kernel).sum(axis=3, keepdims=True)], axis=3),
            self.rewards,
            self.allowed,
        )

    def over_slots(
        self, slots: int, *, seen: str | SlotSignal = "sum", least: int | None = None, slot_discount: float = 1.0
    ) -> Self:
        """The arm that is decided on once in several slots: an action lasts for all of them.

        Parameters
        ----------
        slots : int
            Slots ``L`` per decision, at least 1.
        seen : str
            ``"sum"``: the sum of the letters of all slots, so the count of ones where letters are 0 and 1; ``L (Z - 1) + 1``
            signals. ``"threshold"``: whether that sum is at least ``least``. ``"last"``: the letter of the last slot.
        least : int, optional
            Threshold, for that.
        slot_discount : float
            Weight of one slot later within the reward of a decision. The discount of the criterion is per decision: to
            discount every slot alike, give the criterion this number to the power ``L``.

        Raises
        ------
        ModelError
            If an argument is out of range, or the arm has modes: those are added after the slots.

        Examples
        --------
        Four polls, of which the number that were answered is seen:

        >>> from rmab.hidden.arms import HiddenArms
        >>> moves, answer = [[0.7, 0.3], [0.2, 0.8]], [[0.8, 0.2], [0.1, 0.9]]
        >>> arm = HiddenArms([moves, moves], [[0, 0], [0.2, 0.9]], [[[1, 0], [1, 0]], answer]).over_slots(4)
        >>> arm.n_signals, arm.signal_law([0.4, 0.6], 1)[0].round(3).tolist()
        (5, [0.065, 0.16, 0.243, 0.291, 0.24])
        """
        what = self._checked_slots(slots, seen, least, slot_discount)
        letters, moves = self.kernel[:, 0, 0].swapaxes(0, 1), self.kernel[:, 0, 0].sum(axis=1)
        rewards, ahead = np.zeros_like(self.rewards[:, 0]), self.rewards[:, 0]
        sums = np.broadcast_to(np.eye(self.n_states), (1, *moves.shape))
        for slot in range(slots):
            last_only = what == SlotSignal.LAST and slot < slots - 1
            sums = _times(sums, moves[np.newaxis] if last_only else letters)
            rewards = rewards + slot_discount**slot * ahead
            ahead = np.einsum("ast,at->as", moves, ahead)
        if what == SlotSignal.THRESHOLD:
            sums = np.stack([sums[:least].sum(axis=0), sums[least:].sum(axis=0)])
        return self._changed(sums.swapaxes(0, 1)[:, np.newaxis, np.newaxis], rewards[:, np.newaxis], self.allowed)

    def with_availability(self, chain: ArrayLike, available: ArrayLike) -> Self:
        """The arm that may be acted on only in some modes, where the mode is seen and moves independently of the state.

        Parameters
        ----------
        chain : array_like, shape (Y', Y') or (A, Y', Y')
            ``chain[a, y, y']``: probability that mode ``y`` is followed by ``y'`` under action ``a``.
        available : array_like of bool, shape (Y',)
            Whether the arm may be acted on in the mode.

        Returns
        -------
        HiddenArms
            With ``Y * Y'`` modes: mode ``y`` of this arm and ``y'`` of the chain make the mode ``y * Y' + y'``.

        Raises
        ------
        ModelError
            If the shapes disagree or a row of the chain is no law.

        Examples
        --------
        A source that is away with probability 0.4, whatever was before:

        >>> from rmab.hidden.arms import HiddenArms
        >>> source = HiddenArms.observed([np.eye(2)] * 2, [[0, 0], [0, 1]])
        >>> source.with_availability([[0.4, 0.6], [0.4, 0.6]], [False, True]).allowed.tolist()
        [[True, False], [True, True]]
        """
        q, may = float_array("chain", chain), np.asarray(available)
        q = np.broadcast_to(q, (self.n_actions, *q.shape)) if q.ndim == 2 else q
        if q.ndim != 3 or q.shape[0] != self.n_actions or q.shape[1] != q.shape[2] or 0 in q.shape:
            raise ModelError(f"the chain must have shape (Y, Y) or ({self.n_actions}, Y, Y), got {q.shape}")
        if may.shape != q.shape[1:2] or may.dtype != np.bool_:
            raise ModelError(f"available must be {q.shape[1]} truth values, one per mode of the chain, got {available!r}")
        check_laws("chain", q, ["action", "mode"])
        a, y, _, z, s, _ = self.kernel.shape
        modes = y * len(may)
        kernel = np.einsum("apqzst,aij->apiqjzst", self.kernel, q).reshape(a, modes, modes, z, s, s)
        allowed = self.allowed[:, np.newaxis] & (may[:, np.newaxis] | (np.arange(a) == 0))
        return self._changed(kernel, np.repeat(self.rewards, len(may), axis=1), allowed.reshape(modes, a))

    def with_countdown(self, slots: int) -> Self:
        """The arm that cannot be acted on for ``slots`` periods after it was.

        The mode is the number of periods left, 0 to ``slots``; only in mode 0 may the arm be acted on.

        Raises
        ------
        ModelError
            If ``slots`` is no whole number from 1 on.

        Examples
        --------
        >>> from rmab.hidden.arms import HiddenArms
        >>> arm = HiddenArms.observed([np.eye(2)] * 2, [[0, 0], [0, 1]]).with_countdown(2)
        >>> [int(arm.signal_law([1.0, 0.0], 1, mode=mode)[:, 0].argmax()) for mode in range(3)]
        [2, 0, 1]
        """
        whole_number("slots", slots, 1)
        chain = np.zeros((self.n_actions, slots + 1, slots + 1))
        chain[:, np.arange(1, slots + 1), np.arange(slots)] = 1.0
        chain[0, 0, 0] = chain[1:, 0, slots] = 1.0
        return self.with_availability(chain, np.arange(slots + 1) == 0)

    def compressed(self) -> Self:
        """The arm with as few signals as say the same; :func:`~rmab.hidden.information.compress` tells which became which.

        Examples
        --------
        Errors that do not depend on the state make the observation worthless:

        >>> from rmab.hidden.arms import HiddenArms
        >>> HiddenArms.from_observations([[0.7, 0.3], [0.2, 0.8]], [[0.3, 0.7]] * 2, [[0, 1]] * 2).compressed()
        HiddenArms(2 hidden states, 2 actions, 1 signals)
        """
        return self._changed(compress(self.kernel)[0], self.rewards, self.allowed)

    def _changed(self, kernel: NDArray[np.float64], rewards: NDArray[np.float64], allowed: NDArray[np.bool_]) -> Self:
        arm = type(self).__new__(type(self))
        for name, value in zip(("kernel", "rewards", "allowed"), checked_kernel(kernel, rewards, allowed), strict=True):
            object.__setattr__(arm, name, value)
        return arm

    def _checked_slots(self, slots: int, seen: str, least: int | None, slot_discount: float) -> SlotSignal:
        whole_number("slots", slots, 1)
        if self.n_modes > 1:
            raise ModelError("slots are within a period, but this arm has modes from period to period; add the modes last")
        if seen not in tuple(SlotSignal):
            raise ModelError(f"seen must be one of {', '.join(map(repr, map(str, SlotSignal)))}, got {seen!r}")
        if (seen == SlotSignal.THRESHOLD) != (least is not None):
            raise ModelError(f'least goes with seen="threshold" and only with that, got seen={str(seen)!r} and least={least!r}')
        most = slots * (self.n_signals - 1)
        if least is not None and (not isinstance(least, int | np.integer) or not 1 <= least <= most):
            raise ModelError(f"least must be a whole number from 1 to {most}, the largest sum, got {least!r}")
        if not isinstance(slot_discount, int | float | np.number) or not 0 < slot_discount <= 1:
            raise ModelError(f"slot_discount must be above 0 and at most 1, got {slot_discount!r}")
        return SlotSignal(seen)


def _times(sums: NDArray[np.float64], letters: NDArray[np.float64]) -> NDArray[np.float64]:
    """The product of two polynomials in ``x`` with matrices as coefficients, each of shape ``(C, A, S, S)``."""
    product = np.zeros((len(sums) + len(letters) - 1, *sums.shape[1:]))
    for z, letter in enumerate(letters):
        product[z : z + len(sums)] += sums @ letter
    return product

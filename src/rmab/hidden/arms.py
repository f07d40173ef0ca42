"""Arms whose state is not seen.

See :mod:`rmab.hidden.kernel` for the joint kernel that expresses every information structure,
:mod:`rmab.hidden.information` for the letters of what is seen, :mod:`rmab.hidden.derived` for arms made from others, and
:mod:`rmab.hidden.reachable` for the ordinary arm that the reachable beliefs make.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from rmab.errors import ModelError
from rmab.hidden.checks import checked_actions
from rmab.hidden.closure import Closure
from rmab.hidden.derived import DerivedArms
from rmab.hidden.information import Seen, check_laws, letters, signal_law, stacked
from rmab.hidden.kernel import checked_kernel
from rmab.hidden.reachable import reachable, reachable_by_weight
from rmab.hidden.space import BeliefSpace
from rmab.models.arrays import float_array


class HiddenArms(DerivedArms):
    """One type of arm whose hidden state is known only through signals.

    Parameters
    ----------
    transitions : array_like, shape (A, S, S)
        ``transitions[a, s, t]``: probability of moving from hidden state ``s`` to ``t`` under action ``a``; action 0 waits.
    rewards : array_like, shape (A, S)
        Expected reward of one period, given the hidden state at its start.
    signals : array_like, shape (A, S, Z)
        ``signals[a, s, z]``: probability of signal ``z``. An action that shows nothing has one sure letter.
    timing : str
        ``"before"``: the signal tells of the state that was acted in. ``"after"``: of the state that is moved to, the usual
        convention of partially observed decision processes.

    Raises
    ------
    ModelError
        If shapes disagree, a number is not finite, a probability is negative or a row does not sum to 1. The message names
        the first offending action and state.

    Examples
    --------
    A channel is busy or idle; sensing it is right nine times out of ten, and waiting shows nothing:

    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> channel.filter([0.4, 0.6], action=1, signal=1).round(4)
    array([0.2345, 0.7655])
    >>> space = channel.reachable([0.4, 0.6], depth=6, merge=0.01)
    >>> space.arms
    Arms(1 arms of 1 types, 2 actions, 43 states)
    """

    def __init__(self, transitions: ArrayLike, rewards: ArrayLike, signals: ArrayLike, *, timing: str = "before") -> None:
        p, r, law = (float_array(n, v) for n, v in (("transitions", transitions), ("rewards", rewards), ("signals", signals)))
        _check_shapes(p.shape, r.shape, law.shape)
        check_laws("transitions", p, ["action", "state"])
        check_laws("signals", law, ["action", "state"])
        if timing == "before":
            kernel = np.einsum("asz,ast->azst", law, p)
        elif timing == "after":
            kernel = np.einsum("ast,atz->azst", p, law)
        else:
            raise ModelError(f'timing must be "before" or "after" the move, got {timing!r}')
        self._set(kernel[:, np.newaxis, np.newaxis], r[:, np.newaxis], None)

    @classmethod
    def from_kernel(cls, kernel: ArrayLike, rewards: ArrayLike, *, allowed: ArrayLike | None = None) -> HiddenArms:
        """An arm from its joint kernel, which expresses every information structure.

        Parameters
        ----------
        kernel : array_like, shape (A, Y, Y, Z, S, S)
            ``kernel[a, y, y', z, s, t]``: probability of moving from mode ``y`` and hidden state ``s`` to ``y'`` and ``t``
            while signal ``z`` is seen. The mode is always seen.
        rewards : array_like, shape (A, Y, S)
            Expected reward of one period, given mode and hidden state at its start.
        allowed : array_like of bool, shape (Y, A), optional
            Whether an action may be chosen in a mode; default everywhere. Waiting must be.

        Raises
        ------
        ModelError
            As in the constructor.

        Examples
        --------
        >>> arm = HiddenArms([np.eye(2)] * 2, [[0, 0], [0, 1]], [np.eye(2)] * 2)
        >>> HiddenArms.from_kernel(arm.kernel, arm.rewards).n_signals
        2
        """
        arm = cls.__new__(cls)
        arm._set(kernel, rewards, allowed)
        return arm

    @classmethod
    def from_observations(
        cls,
        transitions: ArrayLike,
        errors: ArrayLike,
        rewards: ArrayLike,
        *,
        seen: str | Seen = "observation",
        feedback: ArrayLike | None = None,
        passive_rewards: ArrayLike | None = None,
        passive_signals: ArrayLike | None = None,
    ) -> HiddenArms:
        """A two-action arm that is observed with errors when acted on, and pays by state and observation.

        Parameters
        ----------
        transitions : array_like, shape (S, S) or (2, S, S)
            Moves of the hidden state, the same under both actions or one matrix for each.
        errors : array_like, shape (S, O)
            Probability of each observation in each state.
        rewards : array_like, shape (S, O)
            What acting pays, by state and observation.
        seen : str
            What is seen of it: ``"observation"``, ``"observation and feedback"``, ``"reward"``, ``"observation and reward"``,
            ``"nothing"`` or ``"state"``. The signals are numbered in this order of what is seen:
            :func:`rmab.hidden.information.letters` tells which is which.
        feedback : array_like, shape (S, O), optional
            Label of each pair of state and observation, such as whether it is acknowledged; only for what sees it.
        passive_rewards : array_like, shape (S,), optional
            Reward of waiting; default nothing.
        passive_signals : array_like, shape (S, Z), optional
            Probability of each signal while waiting; by default nothing is seen.

        Raises
        ------
        ModelError
            If shapes disagree, a row is no law, or there is feedback that is not seen.

        Examples
        --------
        >>> acknowledged = [[0, 0], [0, 1]]
        >>> channel = HiddenArms.from_observations(
        ...     [[0.7, 0.3], [0.2, 0.8]], [[0.9, 0.1], [0.1, 0.9]], acknowledged,
        ...     seen="observation and feedback", feedback=acknowledged,
        ... )
        >>> channel.rewards[1, 0], channel.filter([0.4, 0.6], action=1, signal=2)
        (array([0. , 0.9]), array([0.2, 0.8]))
        """
        e, b = float_array("errors", errors), float_array("rewards", rewards)
        if e.ndim != 2 or b.shape != e.shape:
            raise ModelError(f"errors and rewards must have one shape (S, O), got {e.shape} and {b.shape}")
        law = signal_law(e, letters((e.shape[0], e.shape[1]), seen, rewards=b, feedback=feedback))
        waiting = np.ones((len(e), 1)) if passive_signals is None else float_array("passive_signals", passive_signals)
        idle = np.zeros(len(e)) if passive_rewards is None else float_array("passive_rewards", passive_rewards)
        if waiting.ndim != 2 or len(waiting) != len(e) or idle.shape != (len(e),):
            raise ModelError(
                f"passive_signals and passive_rewards must have {len(e)} rows, one per state, "
                f"got shapes {waiting.shape} and {idle.shape}"
            )
        p = float_array("transitions", transitions)
        return cls(np.stack([p, p]) if p.ndim == 2 else p, [idle, (e * b).sum(axis=1)], stacked([waiting, law]))

    @classmethod
    def observed(
        cls, transitions: ArrayLike, rewards: ArrayLike, *, timing: str = "after", blind: Iterable[int] = ()
    ) -> HiddenArms:
        """An arm whose state is seen without errors.

        Parameters
        ----------
        transitions : array_like, shape (A, S, S)
            Moves of the state.
        rewards : array_like, shape (A, S)
            Expected reward of one period.
        timing : str
            ``"after"``: the state that is reached is seen, as in an ordinary Markov decision process. ``"before"``: the state
            that was acted in, which then moves unseen.
        blind : iterable of int
            Actions under which nothing is seen, such as waiting.

        Raises
        ------
        ModelError
            As in the constructor, or if ``blind`` is no list of actions that there are.

        Examples
        --------
        A patient whose state is learned by calling, and who is left alone otherwise:

        >>> moves = [[[0.7, 0.3], [0.2, 0.8]], [[0.6, 0.4], [0.1, 0.9]]]
        >>> patient = HiddenArms.observed(moves, [[0, 1], [0, 1]], timing="before", blind=[0])
        >>> patient.filter([0.5, 0.5], action=1, signal=0)
        array([0.6, 0.4])
        """
        p = float_array("transitions", transitions)
        if p.ndim != 3:
            raise ModelError(f"transitions must have shape (A, S, S), got {p.shape}")
        law = np.broadcast_to(np.eye(p.shape[1]), (p.shape[0], p.shape[1], p.shape[1])).copy()
        for action in checked_actions("blind", blind, len(p)):
            law[action] = np.eye(p.shape[1])[0]
        return cls(p, rewards, law, timing=timing)

    @classmethod
    def restart(cls, transitions: ArrayLike, after: ArrayLike, rewards: ArrayLike) -> HiddenArms:
        """A two-action arm that acting brings to one law, whatever its state was; nothing is seen.

        Parameters
        ----------
        transitions : array_like, shape (S, S)
            Moves while waiting.
        after : array_like, shape (S,)
            Law of the state after acting.
        rewards : array_like, shape (2, S)
            Expected reward of one period; row 0 while waiting.

        Raises
        ------
        ModelError
            As in the constructor.

        Examples
        --------
        >>> machine = HiddenArms.restart([[0.9, 0.1], [0.0, 1.0]], [1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]])
        >>> machine.filter([0.3, 0.7], action=1, signal=0)
        array([1., 0.])
        """
        p, q = float_array("transitions", transitions), float_array("after", after)
        if p.ndim != 2 or q.shape != p.shape[1:]:
            raise ModelError(f"a restart needs transitions of shape (S, S) and a law of shape (S,), got {p.shape}, {q.shape}")
        return cls(np.stack([p, np.broadcast_to(q, p.shape)]), rewards, np.ones((2, len(p), 1)))

    @classmethod
    def rested(cls, transitions: ArrayLike, rewards: ArrayLike, signals: ArrayLike, *, timing: str = "before") -> HiddenArms:
        """A two-action arm that stands still, pays nothing and shows nothing unless acted on.

        Parameters
        ----------
        transitions : array_like, shape (S, S)
            Moves when acted on.
        rewards : array_like, shape (S,)
            What it pays then.
        signals : array_like, shape (S, Z)
            Probability of each signal then.
        timing : str
            As in the constructor.

        Raises
        ------
        ModelError
            As in the constructor.

        Examples
        --------
        >>> arm = HiddenArms.rested([[0.9, 0.1], [0.4, 0.6]], [0.2, 0.9], [[0.8, 0.2], [0.1, 0.9]])
        >>> arm.filter([0.3, 0.7], action=0, signal=0)
        array([0.3, 0.7])
        """
        p, r, law = (float_array(n, v) for n, v in (("transitions", transitions), ("rewards", rewards), ("signals", signals)))
        if p.ndim != 2 or r.shape != p.shape[:1] or law.ndim != 2 or len(law) != len(p):
            raise ModelError(
                "a rested arm needs transitions of shape (S, S), rewards of shape (S,) and signals of shape (S, Z), "
                f"got {p.shape}, {r.shape} and {law.shape}"
            )
        still = np.stack([np.eye(len(p)), p])
        return cls(still, [np.zeros_like(r), r], stacked([np.ones((len(p), 1)), law]), timing=timing)

    def reachable(
        self,
        start: ArrayLike,
        *,
        depth: int,
        merge: float,
        closure: Closure | str | None = None,
        modes: ArrayLike | None = None,
        same_generation: bool = True,
        most: int = 200_000,
    ) -> BeliefSpace:
        """The beliefs that can be reached within ``depth`` periods, near ones merged, closed into an ordinary arm.

        Parameters
        ----------
        start : array_like, shape (S,) or (m, S)
            Belief, or beliefs, at the start.
        depth : int
            Periods to grow for.
        merge : float
            A belief is left out when one that was kept lies within this Euclidean distance (strictly below it). At 0 every
            belief is kept, repeats included.
        closure : str, optional
            What stands for a belief that is no node: ``"linear"`` (the default up to four states) interpolates between nodes
            and keeps the mean, so that values are upper bounds; ``"nearest"`` takes the nearest node; ``"freudenthal"``
            interpolates on a regular lattice of spacing ``merge``.
        modes : array_like of int, shape (m,), optional
            Modes of the starts; default 0.
        same_generation : bool
            Whether a belief is also compared with those of its own generation, or with earlier ones only.
        most : int
            Beliefs to stop at, with an error.

        Returns
        -------
        BeliefSpace

        Raises
        ------
        ModelError
            If an argument is out of range or a start is no law over the states.
        TooManyBeliefs
            If more than ``most`` beliefs are found.

        Examples
        --------
        >>> moves = [[0.7, 0.3], [0.2, 0.8]]
        >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
        >>> channel.reachable([0.4, 0.6], depth=20, merge=0.05, closure="nearest")
        BeliefSpace(10 beliefs and 0 nodes of the nearest closure, merged within 0.05, closed)
        """
        return reachable(
            self, start, depth=depth, merge=merge, closure=closure, modes=modes, same_generation=same_generation, most=most
        )

    def reachable_by_weight(
        self,
        start: ArrayLike,
        *,
        size: int,
        discount: float = 0.9,
        activity: float = 0.5,
        closure: Closure | str | None = None,
        modes: ArrayLike | None = None,
    ) -> BeliefSpace:
        """As many beliefs as asked for, those first that are reached most and lie farthest from the others.

        Parameters
        ----------
        start, closure, modes
            As for :meth:`reachable`.
        size : int
            Number of beliefs, fewer when no more can be reached.
        discount : float
            Weight of reaching a belief one period later.
        activity : float
            Share of periods in which the arm is taken to be acted on.

        Returns
        -------
        BeliefSpace
            Its ``merge`` is the smallest distance between two of its beliefs.

        Raises
        ------
        ModelError
            If an argument is out of range or a start is no law over the states.

        Examples
        --------
        >>> moves = [[0.7, 0.3], [0.2, 0.8]]
        >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
        >>> len(channel.reachable_by_weight([0.4, 0.6], size=25).beliefs)
        25
        """
        return reachable_by_weight(self, start, size=size, discount=discount, activity=activity, closure=closure, modes=modes)

    def _set(self, kernel: ArrayLike, rewards: ArrayLike, allowed: ArrayLike | None) -> None:
        for name, value in zip(("kernel", "rewards", "allowed"), checked_kernel(kernel, rewards, allowed), strict=True):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        modes = "" if self.n_modes == 1 else f"{self.n_modes} modes, "
        return f"HiddenArms({self.n_states} hidden states, {modes}{self.n_actions} actions, {self.n_signals} signals)"


def _check_shapes(p: tuple[int, ...], r: tuple[int, ...], law: tuple[int, ...]) -> None:
    if len(p) != 3 or p[1] != p[2] or 0 in p:
        raise ModelError(f"transitions must have shape (A, S, S), got {p}")
    if p[0] < 2:
        raise ModelError("an arm needs at least two actions; action 0 is passive")
    if r != p[:2]:
        raise ModelError(f"rewards must have shape {p[:2]} to match transitions of shape {p}, got {r}")
    if len(law) != 3 or law[:2] != p[:2] or law[2] == 0:
        raise ModelError(
            f"signals must have shape {p[:2]} and one axis of signals to match transitions of shape {p}, got {law}"
        )

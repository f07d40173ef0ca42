"""What is believed of every arm of a cohort, kept from period to period by a service.

After each period the tracker is told what was done and seen, and replaces every belief ``b`` by the exact one,
``v / sum(v)`` with ``v = b @ kernel[a, y, y', z]`` (:mod:`rmab.hidden.kernel`). Where no signal came, that is either a letter
of its own, ``missing``, or says nothing: then all signals are possible and the arm just moves.

A signal may also come late. The tracker keeps the beliefs of ``wait`` periods ago and all that was done and seen since. When a
late signal arrives, it is put in its place and that arm is filtered again from there. So the belief is always the exact one
given all that has arrived, in whatever order it did. What is older than ``wait`` periods is settled and stays as it is.

A tracker can be stored in a file and restored, bit for bit. The file knows the digest of the arms' kernels, and is refused when
the arms are others: their beliefs would mean something else.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab import __version__
from rmab._kernels.belief_tree import IMPOSSIBLE
from rmab.errors import ModelError, StoreError
from rmab.hidden.checks import whole_numbers
from rmab.hidden.problem import HiddenProblem, check_hidden_problem
from rmab.models.saved_file import digest, read_file, write_file

SCHEMA = 1
KIND = "belief tracker"


class BeliefTracker:
    """The beliefs of all arms of a problem, kept up with what is done and seen.

    Parameters
    ----------
    problem : HiddenProblem
        The cohort: types, multiplicities and starts. Arms are numbered type by type.
    missing : int or sequence of K (int or None), optional
        The letter that means "no signal came", for all types or type by type; see :meth:`rmab.HiddenArms.with_missing`.
        Default: there is none, and no signal says nothing about the state.
    wait : int
        Periods for which a signal that did not come may still arrive.

    Raises
    ------
    ModelError
        If ``problem`` is something else, there is no such letter, or ``wait`` is no whole number from 0 on.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> patients = HiddenArms.observed([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0, 1]] * 2, timing="before", blind=[0])
    >>> problem = HiddenProblem(patients, TopK(1), Average(), multiplicity=[3], start=[0.5, 0.5])
    >>> tracker = BeliefTracker(problem, wait=7)
    >>> tracker.update(actions=[1, 1, 0], signals=[1, -1, 0])  # the first answered; the second's answer has not come
    >>> tracker.update(actions=[0, 0, 0], signals=[0, 0, 0])
    >>> tracker.arrived(arm=1, period=0, signal=0)
    >>> tracker.beliefs
    array([[0.3  , 0.7  ],
           [0.55 , 0.45 ],
           [0.425, 0.575]])
    """

    def __init__(self, problem: HiddenProblem, *, missing: int | Sequence[int | None] | None = None, wait: int = 0) -> None:
        check_hidden_problem(problem)
        if not isinstance(wait, int | np.integer) or isinstance(wait, bool) or wait < 0:
            raise ModelError(f"wait must be a whole number of periods from 0 on, got {wait!r}")
        self.problem = problem
        self.wait = int(wait)
        self.period = 0
        self._types = problem.type_of_arm
        self._missing = _missing_letters(problem, missing)
        padded = np.zeros((problem.n_types, problem.n_states))
        for row, law in zip(padded, problem.start, strict=True):
            row[: len(law)] = law
        self._beliefs, self._modes = padded[self._types], problem.start_modes[self._types]
        # before the oldest period that may still change, and what was done and seen since: actions, signals, next modes
        self._settled = (self._beliefs, self._modes)
        self._since: deque[NDArray[np.int64]] = deque()

    @property
    def beliefs(self) -> NDArray[np.float64]:
        """The belief of every arm, shape ``(N, S)``; a copy. Types with fewer states have zeros at the end."""
        return self._beliefs.copy()

    @property
    def modes(self) -> NDArray[np.int64]:
        """The mode of every arm, shape ``(N,)``; a copy."""
        return self._modes.copy()

    def __repr__(self) -> str:
        late = f", waits {self.wait} periods for late signals" if self.wait else ""
        return f"BeliefTracker({self.problem.n_arms} arms of {self.problem.n_types} types after {self.period} periods{late})"

    def update(self, actions: ArrayLike, signals: ArrayLike, modes: ArrayLike | None = None) -> None:
        """Take note of one period of the whole cohort.

        Parameters
        ----------
        actions : array_like of int, shape (N,)
            What was done with each arm.
        signals : array_like of int, shape (N,)
            What was seen of each arm; -1 where no signal came.
        modes : array_like of int, shape (N,), optional
            The mode of each arm after the period; needed when arms have modes.

        Raises
        ------
        ModelError
            If a number is out of range, or an arm shows what it cannot show, naming the arm, the signal and the period. The
            tracker then stays as it was.
        """
        if modes is None and any(arm.n_modes > 1 for arm in self.problem.arms):
            raise ModelError("these arms have modes, which are seen; give the mode of each arm after the period")
        arms, then = self.problem.arms, np.zeros_like(self._types) if modes is None else modes
        seen = np.stack(
            [
                self._whole("actions", actions, 0, [arm.n_actions for arm in arms]),
                self._whole("signals", signals, -1, [arm.n_signals for arm in arms]),
                self._whole("modes", then, 0, [arm.n_modes for arm in arms]),
            ]
        )
        everyone = np.arange(self.problem.n_arms)
        beliefs = self._after(everyone, self._beliefs, self._modes, seen, self.period)
        if self.wait and len(self._since) == self.wait:
            oldest = self._since.popleft()
            self._settled = (self._after(everyone, *self._settled, oldest, self.period - self.wait), oldest[2])
        if self.wait:
            self._since.append(seen)
        self._beliefs, self._modes = beliefs, seen[2]
        self.period += 1

    def arrived(self, arm: int, period: int, signal: int) -> None:
        """Take note of a signal that came late.

        Parameters
        ----------
        arm : int
            Whose signal it is.
        period : int
            The period that it tells of; the first :meth:`update` was of period 0.
        signal : int
            What it says.

        Raises
        ------
        ModelError
            If there is no such arm, the period is to come or older than ``wait``, its signal has come before, or it cannot be
            together with what was seen since. The tracker then stays as it was.
        """
        _check_range("arm", arm, 0, self.problem.n_arms - 1)
        first = self.period - len(self._since)
        if not self._since or not isinstance(period, int | np.integer) or not first <= period < self.period:
            kept = f"periods {first} to {self.period - 1} are kept" if self._since else "no period is kept"
            raise ModelError(
                f"arm {arm}, period {period!r}: the signal cannot be placed, {kept}; give the tracker a longer wait"
            )
        _check_range(f"the signal of arm {arm}", signal, 0, self.problem.arms[self._types[arm]].n_signals - 1)
        before = int(self._since[period - first][1, arm])
        if before >= 0:
            raise ModelError(f"arm {arm} has signal {before} in period {period} already; a signal comes once")
        one = np.array([arm])
        belief, mode = self._settled[0][one], self._settled[1][one]
        for at, seen in enumerate(self._since, start=first):
            now = seen[:, one].copy()
            if at == period:
                now[1] = signal
            belief, mode = self._after(one, belief, mode, now, at), now[2]
        self._since[period - first][1, arm] = signal
        self._beliefs[arm] = belief[0]

    def store(self, path: str | os.PathLike[str]) -> None:
        """Write the tracker to a file; an existing one is replaced in one step.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        header = {
            "schema": SCHEMA,
            "kind": KIND,
            "package_version": __version__,
            "cohort": _cohort(self.problem),
            "missing": self._missing.tolist(),
            "wait": self.wait,
            "period": self.period,
        }
        arrays = {
            "beliefs": self._beliefs,
            "modes": self._modes,
            "settled_beliefs": self._settled[0],
            "settled_modes": self._settled[1],
            "since": np.array(self._since, dtype=np.int64).reshape(-1, 3, self.problem.n_arms),
        }
        write_file(path, header, arrays)

    @classmethod
    def restore(cls, path: str | os.PathLike[str], problem: HiddenProblem) -> BeliefTracker:
        """The tracker in a file that :meth:`store` wrote, bit for bit.

        Parameters
        ----------
        path : path-like
            The file.
        problem : HiddenProblem
            The problem whose arms it tracks. Rewards, budget and criterion may differ, kernels and multiplicities must not.

        Raises
        ------
        StoreError
            If the file is missing, damaged, of another kind or a newer schema, or tracks other arms.
        """
        check_hidden_problem(problem)
        header, arrays = read_file(path, schema=SCHEMA, writer="BeliefTracker.store")
        if header.get("kind") != KIND:
            raise StoreError(f"{path}: holds no belief tracker but {header.get('kind')!r}; load it with rmab.load")
        if header.get("cohort") != _cohort(problem):
            raise StoreError(f"{path}: tracks other arms, kernels or multiplicities differ; give the problem it was made for")
        try:
            return cls._put_together(problem, header, arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{path}: the content makes no belief tracker ({error}); store it again") from None

    @classmethod
    def _put_together(cls, problem: HiddenProblem, header: dict[str, Any], arrays: dict[str, NDArray]) -> BeliefTracker:
        letters = [None if letter < 0 else letter for letter in header["missing"]]
        tracker = cls(problem, missing=letters, wait=header["wait"])
        tracker.period = int(header["period"])
        tracker._beliefs, tracker._modes = arrays["beliefs"], arrays["modes"]
        tracker._settled = (arrays["settled_beliefs"], arrays["settled_modes"])
        tracker._since = deque(arrays["since"])
        return tracker

    def _after(
        self,
        arms: NDArray[np.int64],
        beliefs: NDArray[np.float64],
        modes: NDArray[np.int64],
        seen: NDArray[np.int64],
        period: int,
    ) -> NDArray[np.float64]:
        """The beliefs of some arms after a period of which ``(actions, signals, next modes)`` was seen."""
        actions, signals, next_modes = seen
        letters = np.where(signals < 0, self._missing[self._types[arms]], signals)
        after = np.zeros_like(beliefs)
        for k in np.unique(self._types[arms]):
            of = np.flatnonzero(self._types[arms] == k)
            size = self.problem.arms[k].n_states
            joint = self.problem.arms[k].joint_many(beliefs[of, :size], actions[of], letters[of], modes[of], next_modes[of])
            chance = joint.sum(axis=1)
            lost = of[chance <= IMPOSSIBLE]
            if len(lost):
                n = int(lost[0])
                raise ModelError(
                    f"arm {arms[n]} cannot show signal {signals[n]} with next mode {next_modes[n]} after action {actions[n]} "
                    f"in mode {modes[n]} of period {period}, from the belief {beliefs[n, :size]}; check the signal"
                )
            after[of, :size] = joint / chance[:, np.newaxis]
        return after

    def _whole(self, name: str, given: ArrayLike, low: int, sizes: list[int]) -> NDArray[np.int64]:
        hint = "; write -1 where no signal came" if name == "signals" else ""
        values = whole_numbers(name, given, self.problem.n_arms, "arm", hint)
        most = np.array(sizes)[self._types] - 1
        outside = np.flatnonzero((values < low) | (values > most))
        if len(outside):
            n = outside[0]
            raise ModelError(f"{name}: arm {n} has {values[n]}, but they run from {low} to {most[n]}")
        return values.astype(np.int64)


def _missing_letters(problem: HiddenProblem, missing: int | Sequence[int | None] | None) -> NDArray[np.int64]:
    """The letter of each type that means that no signal came, -1 for none."""
    each = list(missing) if isinstance(missing, Sequence) else [missing] * problem.n_types
    if len(each) != problem.n_types:
        raise ModelError(f"missing must be one letter, or {problem.n_types} of them, one per type, got {len(each)}")
    for k, letter in enumerate(each):
        if letter is not None:
            _check_range(f"missing: the letter of type {k}", letter, 0, problem.arms[k].n_signals - 1)
    return np.array([-1 if letter is None else letter for letter in each], dtype=np.int64)


def _check_range(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise ModelError(f"{name} must be a whole number from {low} to {high}, got {value!r}")


def _cohort(problem: HiddenProblem) -> str:
    """The digest of what beliefs depend on: the kernels, type by type, and how many arms have them."""
    kernels = {f"kernel of type {k}": arm.kernel for k, arm in enumerate(problem.arms)}
    return digest({}, {**kernels, "multiplicity": problem.multiplicity})

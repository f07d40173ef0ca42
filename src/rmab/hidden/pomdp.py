"""Hidden arms as ``.pomdp`` files, for solvers outside of this library.

The format is A. R. Cassandra's (https://www.pomdp.org/code/pomdp-file-spec.html), which SARSOP, pomdp-solve and others read. In
it a period goes: in state ``x`` under action ``a`` the reward ``R(a, x)`` is paid, the state moves to ``x'`` with probability
``T(a, x, x')``, and an observation ``o`` comes with probability ``O(a, x', o)`` from the state that is **reached**.

An arm's joint kernel ``K[a, y, y', z, s, t]`` may tell of the state that was left, so it need not have that form. With the
pairs of mode and hidden state as states and those of next mode and signal as observations:

1. ``T`` is the sum of ``K`` over signals. If the share of each signal in it is the same from whatever state the next one was
   reached, as it is for signals after the move, that share is ``O`` and the file is as small as it can be.
2. Otherwise the signal becomes part of the state: from ``(y, s)`` with any last signal the arm moves to ``(y', t)`` with last
   signal ``z`` with probability ``K[a, y, y', z, s, t]``, and the observation is ``(y', z)``, for sure. That is exact for every
   kernel, at ``Z`` times as many states.

A charge per activation is subtracted from the rewards of all actions but waiting, so the value of the file is that of the arm
under this charge. Where an action is not allowed it does and pays what waiting does, free of charge, so nothing is won by it.
Values of outside solvers are plain discounted sums: multiply by one minus the discount to compare with values per period.

States are named ``s2``, ``s2-z1`` or, with modes, ``y0-s2-z1``; actions ``a0`` (waiting), ``a1``, ...; observations ``z1`` or
``y0-z1``. Numbers are written with all their digits.
"""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.hidden.checks import checked_belief, finite_number
from rmab.hidden.kernel import HiddenKernel
from rmab.models.criterion import Discounted
from rmab.models.saved_file import replace_file

SAME = 1e-12


def write_pomdp(
    path: str | os.PathLike[str],
    hidden: HiddenKernel,
    *,
    discount: float,
    charge: float = 0.0,
    start: ArrayLike | None = None,
    mode: int = 0,
) -> None:
    """Write one hidden arm under a charge as a ``.pomdp`` file.

    Parameters
    ----------
    path : path-like
        The file; an existing one is replaced in one step.
    hidden : HiddenArms
        The arm.
    discount : float
        Weight of one period later, between 0 and 1.
    charge : float
        What an activation costs, in the unit of the rewards; negative is a subsidy.
    start : array_like, shape (S,), optional
        Belief at the start. Default: the law that waiting keeps.
    mode : int
        Mode at the start.

    Raises
    ------
    ModelError
        If an argument is of the wrong kind or out of range.
    StoreError
        If the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from rmab.hidden.arms import HiddenArms
    >>> arm = HiddenArms.observed([[[0.9, 0.1], [0.5, 0.5]]] * 2, [[0, 0], [0, 1]], blind=[0])
    >>> with TemporaryDirectory() as folder:
    ...     write_pomdp(Path(folder) / "arm.pomdp", arm, discount=0.95, charge=0.25)
    ...     print((Path(folder) / "arm.pomdp").read_text())
    # one hidden arm; 2 states, 1 modes, 2 signals; charge 0.25 per activation
    discount: 0.95
    values: reward
    states: s0 s1
    actions: a0 a1
    observations: z0 z1
    start: 0.83333... 0.16666...
    T: a0 : s0 : s0 0.9
    T: a0 : s0 : s1 0.1
    ...
    O: a1 : s1 : z1 1.0
    R: a1 : s0 : * : * -0.25
    R: a1 : s1 : * : * 0.75
    <BLANKLINE>
    """
    if not isinstance(hidden, HiddenKernel):
        raise ModelError(f"only a HiddenArms can be written as a .pomdp file, got {type(hidden).__name__}")
    beta = Discounted(discount).beta
    charge = finite_number("charge", charge)
    if isinstance(mode, bool) or not isinstance(mode, int | np.integer) or not 0 <= mode < hidden.n_modes:
        raise ModelError(f"mode must be a whole number from 0 to {hidden.n_modes - 1}, got {mode!r}")
    belief = hidden.stationary() if start is None else checked_belief(start, hidden.n_states, "start")
    law = np.zeros((hidden.n_modes, hidden.n_states))
    law[mode] = belief
    lines = [
        f"# one hidden arm; {hidden.n_states} states, {hidden.n_modes} modes, {hidden.n_signals} signals; "
        f"charge {charge!r} per activation",
        f"discount: {beta!r}",
        "values: reward",
        *_content(hidden, charge, law),
    ]
    replace_file(Path(path), ("\n".join(lines) + "\n").encode())


def _content(hidden: HiddenKernel, charge: float, start: NDArray[np.float64]) -> list[str]:
    """All lines after the first ones; states are flattened as (mode, state) or (mode, state, last signal)."""
    modes, states, signals = hidden.n_modes, hidden.n_states, hidden.n_signals
    paid = hidden.rewards - charge * (hidden.allowed.T & (np.arange(hidden.n_actions) > 0)[:, np.newaxis])[:, :, np.newaxis]
    moves, shown = _split(hidden.kernel)
    axes: list[tuple[str, int]] = [("y", modes), ("s", states)]
    if shown is None:
        axes.append(("z", signals))
        moves, shown = _with_last_signal(hidden.kernel)
        paid = np.repeat(paid[..., np.newaxis], signals, axis=-1)
        start = start[..., np.newaxis] * (np.arange(signals) == 0)
    names = {
        "states": _names(axes),
        "actions": _names([("a", hidden.n_actions)]),
        "observations": _names([("y", modes), ("z", signals)]),
    }
    size = len(names["states"])
    rewards = paid.reshape(hidden.n_actions, size, 1, 1)
    return [
        *(f"{kind}: {' '.join(each)}" for kind, each in names.items()),
        f"start: {' '.join(repr(float(p)) for p in start.ravel())}",
        *_entries("T", moves.reshape(-1, size, size), [names["actions"], names["states"], names["states"]]),
        *_entries("O", shown.reshape(-1, size, modes * signals), [names["actions"], names["states"], names["observations"]]),
        *_entries("R", rewards, [names["actions"], names["states"], ["*"], ["*"]]),
    ]


def _split(kernel: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Moves ``(A, Y, S, Y, S)``, and the law ``(A, Y, S, Y, Z)`` of what the state reached shows, or None if there is none."""
    joint = kernel.transpose(0, 1, 4, 2, 5, 3)  # a, y, s, y', t, z
    moves = joint.sum(axis=-1)
    into = joint.sum(axis=(1, 2))
    share = into / np.where(into.sum(axis=-1) > 0.0, into.sum(axis=-1), 1.0)[..., np.newaxis]
    if np.abs(joint - moves[..., np.newaxis] * share[:, np.newaxis, np.newaxis]).max() > SAME:
        return moves, None
    share[..., 0] += into.sum(axis=-1) == 0.0  # what is never reached must show something too
    return moves, _seen_with_mode(share)


def _with_last_signal(kernel: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Moves and signals when the last signal is part of the state."""
    actions, modes, _, signals, states, _ = kernel.shape
    joint = kernel.transpose(0, 1, 4, 2, 5, 3)[:, :, :, np.newaxis]
    moves = np.broadcast_to(joint, (actions, modes, states, signals, modes, states, signals))
    last = np.broadcast_to(np.eye(signals), (actions, modes, states, signals, signals))
    return moves, _seen_with_mode(last)


def _seen_with_mode(law: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each pair of mode and signal where the mode is that of the state; ``law`` is ``(A, Y, ..., Z)``."""
    seen = np.zeros((*law.shape[:-1], law.shape[1], law.shape[-1]))
    for y in range(law.shape[1]):
        seen[:, y, ..., y, :] = law[:, y]
    return seen


def _names(axes: list[tuple[str, int]]) -> list[str]:
    """A name for each combination, such as ``y0-s2``; the mode is left out where there is but one."""
    parts = [[f"{letter}{i}" for i in range(size)] for letter, size in axes if letter != "y" or size > 1]
    return ["-".join(names) for names in product(*parts)]


def _entries(kind: str, values: NDArray[np.float64], names: list[list[str]]) -> list[str]:
    """One line for each number that is not 0, which is what is not mentioned."""
    return [
        f"{kind}: {' : '.join(each[i] for each, i in zip(names, where, strict=True))} {float(values[tuple(where)])!r}"
        for where in np.argwhere(values)
    ]

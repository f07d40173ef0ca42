"""Arms: small Markov decision processes that move whether or not they are acted on.

A *type* is a set of parameters; ``multiplicity`` says how many arms have them. All costs of the library grow with the number
of types ``K``, not with the number of arms ``N``, wherever that is possible. Arms are numbered type by type: the first
``multiplicity[0]`` arms are of type 0, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.models.arrays import float_array

ROW_SUM_TOLERANCE = 1e-8
MOST_ARMS = 2**53


@dataclass(frozen=True, eq=False)
class Arms:
    """Transitions and rewards of every type of arm.

    Parameters
    ----------
    transitions : array_like, shape (K, A, S, S) or (A, S, S)
        ``transitions[k, a, s, t]``: probability that an arm of type ``k`` in state ``s`` under action ``a`` moves to ``t``.
        Rows must sum to 1 within 1e-8; nothing is renormalised.
    rewards : array_like, shape (K, A, S) or (A, S)
        Expected reward of one period, in the unit of your choice; rewards are maximised.
    multiplicity : array_like, shape (K,), optional
        Number of arms of each type, at least 1 each; default 1.

    Raises
    ------
    ModelError
        If shapes disagree, a number is not finite, a probability is negative or a row does not sum to 1. The message names
        the first offending type, action and state.

    Examples
    --------
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]], multiplicity=[100])
    >>> arms.n_types, arms.n_actions, arms.n_states, arms.n_arms
    (1, 2, 2, 100)
    """

    transitions: NDArray[np.float64]
    rewards: NDArray[np.float64]
    multiplicity: NDArray[np.int64]
    _row_error: float = field(repr=False)

    def __init__(self, transitions: ArrayLike, rewards: ArrayLike, multiplicity: ArrayLike | None = None) -> None:
        p = float_array("transitions", transitions)
        r = float_array("rewards", rewards)
        if p.ndim == 3:
            p = p[np.newaxis]
            if r.ndim == 2:
                r = r[np.newaxis]
        _check_shapes(p, r)
        _check_finite("rewards", r)
        object.__setattr__(self, "_row_error", _check_rows(p))
        object.__setattr__(self, "transitions", _frozen(p))
        object.__setattr__(self, "rewards", _frozen(r))
        object.__setattr__(self, "multiplicity", _frozen(_multiplicity(multiplicity, len(p))))

    @property
    def n_types(self) -> int:
        """Number of types, ``K``."""
        return self.transitions.shape[0]

    @property
    def n_actions(self) -> int:
        """Number of actions, ``A``; action 0 is passive."""
        return self.transitions.shape[1]

    @property
    def n_states(self) -> int:
        """Number of states, ``S``."""
        return self.transitions.shape[2]

    @property
    def n_arms(self) -> int:
        """Number of arms, ``N``: the sum of the multiplicities."""
        return int(self.multiplicity.sum())

    @cached_property
    def unit_rows(self) -> NDArray[np.float64]:
        """The transitions with each row divided by its sum, shape ``(K, A, S, S)``, unless that is 1 but for rounding.

        Rows may miss 1 by the tolerated 1e-8; where values are carried through many periods, that would leak or make mass.
        """
        if self._row_error <= self.n_states * np.finfo(np.float64).eps:
            return self.transitions
        return _frozen(self.transitions / self.transitions.sum(axis=-1, keepdims=True))

    @property
    def type_of_arm(self) -> NDArray[np.int64]:
        """The type of each arm, shape ``(N,)``."""
        return np.repeat(np.arange(self.n_types), self.multiplicity)

    def __repr__(self) -> str:
        return f"Arms({self.n_arms} arms of {self.n_types} types, {self.n_actions} actions, {self.n_states} states)"

    @classmethod
    def from_layout(
        cls, transitions: ArrayLike, rewards: ArrayLike, *, layout: str, multiplicity: ArrayLike | None = None
    ) -> Arms:
        """Arms from arrays in another axis order.

        Parameters
        ----------
        transitions : array_like
            One axis per letter of ``layout``.
        rewards : array_like
            The same axes without the next state (expected reward), or all axes of ``layout`` (reward per transition, averaged
            here), or the present state alone, shape ``(S,)`` (a reward that depends on nothing else).
        layout : str
            The axes of ``transitions``: ``k`` type (may be absent), ``a`` action, ``s`` state, ``t`` next state. A second
            ``s`` stands for ``t``: ``"sas"`` is ``P[s, a, s']``, ``"ass"`` is pymdptoolbox's order, ``"ats"`` holds columns
            that sum to 1.
        multiplicity : array_like, shape (K,), optional
            As in the constructor.

        Raises
        ------
        ModelError
            If the layout is unknown or the shapes do not fit it.

        Examples
        --------
        >>> import numpy as np
        >>> P = np.array([[[0.9, 0.1], [0.4, 0.6]], [[0.5, 0.5], [0.1, 0.9]]])  # P[s, a, s']
        >>> Arms.from_layout(P, [0.0, 1.0], layout="sas").transitions[0, 1, 0]
        array([0.4, 0.6])
        """
        axes = _layout_axes(layout)
        p = float_array("transitions", transitions)
        r = float_array("rewards", rewards)
        if p.ndim != len(axes):
            raise ModelError(f"layout {layout!r} names {len(axes)} axes, but transitions have shape {p.shape}")
        p = p.transpose([axes.index(letter) for letter in "kast" if letter in axes])
        if r.ndim == 1 and "k" not in axes:
            if len(r) != p.shape[-1]:
                raise ModelError(f"rewards by state have length {len(r)}, but there are {p.shape[-1]} states")
            r = np.broadcast_to(r, p.shape[:-1])
        elif r.ndim == len(axes):
            r = r.transpose([axes.index(letter) for letter in "kast" if letter in axes])
            if r.shape != p.shape:
                raise ModelError(f"rewards per transition have shape {r.shape} in the order kast, transitions {p.shape}")
            r = np.einsum("...t,...t->...", p, r)
        elif r.ndim == len(axes) - 1:
            short = axes.replace("t", "")
            r = r.transpose([short.index(letter) for letter in "kas" if letter in short])
        else:
            raise ModelError(f"rewards of shape {r.shape} do not fit layout {layout!r}")
        return cls(p, r, multiplicity)

    @classmethod
    def from_p0_p1_r0_r1(
        cls, p0: ArrayLike, p1: ArrayLike, r0: ArrayLike, r1: ArrayLike, *, multiplicity: ArrayLike | None = None
    ) -> Arms:
        """Two-action arms from separate passive and active arrays (markovianbandit's layout).

        Parameters
        ----------
        p0, p1 : array_like, shape (S, S) or (K, S, S)
            Passive and active transitions.
        r0, r1 : array_like, shape (S,) or (K, S)
            Passive and active rewards.
        multiplicity : array_like, shape (K,), optional
            As in the constructor.

        Raises
        ------
        ModelError
            If the passive and active arrays differ in shape, or as in the constructor.

        Examples
        --------
        >>> Arms.from_p0_p1_r0_r1([[1, 0], [0, 1]], [[0, 1], [1, 0]], [0, 1], [0, 1])
        Arms(1 arms of 1 types, 2 actions, 2 states)
        """
        passive, active = float_array("p0", p0), float_array("p1", p1)
        idle, busy = float_array("r0", r0), float_array("r1", r1)
        for names, first, second in (("p0 and p1", passive, active), ("r0 and r1", idle, busy)):
            if first.shape != second.shape:
                raise ModelError(f"{names} must have one shape, got {first.shape} and {second.shape}")
        return cls(np.stack([passive, active], axis=-3), np.stack([idle, busy], axis=-2), multiplicity)

    @classmethod
    def from_quantecon(cls, ddp: Any, *, multiplicity: ArrayLike | None = None) -> Arms:
        """One type of arm from a ``quantecon.markov.DiscreteDP`` in product form (``R[s, a]``, ``Q[s, a, s']``).

        Parameters
        ----------
        ddp : DiscreteDP
            Any object with attributes ``R`` of shape ``(S, A)`` and ``Q`` of shape ``(S, A, S)``.
        multiplicity : array_like, shape (1,), optional
            As in the constructor.

        Raises
        ------
        ModelError
            If ``ddp`` is in state-action-pair form, or as in the constructor.

        Examples
        --------
        >>> from types import SimpleNamespace
        >>> ddp = SimpleNamespace(R=[[0, 0], [1, 1]], Q=[[[1, 0], [0, 1]], [[0, 1], [1, 0]]])
        >>> Arms.from_quantecon(ddp).n_states
        2
        """
        if np.ndim(ddp.Q) != 3:
            raise ModelError("the DiscreteDP is in state-action-pair form; call its to_product_form() first")
        return cls.from_layout(ddp.Q, ddp.R, layout="sas", multiplicity=multiplicity)

    @classmethod
    def from_pymdptoolbox(cls, transitions: Any, rewards: Any, *, multiplicity: ArrayLike | None = None) -> Arms:
        """One type of arm from the ``P`` and ``R`` of pymdptoolbox (``import mdptoolbox``).

        Parameters
        ----------
        transitions : array_like, shape (A, S, S), or sequence of A matrices
            ``P[a][s, t]``; the matrices may be sparse.
        rewards : array_like, shape (S,), (S, A) or (A, S, S), or sequence of A matrices
            Reward of the state, of the state and action (the state comes first here), or of the transition.
        multiplicity : array_like, shape (1,), optional
            As in the constructor.

        Raises
        ------
        ModelError
            If the shapes do not fit, or as in the constructor.

        Examples
        --------
        >>> import numpy as np
        >>> P = np.array([[[0.5, 0.5], [0.8, 0.2]], [[0.0, 1.0], [0.1, 0.9]]])  # the small example of pymdptoolbox
        >>> R = np.array([[5.0, 10.0], [-1.0, 2.0]])  # R[s, a]
        >>> Arms.from_pymdptoolbox(P, R).rewards[0, 1]
        array([10.,  2.])
        """
        p, r = float_array("transitions", _dense(transitions)), float_array("rewards", _dense(rewards))
        return cls.from_layout(p, r.T if r.ndim == 2 else r, layout="ast", multiplicity=multiplicity)

    @classmethod
    def rested(cls, transitions: ArrayLike, rewards: ArrayLike, *, multiplicity: ArrayLike | None = None) -> Arms:
        """Arms that stand still and pay nothing unless acted on; their Whittle index is the Gittins index.

        Parameters
        ----------
        transitions : array_like, shape (S, S) or (K, S, S)
            Where an arm moves when acted on.
        rewards : array_like, shape (S,) or (K, S)
            What it pays then.
        multiplicity : array_like, shape (K,), optional
            As in the constructor.

        Raises
        ------
        ModelError
            If the shapes do not fit, or as in the constructor.

        Examples
        --------
        >>> arms = Arms.rested([[0.5, 0.5], [0.0, 1.0]], [1.0, 2.0])
        >>> arms.transitions[0, 0], arms.rewards[0, 0]
        (array([[1., 0.], [0., 1.]]), array([0., 0.]))
        """
        p, r = float_array("transitions", transitions), float_array("rewards", rewards)
        if p.ndim not in (2, 3) or p.shape[-1] != p.shape[-2] or r.shape != p.shape[:-1]:
            raise ModelError(
                "rested arms need transitions of shape (S, S) or (K, S, S) and rewards of shape (S,) or (K, S), "
                f"got {p.shape} and {r.shape}"
            )
        still = np.broadcast_to(np.eye(p.shape[-1]), p.shape)
        return cls(np.stack([still, p], axis=-3), np.stack([np.zeros_like(r), r], axis=-2), multiplicity)


def _dense(values: Any) -> Any:
    """A sparse matrix, or a sequence of matrices any of which may be sparse, as what NumPy reads."""
    if hasattr(values, "toarray"):
        return values.toarray()
    if isinstance(values, Sequence) or (isinstance(values, np.ndarray) and values.dtype == object):
        return [matrix.toarray() if hasattr(matrix, "toarray") else matrix for matrix in values]
    return values


def _frozen(values: NDArray[Any]) -> NDArray[Any]:
    values = np.ascontiguousarray(values)
    values.setflags(write=False)
    return values


def _check_shapes(p: NDArray[np.float64], r: NDArray[np.float64]) -> None:
    if p.ndim != 4 or p.shape[2] != p.shape[3] or 0 in p.shape:
        raise ModelError(f"transitions must have shape (K, A, S, S) or (A, S, S), got {p.shape}")
    if r.shape != p.shape[:3]:
        raise ModelError(f"rewards must have shape {p.shape[:3]} to match transitions of shape {p.shape}, got {r.shape}")
    if p.shape[1] < 2:
        raise ModelError("an arm needs at least two actions; action 0 is passive")


def _check_finite(name: str, values: NDArray[np.float64]) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        where = tuple(bad[0])
        raise ModelError(f"{name}: type {where[0]}, action {where[1]}, state {where[2]} holds {values[where]}, not a number")


def _check_rows(p: NDArray[np.float64]) -> float:
    """The largest distance of a row's sum from 1, if that and all else is within bounds."""
    _check_finite("transitions", p)
    negative = np.argwhere(p < 0)
    if len(negative):
        k, a, s, t = negative[0]
        raise ModelError(f"transitions: type {k}, action {a}, state {s} moves to {t} with probability {p[k, a, s, t]} < 0")
    sums = p.sum(axis=-1)
    error = np.abs(sums - 1)
    off = np.argwhere(error > ROW_SUM_TOLERANCE)
    if len(off):
        k, a, s = off[0]
        raise ModelError(
            f"transitions: the row of type {k}, action {a}, state {s} sums to {sums[k, a, s]:.12g}, not 1; "
            "divide each row by its sum if that is what you mean"
        )
    return float(error.max())


def _multiplicity(values: ArrayLike | None, n_types: int) -> NDArray[np.int64]:
    if values is None:
        return np.ones(n_types, dtype=np.int64)
    given = np.atleast_1d(np.array(values))
    if given.shape != (n_types,) or given.dtype.kind not in "iu":
        raise ModelError(f"multiplicity must be {n_types} whole numbers, one per type, got {given!r}")
    empty = np.flatnonzero(given < 1)
    if len(empty):
        raise ModelError(f"multiplicity of type {empty[0]} is {given[empty[0]]}; every type needs at least one arm")
    total = sum(int(m) for m in given)
    if total > MOST_ARMS:
        raise ModelError(f"{total} arms are more than can be counted exactly; lower the multiplicities to {MOST_ARMS} in all")
    return given.astype(np.int64)


def _layout_axes(layout: str) -> str:
    axes = layout.replace("s", "t").replace("t", "s", 1) if layout.count("s") == 2 and "t" not in layout else layout
    if sorted(axes) not in (sorted("ast"), sorted("kast")):
        raise ModelError(
            f"unknown layout {layout!r}: name each axis once with k (type, optional), a (action), s (state), t (next state)"
        )
    return axes

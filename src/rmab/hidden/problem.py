"""A problem of arms whose states are not seen: arms, budget, criterion, and what is known of the arms at the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.hidden.checks import checked_belief, items_of, whole_numbers
from rmab.hidden.kernel import HiddenKernel
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Criterion, Discounted, Horizon


@dataclass(frozen=True, eq=False, init=False)
class HiddenProblem:
    """Arms whose states are not seen, under a budget.

    Parameters
    ----------
    arms : HiddenArms or sequence of HiddenArms
        ``K`` types. They may differ in their numbers of states, modes and signals, not of actions; types that differ only in
        their start may share one object.
    budget : TopK
        How many arms may be acted on in one period. Arms whose mode forbids acting are left out; under ``exactly``, all that
        may be acted on are when they are fewer than the budget.
    criterion : Discounted, Average or Horizon
        What is maximised.
    multiplicity : int or array_like of int, shape (K,), optional
        Number of arms of each type, at least 1 each, the same for all types or type by type; default 1.
    start : array_like, shape (S,), or sequence of K array_like, optional
        Law of the hidden state at the start, for all types or type by type. Default: the law that waiting keeps,
        :meth:`rmab.HiddenArms.stationary`.
    start_modes : int or array_like of int, shape (K,), optional
        Mode at the start, the same for all types or type by type; default 0.

    Raises
    ------
    ModelError
        If a part is of the wrong kind, or the parts do not fit together, naming the first type that does not.
    InfeasibleBudget
        If the budget is above the number of arms.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    >>> arms = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    >>> problem = HiddenProblem(arms, TopK(2), Discounted(0.9), multiplicity=[10])
    >>> problem.n_arms, problem.start[0].round(3)
    (10, array([0.4, 0.6]))
    """

    arms: tuple[HiddenKernel, ...]
    budget: TopK
    criterion: Criterion
    multiplicity: NDArray[np.int64]
    start: tuple[NDArray[np.float64], ...]
    start_modes: NDArray[np.int64]

    def __init__(
        self,
        arms: HiddenKernel | Sequence[HiddenKernel],
        budget: TopK,
        criterion: Criterion,
        *,
        multiplicity: int | ArrayLike | None = None,
        start: ArrayLike | Sequence[ArrayLike] | None = None,
        start_modes: int | ArrayLike | None = None,
    ) -> None:
        types = _types(arms)
        if not isinstance(budget, TopK):
            raise ModelError(f"the budget of hidden arms must be a TopK, got {budget!r}")
        if not isinstance(criterion, Discounted | Average | Horizon):
            raise ModelError(f"the criterion must be Discounted(beta), Average() or Horizon(T), got {criterion!r}")
        counts = _by_type("multiplicity", multiplicity, len(types), least=1)
        budget.check(int(counts.sum()))
        modes = _by_type("start_modes", start_modes, len(types), least=0)
        for k, (arm, mode) in enumerate(zip(types, modes, strict=True)):
            if mode >= arm.n_modes:
                raise ModelError(f"type {k} starts in mode {mode}, but its modes run from 0 to {arm.n_modes - 1}")
        for name, value in (
            ("arms", types),
            ("budget", budget),
            ("criterion", criterion),
            ("multiplicity", counts),
            ("start", _starts(types, start)),
            ("start_modes", modes),
        ):
            object.__setattr__(self, name, value)

    @property
    def n_types(self) -> int:
        """Number of types, ``K``."""
        return len(self.arms)

    @property
    def n_arms(self) -> int:
        """Number of arms, ``N``."""
        return int(self.multiplicity.sum())

    @property
    def n_states(self) -> int:
        """The largest number of hidden states of a type, ``S``."""
        return max(arm.n_states for arm in self.arms)

    @property
    def n_actions(self) -> int:
        """Number of actions, ``A``."""
        return self.arms[0].n_actions

    @property
    def type_of_arm(self) -> NDArray[np.int64]:
        """The type of each arm, shape ``(N,)``."""
        return np.repeat(np.arange(self.n_types), self.multiplicity)

    def __repr__(self) -> str:
        return f"HiddenProblem({self.n_arms} arms of {self.n_types} types, {self.budget!r}, {self.criterion!r})"


def check_hidden_problem(problem: HiddenProblem) -> None:
    """Raise :class:`ModelError` when something else was passed where a problem of hidden arms belongs."""
    if not isinstance(problem, HiddenProblem):
        raise ModelError(
            f"the problem must be a HiddenProblem, got {type(problem).__name__}; write HiddenProblem(arms, budget, criterion)"
        )


def _types(arms: HiddenKernel | Sequence[HiddenKernel]) -> tuple[HiddenKernel, ...]:
    given = (arms,) if isinstance(arms, HiddenKernel) else tuple(arms) if isinstance(arms, Sequence) else ()
    if not given:
        raise ModelError(f"arms must be a HiddenArms or a sequence of them, got {arms!r}")
    for k, arm in enumerate(given):
        if not isinstance(arm, HiddenKernel):
            raise ModelError(f"type {k} must be a HiddenArms, got {type(arm).__name__}")
        if arm.n_actions != given[0].n_actions:
            raise ModelError(f"type {k} has {arm.n_actions} actions, type 0 has {given[0].n_actions}; they must agree")
    return given


def _by_type(name: str, given: int | ArrayLike | None, n_types: int, least: int) -> NDArray[np.int64]:
    """One whole number per type, the ``least`` if none is given; a single one is that of every type."""
    one = least if given is None else given
    each: Any = [one] * n_types if isinstance(one, Integral) else one
    values = whole_numbers(name, each, n_types, "type", "; a single whole number is that of every type")
    low = np.flatnonzero(values < least)
    if len(low):
        raise ModelError(f"{name} of type {low[0]} is {values[low[0]]}; it must be at least {least}")
    return values.astype(np.int64)


def _starts(types: tuple[HiddenKernel, ...], start: ArrayLike | Sequence[ArrayLike] | None) -> tuple[NDArray[np.float64], ...]:
    if start is None:
        laws: list[NDArray[np.float64]] = [arm.stationary() for arm in types]
    else:
        given = items_of("start", start, f"one belief, such as [0.5, 0.5], or {len(types)} of them, one per type")
        each = [given] * len(types) if given and isinstance(given[0], Real) else given
        if len(each) != len(types):
            raise ModelError(f"start must be one belief, or {len(types)} of them, one per type; got {len(each)}")
        pairs = enumerate(zip(each, types, strict=True))
        laws = [checked_belief(law, arm.n_states, f"start of type {k}") for k, (law, arm) in pairs]
    for law in laws:
        law.setflags(write=False)
    return tuple(laws)

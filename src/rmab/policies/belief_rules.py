"""Rules on beliefs: scores that the compiled engine for hidden states understands.

* A :class:`LinearScore` is ``weights[k][y] @ b``, for an arm of type ``k`` in mode ``y`` with the belief ``b``.
* A :class:`TableScore` has a value for every node of a belief space (:class:`rmab.BeliefSpace`), and looks up the node nearest
  to ``b``, or interpolates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab.errors import ModelError
from rmab.hidden.checks import items_of
from rmab.hidden.closure import Closure
from rmab.hidden.problem import HiddenProblem
from rmab.hidden.space import BeliefSpace
from rmab.models.arrays import float_array
from rmab.models.criterion import Horizon
from rmab.policies.belief_information import Information, arms_by_type

LOOKUPS = ("nearest", "interpolate", "merged")


@dataclass(frozen=True, eq=False, init=False)
class LinearScore:
    """A score that is linear in the belief.

    Parameters
    ----------
    weights : sequence of K array_like, shapes (Y_k, S_k)
        Score of each type in each mode where the hidden state is certain.
    threshold : float
        Arms of a lower score are left alone when the budget is "at most"; ``-inf`` always uses the whole budget.

    Raises
    ------
    ModelError
        If a weight is not a finite number, or the threshold is not a number.

    Examples
    --------
    >>> LinearScore([[[0.0, 1.0]]]).weights
    (array([[0., 1.]]),)
    """

    weights: tuple[NDArray[np.float64], ...]
    threshold: float

    def __init__(self, weights: Sequence[ArrayLike], threshold: float = 0.0) -> None:
        each = items_of("weights", weights, "a list of arrays of shape (modes, states), one per type")
        tables = tuple(float_array(f"weights of type {k}", given) for k, given in enumerate(each))
        for k, table in enumerate(tables):
            if table.ndim != 2 or not np.isfinite(table).all():
                raise ModelError(f"weights of type {k} must be finite numbers of shape (modes, states), got {table}")
            table.setflags(write=False)
        object.__setattr__(self, "weights", tables)
        object.__setattr__(self, "threshold", _checked_threshold(threshold))

    def check(self, problem: HiddenProblem) -> None:
        """Raise :class:`ModelError` unless there is one weight per mode and state of every type of ``problem``."""
        shapes = [(arm.n_modes, arm.n_states) for arm in problem.arms]
        _check_each("weights", [table.shape for table in self.weights], shapes, "(modes, states)")

    def score(self, problem: HiddenProblem, information: Information) -> NDArray[np.float64]:
        """The score of each arm, shape ``(N,)``."""
        scores = np.empty(problem.n_arms)
        for k, arms in enumerate(arms_by_type(problem)):
            weights = self.weights[k]
            scores[arms] = np.einsum(
                "ns,ns->n", weights[information.modes[arms]], information.beliefs[arms, : weights.shape[1]]
            )
        return scores


@dataclass(frozen=True, eq=False, init=False)
class TableScore:
    """A score looked up in a table over the nodes of belief spaces.

    Parameters
    ----------
    spaces : BeliefSpace or sequence of K BeliefSpace
        The belief space of each type; one for all types if a single one is given.
    values : array_like, shape (m,), or sequence of K of them
        The score of each node of the space, or of each space. May hold infinities unless ``"interpolate"`` is asked for.
    lookup : str, optional
        Default: ``"interpolate"`` if the closure of every space is linear and every value finite, else ``"nearest"``.
        ``"nearest"``: the node nearest to the exact belief. The simulation finds it by descent from the last one over a graph
        of neighbours, which may end at another near node: never with two states, in a percent or two of all look-ups with
        three or four, in up to five with more. ``"interpolate"``: the space's closure, so the nearest node where that is
        the closure. Spaces of the linear closure have few nodes near its corners: looked up as nearest, they lose reward.
        ``"merged"``: never look at the exact belief, but follow the nodes that merged beliefs led to from the start; it drifts,
        and is there for comparison, in simulation only.
    threshold : float
        As for :class:`LinearScore`.

    Raises
    ------
    ModelError
        If there is not one value per node, a value is not a number, or there is no such look-up; once used, if the spaces do
        not fit the problem, there are more than two actions, or nodes are followed of an arm that is not the problem's.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> arm = HiddenArms([np.eye(2)] * 2, [[0, 0], [0, 1]], [np.eye(2)] * 2)
    >>> space = arm.reachable([0.5, 0.5], depth=2, merge=0.01, closure="nearest")
    >>> TableScore(space, space.nodes[:, 1]).values
    (array([0.5, 0. , 1. ]),)
    """

    spaces: tuple[BeliefSpace, ...]
    values: tuple[NDArray[np.float64], ...]
    lookup: str
    threshold: float

    def __init__(
        self,
        spaces: BeliefSpace | Sequence[BeliefSpace],
        values: ArrayLike | Sequence[ArrayLike],
        lookup: str | None = None,
        threshold: float = 0.0,
    ) -> None:
        each = checked_spaces(spaces)
        kind = f"a list of {len(each)} tables, one for each belief space"
        given = [values] if isinstance(spaces, BeliefSpace) else items_of("values", values, kind)
        tables = tuple(float_array(f"values of type {k}", table) for k, table in enumerate(given))
        infinite = any(np.isinf(table).any() for table in tables)
        lookup = "nearest" if lookup is None and infinite else checked_lookup(each, lookup)
        if len(tables) != len(each):
            raise ModelError(f"there are {len(each)} belief spaces but {len(tables)} tables of values; give one for each")
        for k, (space, table) in enumerate(zip(each, tables, strict=True)):
            _check_table(k, space, table, lookup)
            table.setflags(write=False)
        for name, value in (("spaces", each), ("values", tables), ("lookup", lookup)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "threshold", _checked_threshold(threshold))

    def for_type(self, kind: int) -> int:
        """Which of the spaces is that of a type: its own, or the only one."""
        return kind if len(self.spaces) > 1 else 0

    def check(self, problem: HiddenProblem) -> None:
        """Raise :class:`ModelError` unless every type of ``problem`` has two actions and a space with its modes and states."""
        check_acting(problem, "a rule that looks scores up in tables")
        each = self.spaces if len(self.spaces) > 1 else self.spaces * problem.n_types
        shapes = [(space.hidden.n_modes, space.hidden.n_states) for space in each]
        _check_each("belief spaces", shapes, [(arm.n_modes, arm.n_states) for arm in problem.arms], "(modes, states)")
        if self.lookup == "merged":
            check_grown(problem, self.spaces)

    def score(self, problem: HiddenProblem, information: Information) -> NDArray[np.float64]:
        """The score of each arm, shape ``(N,)``; raises :class:`ModelError` when nodes are to be followed from the start."""
        if self.lookup == "merged":
            raise ModelError('following merged nodes needs the whole history; simulate it, or use lookup="nearest"')
        scores = np.empty(problem.n_arms)
        for k, arms in enumerate(arms_by_type(problem)):
            space, values = self.spaces[self.for_type(k)], self.values[self.for_type(k)]
            beliefs, modes = information.beliefs[arms, : space.hidden.n_states], information.modes[arms]
            if self.lookup == "nearest":
                scores[arms] = values[space.nearest(beliefs, modes)]
            else:
                scores[arms] = space.interpolate(values, beliefs, modes)
        return scores


def checked_spaces(spaces: BeliefSpace | Sequence[BeliefSpace]) -> tuple[BeliefSpace, ...]:
    """The belief spaces, a single one as a tuple of one; raises :class:`ModelError` if there is none or something else."""
    kind = "a BeliefSpace, or a list of them, one per type"
    each = (spaces,) if isinstance(spaces, BeliefSpace) else tuple(items_of("spaces", spaces, kind))
    if not each:
        raise ModelError(f"spaces must be {kind}, got {spaces!r}")
    for k, space in enumerate(each):
        if not isinstance(space, BeliefSpace):
            raise ModelError(f"the space of type {k} must be a BeliefSpace, got {type(space).__name__}")
    return each


def check_grown(problem: HiddenProblem, spaces: Sequence[BeliefSpace]) -> None:
    """Raise :class:`ModelError` unless the space of every type, or the only space, was grown from the arm of the type."""
    each = spaces if len(spaces) > 1 else [*spaces] * problem.n_types
    for k, (space, arm) in enumerate(zip(each, problem.arms, strict=True)):
        space.check_arm(arm, f"the belief space of type {k}")


def check_acting(problem: HiddenProblem, who: str) -> None:
    """Raise :class:`ModelError` if there are more actions than waiting and acting, between which ``who`` chooses."""
    if problem.n_actions > 2:
        raise ModelError(
            f"{who} chooses between waiting and acting, these arms have {problem.n_actions} actions; "
            "leave two, or write a policy with actions(problem, information, step, rng)"
        )


def check_lasting(problem: HiddenProblem, who: str) -> None:
    """Raise :class:`ModelError` if the criterion is a horizon, under which values depend on the period, as ``who`` cannot."""
    if isinstance(problem.criterion, Horizon):
        raise ModelError(f"{who} needs a problem with Discounted(beta) or Average(), got {problem.criterion!r}")


def checked_lookup(spaces: tuple[BeliefSpace, ...], lookup: str | None) -> str:
    """The look-up that is meant; to interpolate where every closure is the nearest node is to take that."""
    if lookup is not None and lookup not in LOOKUPS:
        raise ModelError(f"unknown look-up {lookup!r}; choose one of {', '.join(LOOKUPS)}")
    closures = {space.closure for space in spaces}
    if lookup is None:
        return "interpolate" if closures == {Closure.LINEAR} else "nearest"
    return "nearest" if lookup == "interpolate" and closures == {Closure.NEAREST} else lookup


BeliefRule = LinearScore | TableScore


def _check_table(kind: int, space: BeliefSpace, table: NDArray[np.float64], lookup: str) -> None:
    if table.shape != (len(space.nodes),):
        raise ModelError(f"values of type {kind} must have shape ({len(space.nodes)},), one per node, got {table.shape}")
    wrong = np.flatnonzero(np.isnan(table) if lookup != "interpolate" else ~np.isfinite(table))
    if len(wrong):
        wanted = 'a finite number, or lookup="nearest"' if lookup == "interpolate" else "a number"
        raise ModelError(f"the value of type {kind} at node {wrong[0]} is {table[wrong[0]]}; give {wanted}")


def _check_each(name: str, given: Sequence[tuple[int, ...]], expected: Sequence[tuple[int, int]], axes: str) -> None:
    if len(given) != len(expected):
        raise ModelError(f"the {name} are for {len(given)} types, but the problem has {len(expected)}")
    for k, (mine, wanted) in enumerate(zip(given, expected, strict=True)):
        if mine != wanted:
            raise ModelError(f"the {name} of type {k} are for {axes} = {mine}, but the problem has {wanted}")


def _checked_threshold(given: float) -> float:
    threshold = float(float_array("the threshold", given, "a number"))
    if np.isnan(threshold):
        raise ModelError("the threshold is not a number")
    return threshold

"""Hidden arms and rules on beliefs as the arrays that the compiled kernels take; see :mod:`rmab._kernels.hidden_arm`.

Types that share one object for their arms share its operators, and types that share arms, space and values share one table.
Cost: the operators that are not all zero, once; for a table, the nearest node to what each of them makes of every node.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.belief_tree import IMPOSSIBLE
from rmab._kernels.hidden_arm import INTERPOLATE, LINEAR, MERGED, NEAREST
from rmab._kernels.nearest_belief import plant
from rmab.hidden.kernel import HiddenKernel
from rmab.hidden.problem import HiddenProblem
from rmab.hidden.space import BeliefSpace
from rmab.hidden.triangulation import LinearLookup
from rmab.policies.belief_information import Information, arms_by_type, padded
from rmab.policies.belief_rules import BeliefRule, LinearScore, TableScore


class Laws(NamedTuple):
    """What arms of each type do: operators by type, action and mode."""

    size: NDArray[np.int64]
    n_modes: NDArray[np.int64]
    first_cell: NDArray[np.int64]
    free: NDArray[np.bool_]
    first_operator: NDArray[np.int64]
    next_mode: NDArray[np.int64]
    mass: NDArray[np.float64]
    operator: NDArray[np.float64]
    reward: NDArray[np.float64]

    @property
    def crowded(self) -> bool:
        """Whether some arm that is left alone draws a random number all the same."""
        waiting = np.concatenate([first + np.arange(y) for first, y in zip(self.first_cell, self.n_modes, strict=True)])
        return bool((np.diff(self.first_operator)[waiting] > 1).any())


class Scorer(NamedTuple):
    """A rule: weights of a linear one, or all tables, one below the other."""

    kind: int
    weight: NDArray[np.float64]
    points: NDArray[np.float64]
    values: NDArray[np.float64]
    successor: NDArray[np.int64]
    graph: NDArray[np.int64]
    first_mode: NDArray[np.int64]
    mesh: tuple[Any, ...]


def pack_laws(problem: HiddenProblem) -> Laws:
    """The arms of ``problem`` for the kernels.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = HiddenArms([np.eye(2)] * 2, [[0, 0], [0, 1]], [[[1, 0], [1, 0]], np.eye(2)])
    >>> laws = pack_laws(HiddenProblem([arms, arms], TopK(1), Average()))
    >>> laws.first_operator, laws.crowded
    (array([0, 1, 3]), False)
    """
    width, cells = problem.n_states, 0
    first: dict[int, int] = {}
    free, counts, next_modes, operators, rewards = [], [], [], [], []
    for arm in problem.arms:
        if id(arm) in first:
            continue
        first[id(arm)] = cells
        cells += arm.n_actions * arm.n_modes
        free.append(arm.allowed.T.ravel())
        rewards.append(padded([arm.rewards.reshape(-1, arm.n_states)], width)[0])
        for action, mode in np.ndindex(arm.n_actions, arm.n_modes):
            found = operators_of(arm, action, mode)
            counts.append(len(found))
            next_modes.append(found[:, 0])
            operators.append(_square(arm.kernel[action, mode][found[:, 0], found[:, 1]], width))
    operator = np.concatenate(operators)
    return Laws(
        np.array([arm.n_states for arm in problem.arms]),
        np.array([arm.n_modes for arm in problem.arms]),
        np.array([first[id(arm)] for arm in problem.arms]),
        np.concatenate(free),
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate(next_modes),
        operator.sum(axis=2),
        operator,
        np.concatenate(rewards),
    )


def operators_of(arm: HiddenKernel, action: int, mode: int) -> NDArray[np.int64]:
    """The next modes and signals that can follow ``action`` in ``mode``, rows of a table, by mode and then signal."""
    return np.argwhere(arm.kernel[action, mode].any(axis=(2, 3)))


def pack_rule(problem: HiddenProblem, rule: BeliefRule) -> Scorer:
    """The rule for the kernels.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = HiddenArms([np.eye(2)] * 2, [[0, 0], [0, 1]], [[[1, 0], [1, 0]], np.eye(2)])
    >>> pack_rule(HiddenProblem(arms, TopK(1), Average()), LinearScore([[[0.0, 1.0]]])).weight
    array([[[0., 1.]]])
    """
    width = problem.n_states
    if isinstance(rule, TableScore):
        return _pack_tables(problem, rule, width)
    most = max(arm.n_modes for arm in problem.arms)
    rows = [np.pad(table, ((0, most - len(table)), (0, 0))) for table in rule.weights]
    return _nothing(width)._replace(kind=LINEAR, weight=padded(rows, width))


def compilable(rule: BeliefRule) -> bool:
    """Whether the kernels know the rule: they interpolate on triangulations only.

    Examples
    --------
    >>> compilable(LinearScore([[[0.0, 1.0]]]))
    True
    """
    return (
        isinstance(rule, LinearScore)
        or rule.lookup != "interpolate"
        or all(isinstance(space.lookup, LinearLookup) for space in rule.spaces)
    )


def _pack_tables(problem: HiddenProblem, rule: TableScore, width: int) -> Scorer:
    firsts = _tables(problem, rule)
    spaces = [rule.spaces[rule.for_type(k)] for k in firsts]
    packed = _nothing(width)._replace(values=np.concatenate([rule.values[rule.for_type(k)] for k in firsts]))
    if rule.lookup == "interpolate":
        first_mode, mesh = _joint_mesh(spaces, width)
        of = [list(firsts).index(k) for k in _table_of_type(problem, rule)]
        return packed._replace(kind=INTERPOLATE, first_mode=first_mode[of], mesh=mesh)
    successors = [merged_successors(problem.arms[k], space) + firsts[k] for k, space in zip(firsts, spaces, strict=True)]
    most = max(table.shape[1] for table in successors)
    return packed._replace(
        kind=MERGED if rule.lookup == "merged" else NEAREST,
        points=np.concatenate([padded([space.nodes], width)[0] for space in spaces]),
        successor=np.concatenate([np.pad(table, ((0, 0), (0, most - table.shape[1]))) for table in successors]),
        graph=np.concatenate([space.lookup.neighbours() + at for space, at in zip(spaces, firsts.values(), strict=True)]),
    )


def _nothing(width: int) -> Scorer:
    """A scorer without tables; every array has the type that the kernels are compiled for."""
    integers, pairs = np.empty(0, dtype=np.int64), np.empty((0, width), dtype=np.int64)
    points = np.empty((0, width))
    mesh = points, pairs, pairs, integers, integers, plant(points, integers, 0)
    return Scorer(LINEAR, np.empty((0, 0, width)), points, np.empty(0), pairs, pairs, integers, mesh)


def _joint_mesh(spaces: list[BeliefSpace], width: int) -> tuple[NDArray[np.int64], tuple[Any, ...]]:
    """The first mode of every space (B,), and the triangulations of all spaces as one, with modes of their own."""
    meshes = [space.lookup.mesh for space in spaces]  # type: ignore[attr-defined]
    points = np.concatenate([padded([mesh[0]], width)[0] for mesh in meshes])
    nodes = np.cumsum([0, *(len(mesh[0]) for mesh in meshes)])
    simplices = np.cumsum([0, *(len(mesh[1]) for mesh in meshes)])
    modes = np.cumsum([0, *(space.hidden.n_modes for space in spaces)])
    shift = list(zip(meshes, nodes, simplices, strict=False))
    corners = [np.pad(mesh[1] + at, ((0, 0), (0, width - mesh[1].shape[1]))) for mesh, at, _ in shift]
    beside = [np.where(mesh[2] < 0, -1, mesh[2] + at) for mesh, _, at in shift]
    first = [mesh[3][:-1] + at for mesh, _, at in shift]
    kinds = np.concatenate([space.node_modes + at for space, at in zip(spaces, modes, strict=False)])
    mesh = (
        points,
        np.concatenate(corners),
        np.concatenate([np.pad(table, ((0, 0), (0, width - table.shape[1]))) for table in beside]),
        np.concatenate([*first, simplices[-1:]]),
        np.concatenate([mesh[4] + at for mesh, _, at in shift]),
        plant(points, kinds, int(modes[-1])),
    )
    return modes[:-1], mesh


def _table_of_type(problem: HiddenProblem, rule: TableScore) -> list[int]:
    """For each type the first type that has its arms and its space, with which it shares a table."""
    first: dict[tuple[int, int], int] = {}
    return [first.setdefault((id(arm), rule.for_type(k)), k) for k, arm in enumerate(problem.arms)]


def _tables(problem: HiddenProblem, rule: TableScore) -> dict[int, int]:
    """The first type of every table, and the number of the table's first node."""
    kinds = sorted(set(_table_of_type(problem, rule)))
    sizes = [len(rule.spaces[rule.for_type(k)].nodes) for k in kinds]
    return dict(zip(kinds, [0, *np.cumsum(sizes).tolist()], strict=False))


def places_of(problem: HiddenProblem, information: Information, rule: BeliefRule) -> NDArray[np.int64]:
    """Where the tables of ``rule`` look each arm up at first, shape ``(N,)``, as numbered by :func:`pack_rule`."""
    if isinstance(rule, LinearScore) or rule.lookup == "interpolate":
        return np.full(problem.n_arms, -1)
    places = np.empty(problem.n_arms, dtype=np.int64)
    firsts, of = _tables(problem, rule), _table_of_type(problem, rule)
    for k, arms in enumerate(arms_by_type(problem)):
        space = rule.spaces[rule.for_type(k)]
        beliefs = information.beliefs[arms, : space.hidden.n_states]
        places[arms] = firsts[of[k]] + space.nearest(beliefs, information.modes[arms])
    return places


def merged_successors(arm: HiddenKernel, space: BeliefSpace) -> NDArray[np.int64]:
    """The node nearest to what each operator of ``arm`` makes of every node, shape ``(m, operators)``.

    Where the operator belongs to another mode or cannot happen the node itself stands, which is never looked at.
    """
    columns = []
    own = np.arange(len(space.nodes))
    for action, mode in np.ndindex(arm.n_actions, arm.n_modes):
        for next_mode, signal in operators_of(arm, action, mode):
            after = space.nodes @ arm.kernel[action, mode, next_mode, signal]
            chance = after.sum(axis=1)
            happens = (chance > IMPOSSIBLE) & (space.node_modes == mode)
            to = own.copy()
            to[happens] = space.nearest(after[happens] / chance[happens, np.newaxis], np.full(happens.sum(), next_mode))
            columns.append(to)
    return np.stack(columns, axis=1)


def _square(matrices: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Matrices (O, S, S) with rows and columns of zeros up to ``width``."""
    more = width - matrices.shape[-1]
    return np.pad(matrices, ((0, 0), (0, more), (0, more)))

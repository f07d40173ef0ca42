"""Where a learner gets its experience: in the simulator of a problem, in one compiled loop, or in an environment from outside.

Both are a *stage*: ``begin`` puts the arms of one seed at the start, ``play`` lets a learner act and learn for some periods,
and ``remembered`` and ``recall`` hand over what must be saved besides the learner's memory and the arms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.alias import build_alias
from rmab._kernels.arms_engine import TILE, even, start_arms
from rmab._kernels.crowd import Crowd, World, settle
from rmab.errors import ModelError
from rmab.learn.environment import Environment, take_rewards, take_states
from rmab.learn.learner import Learner, Memory, Setting
from rmab.models.problem import Problem
from rmab.simulation.streams import key


class Stage(Protocol):
    """Where experience comes from."""

    def begin(self, seed: int) -> Crowd:
        """The arms of one seed at the start."""

    def play(self, learner: Learner, crowd: Crowd, memory: Memory, first: int, last: int) -> None:
        """Let the learner act and learn in the periods ``first <= t < last``."""

    def remembered(self) -> dict[str, NDArray]:
        """What must be saved besides the crowd and the learner's memory."""

    def recall(self, arrays: dict[str, NDArray]) -> None:
        """Take back what ``remembered`` gave."""


class Simulator:
    """A problem, simulated by compiled code; it remembers nothing, since random numbers are functions of the period."""

    def __init__(self, problem: Problem, setting: Setting) -> None:
        self.problem, self.setting, self.world = problem, setting, world_of(problem)

    def begin(self, seed: int) -> Crowd:
        """The arms of one seed at the start."""
        return new_crowd(self.problem, self.setting, seed)

    def play(self, learner: Learner, crowd: Crowd, memory: Memory, first: int, last: int) -> None:
        """Let the learner act and learn in the periods ``first <= t < last``."""
        learner.learn(self.world, crowd, memory, self.setting, first, last)

    def remembered(self) -> dict[str, NDArray]:
        """Nothing."""
        return {}

    def recall(self, arrays: dict[str, NDArray]) -> None:
        """Nothing to take back."""


class Outside:
    """An environment, asked once per period."""

    def __init__(self, environment: Environment, setting: Setting) -> None:
        self.environment, self.setting = environment, setting

    def begin(self, seed: int) -> Crowd:
        """The arms of one seed at the start."""
        crowd = empty_crowd(self.setting, seed)
        number = int(np.random.SeedSequence(self.setting.entropy, spawn_key=(seed,)).generate_state(1, np.uint32)[0])
        take_states(crowd, self.environment.reset(number), self.setting.n_states, -1, crowd.state)
        recount(crowd, self.setting)
        return crowd

    def play(self, learner: Learner, crowd: Crowd, memory: Memory, first: int, last: int) -> None:
        """Let the learner act and learn in the periods ``first <= t < last``."""
        for step in range(first, last):
            learner.act(crowd, memory, self.setting, step)
            states, rewards = _pair(self.environment.step(crowd.action.astype(np.int64)), step)
            take_states(crowd, states, self.setting.n_states, step, crowd.following)
            take_rewards(crowd, rewards, step)
            learner.absorb(crowd, memory, self.setting, step)
            settle(crowd)

    def remembered(self) -> dict[str, NDArray]:
        """What the environment says it remembers, if it can."""
        state = getattr(self.environment, "state", None)
        if not callable(state):
            return {}
        given = state()
        if not isinstance(given, Mapping):
            raise ModelError(f"the environment's state() must return arrays by name, a dict, got {given!r:.60}")
        held = {str(name): np.asarray(values) for name, values in given.items()}
        for name, values in held.items():
            if values.dtype.kind not in "biuf":
                raise ModelError(f"the environment's state() must hold arrays of numbers; {name!r} is of type {values.dtype}")
        return held

    def recall(self, arrays: dict[str, NDArray]) -> None:
        """Give the environment back what it remembered."""
        self.environment.restore(arrays)  # type: ignore[attr-defined]


def _pair(given: object, step: int) -> tuple[ArrayLike, ArrayLike]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ModelError(
            f"the environment's step must return a pair, states and rewards; in period {step} it returned {given!r:.60}"
        )
    return given[0], given[1]


def world_of(problem: Problem) -> World:
    """How the arms of ``problem`` move.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> problem = Problem(Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]]), TopK(1), Average())
    >>> world_of(problem).outcome.shape
    (1, 2, 2, 2, 2)
    """
    arms = problem.arms
    threshold, alias = alias_tables(arms.transitions)
    outcome = np.stack([alias, np.broadcast_to(np.arange(arms.n_states, dtype=np.int32), alias.shape)], axis=-1)
    return World(Setting.of(problem).first_arm, threshold, outcome, np.array(arms.rewards))


def alias_tables(rows: NDArray[np.float64]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Alias tables of the distributions along the last axis of ``rows``, in its shape."""
    threshold, alias = np.empty(rows.shape, dtype=np.uint64), np.empty(rows.shape, dtype=np.int32)
    size = rows.shape[-1]
    build_alias(np.ascontiguousarray(rows).reshape(-1, size), threshold.reshape(-1, size), alias.reshape(-1, size))
    return threshold, alias


def new_crowd(problem: Problem, setting: Setting, seed: int) -> Crowd:
    """The arms of ``problem`` in their start states, drawn for one seed.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[5])
    >>> problem = Problem(arms, TopK(1), Average(), start=0)
    >>> new_crowd(problem, Setting.of(problem), seed=0).counts
    array([5, 0])
    """
    crowd = empty_crowd(setting, seed)
    fixed = problem.start_states
    states = np.empty(0, dtype=np.int32) if fixed is None else fixed.astype(np.int32)
    k0, k1, number = crowd.key
    start_arms(number, k0, k1, crowd.first_arm, states, alias_tables(problem.start_distribution), crowd.state, crowd.bits)
    recount(crowd, setting)
    return crowd


def empty_crowd(setting: Setting, seed: int) -> Crowd:
    """Room for the arms of a setting, all in state 0 and not yet counted."""
    n_arms = setting.n_arms
    return Crowd(
        key=np.array([*key(setting.entropy), seed], dtype=np.uint64),
        first_arm=setting.first_arm,
        state=np.zeros(n_arms, dtype=np.int32),
        action=np.zeros(n_arms, dtype=np.int32),
        reward=np.zeros(n_arms),
        following=np.zeros(n_arms, dtype=np.int32),
        counts=np.zeros(setting.n_types * setting.n_states, dtype=np.int64),
        earned=np.array([0.0, np.inf, -np.inf]),
        bits=np.empty(even(min(n_arms, TILE)), dtype=np.uint64),
    )


def recount(crowd: Crowd, setting: Setting) -> None:
    """Count the arms per cell from their states."""
    cell = np.repeat(np.arange(setting.n_types), setting.multiplicity) * setting.n_states + crowd.state
    crowd.counts[:] = np.bincount(cell, minlength=len(crowd.counts))

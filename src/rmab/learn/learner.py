"""What a learner is: options in a frozen dataclass, knowledge in named arrays, and one compiled step per period.

A learner owns nothing that changes. All that it knows is its *memory*, arrays by name, made by ``memory`` and changed in place
by ``learn`` (in the simulator) or ``absorb`` (one period of an outside environment). What is saved of a run is that memory, so
a run that was cut off goes on bit for bit. Whatever the cuts, ``learn`` over periods 0 to t and t to T must equal 0 to T.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.crowd import Actor, Crowd, World, act, move, settle
from rmab.errors import ModelError
from rmab.learn.environment import Environment, check_methods
from rmab.learn.exploration import Chances, Exploration
from rmab.models.arrays import whole_number
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem
from rmab.policies.base import Policy
from rmab.policies.index import IndexPolicy

Memory = dict[str, NDArray]
NEEDED = ("multiplicity", "n_actions", "n_states", "budget", "criterion", "reset", "step")


@dataclass(frozen=True, eq=False)
class Setting:
    """What a learner is told: sizes, budget and criterion, but neither transitions nor rewards.

    Attributes
    ----------
    multiplicity : ndarray of int, shape (K,)
        Arms of each type; arms of one type share what is learned.
    n_actions, n_states : int
        Sizes ``A`` and ``S``.
    budget : TopK
        Arms acted on per period.
    criterion : Discounted or Average
        What is maximised.
    decoupled : bool
        Whether arms act for themselves while learning, which breaks the budget.
    entropy : int
        Of all random numbers of the run.
    """

    multiplicity: NDArray[np.int64]
    n_actions: int
    n_states: int
    budget: TopK
    criterion: Discounted | Average
    decoupled: bool = False
    entropy: int = 0

    @classmethod
    def of(cls, problem: Problem, *, decoupled: bool = False, entropy: int = 0) -> Setting:
        """What a learner is told of ``problem``.

        Raises
        ------
        ModelError
            If the budget does not count activations, the criterion is a finite horizon, or there are penalties.

        Examples
        --------
        >>> from rmab.models.arms import Arms
        >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
        >>> Setting.of(Problem(arms, TopK(20), Average())).n_arms
        100
        """
        if problem.penalties is not None:
            raise ModelError("learners take no account of penalties; leave them out of the problem")
        if not isinstance(problem.budget, TopK):
            raise ModelError(f"learners need a budget that counts activations, TopK(k), got {problem.budget!r}")
        if not isinstance(problem.criterion, Discounted | Average):
            raise ModelError(f"learners need Discounted(beta) or Average(), got {problem.criterion!r}")
        arms = problem.arms
        return cls(
            arms.multiplicity, arms.n_actions, arms.n_states, problem.budget, problem.criterion, bool(decoupled), int(entropy)
        )

    @classmethod
    def told_by(cls, environment: Environment, *, entropy: int = 0) -> Setting:
        """What an environment says of itself.

        Raises
        ------
        ModelError
            If something is missing or not well formed, naming it.
        InfeasibleBudget
            If the budget is above the number of arms.
        """
        if isinstance(environment, type):
            name = environment.__name__
            raise ModelError(f"{name} is a class; give an environment made of it, such as {name}()")
        lacking = [name for name in NEEDED if not hasattr(environment, name)]
        if lacking:
            raise ModelError(f"{type(environment).__name__} is neither a Problem nor an environment: it has no {lacking[0]}")
        check_methods(environment)
        counts = np.atleast_1d(np.array(environment.multiplicity))
        if counts.ndim != 1 or counts.dtype.kind not in "iu" or not len(counts) or (counts < 1).any():
            raise ModelError(f"the environment's multiplicity must be whole numbers from 1 on, one per type, got {counts}")
        if not isinstance(environment.budget, TopK):
            raise ModelError(f"the environment's budget must be TopK(k), got {environment.budget!r}")
        if not isinstance(environment.criterion, Discounted | Average):
            raise ModelError(
                f"the environment's criterion must be Discounted(beta) or Average(), got {environment.criterion!r}"
            )
        environment.budget.check(int(counts.sum()))
        n_actions = whole_number("the environment's n_actions", environment.n_actions, 2)
        n_states = whole_number("the environment's n_states", environment.n_states, 1)
        return cls(counts.astype(np.int64), n_actions, n_states, environment.budget, environment.criterion, False, int(entropy))

    @property
    def n_types(self) -> int:
        """Number of types, ``K``."""
        return len(self.multiplicity)

    @property
    def n_arms(self) -> int:
        """Number of arms, ``N``."""
        return int(self.multiplicity.sum())

    @property
    def first_arm(self) -> NDArray[np.int64]:
        """Arms of type k are ``first_arm[k] <= i < first_arm[k + 1]``; shape ``(K + 1,)``."""
        return np.concatenate([[0], np.cumsum(self.multiplicity)])

    @property
    def cells(self) -> tuple[int, int]:
        """Shape of a table with one number per type and state, ``(K, S)``."""
        return self.n_types, self.n_states

    @property
    def beta(self) -> float:
        """The discount; 1 stands for the average criterion."""
        return self.criterion.beta if isinstance(self.criterion, Discounted) else 1.0


class Learner(ABC):
    """Base of all learners.

    Subclasses are frozen dataclasses; their fields are the options, one of them ``exploration``. A learner of one's own needs
    ``memory`` and ``absorb`` only.

    Examples
    --------
    A learner that ranks states by the mean reward of acting there:

    >>> from dataclasses import dataclass
    >>> from rmab.learn.exploration import EpsilonGreedy
    >>> @dataclass(frozen=True)
    ... class MeanReward(Learner):
    ...     exploration: Exploration = EpsilonGreedy()
    ...     def memory(self, setting):
    ...         return blank(setting) | {"total": np.zeros(setting.cells)}
    ...     def absorb(self, crowd, memory, setting, step):
    ...         kind = np.repeat(np.arange(setting.n_types), setting.multiplicity)
    ...         np.add.at(memory["total"], (kind, crowd.state), crowd.reward * crowd.action)
    ...         memory["score"][:] = memory["total"] / np.maximum(memory["visits"][..., 1], 1)
    >>> from rmab.learn.trainer import train
    >>> from rmab.models.arms import Arms
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 2]], multiplicity=[100])
    >>> train(MeanReward(), Problem(arms, TopK(20), Average()), steps=100, rng=0).index
    array([[[0., 2.]]])
    """

    exploration: Exploration
    guarded: ClassVar[tuple[str, ...]] = ()
    """What in the memory must stay within a million ranges of the rewards; a training stops where it does not."""

    def check(self, setting: Setting) -> None:
        """Raise :class:`ModelError` when the learner cannot learn in this setting; here: unless there are two actions."""
        if setting.n_actions != 2:
            raise ModelError(
                f"{type(self).__name__} learns an index of two actions, these arms have {setting.n_actions}; use MAIQL or LPQL"
            )

    @abstractmethod
    def memory(self, setting: Setting) -> Memory:
        """What is known at the start.

        Holds at least ``score`` (K, S), on the scale of an index: higher is acted on first, and under an "at most" budget only
        from 0 on; ``level`` (1,), the charge above which an arm acts for itself; and ``visits`` (K, S, A), int64.
        """

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and learn in the periods ``first <= t < last`` of the simulator.

        Here period by period, which any learner can; those of the library do it in one compiled loop, many times faster.
        """
        for step in range(first, last):
            self.act(crowd, memory, setting, step)
            move(world, crowd, step)
            self.absorb(crowd, memory, setting, step)
            settle(crowd)

    @abstractmethod
    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Learn from one period, of which the crowd holds states, actions, rewards and next states."""

    def act(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Choose the actions of one period into ``crowd.action``, and count the visits."""
        act(crowd, self.actor(setting), step, memory["score"], memory["level"], memory["visits"])

    def actor(self, setting: Setting) -> Actor:
        """How the compiled loop acts."""
        budget = setting.budget
        return Actor(budget.k, budget.exactly, setting.decoupled, *self.chances(setting))

    def chances(self, setting: Setting) -> Chances:
        """How much is explored when."""
        return self.exploration.chances

    def policy(self, memory: Memory, setting: Setting) -> Policy:
        """What has been learned, as a policy: here the index policy of :meth:`learned`."""
        return IndexPolicy(self.learned(memory))

    def learned(self, memory: Memory) -> NDArray[np.float64]:
        """The index of every type and state that has been learned, shape ``(K, S)``: here the scores as they are now."""
        return memory["score"]

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """Numbers worth watching while learning, by name."""
        return {}

    def alarms(self, memory: Memory, setting: Setting) -> tuple[str, ...]:
        """Sentences on what has gone wrong, if anything has."""
        return ()


def blank(setting: Setting) -> Memory:
    """The memory that every learner has: no scores, no visits.

    Examples
    --------
    >>> sorted(blank(Setting(np.array([3]), 2, 4, TopK(1), Average())))
    ['level', 'score', 'visits']
    """
    return {
        "score": np.zeros(setting.cells),
        "level": np.zeros(1),
        "visits": np.zeros((*setting.cells, setting.n_actions), dtype=np.int64),
    }

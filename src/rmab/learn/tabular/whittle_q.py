"""Q-learning of the Whittle index on two time scales, from both ends at once, so that several roots are noticed.

Problem
-------
The Whittle index of state z is the charge per activation at which acting and waiting in z are equally good for one arm that
pays it in all states. Without the model it is the root in y of q(z, 1; y) - q(z, 0; y), where q(.; y) solves

    q(s, a) = r(s, a) - a y + beta E max_b q(t, b)          (on average: beta = 1, less a constant).

Waiting is never charged. Each reference state z has a table of its own at its own charge; all tables learn from every
transition.

Algorithm (a period)
--------------------
1. Act on the arms of highest index, or explore; see rewards and next states.
2. In all lanes z and for all arms: q_z(s, a) += alpha(n(s, a)) (r - a y_z + beta max_b q_z(t, b) - f(q_z) - q_z(s, a)); f is
   the mean of the table on average and 0 with a discount.
3. y_z += b(m_z) (q_z(z, 1) - q_z(z, 0)), b much smaller than alpha, after m_z moves. A charge waits until both actions were
   taken in z since its last move (a stale gap would push it without end), and stays within ``clip`` ranges of the rewards.
4. The index is the running mean of y_z, later values counting more (Shamir and Zhang).

The step sizes fall by default, and the charges converge. With constant ones they follow arms that change, and what remains is a
bias of the order of alpha and a noise that the running mean takes out.

Root alarm
----------
An arm is not indexable where the gap has several roots, and then the limit depends on where the charge came from. With
``both_ends`` every charge is learned twice from the same experience, once from far below and once from far above. Where there
is one root, both come to it and, driven by the same noise, to each other much sooner than to the root. Where they have come to
rest apart, that is, where the difference of their mean gaps is small for their distance, ``alarms`` says which types and states
may have several roots. What is acted on is their mean. A root that the gap only touches holds an end up for long, not for ever.

References: K. E. Avrachenkov, V. S. Borkar, "Whittle index based Q-learning for restless bandits with average reward",
Automatica 139 (2022), arXiv:2004.14427, with b by periods and no gate; constant steps: V. Mittal, R. Meshram, S. Prakash,
arXiv:2409.04605 (2024); O. Shamir, T. Zhang, "Stochastic gradient descent for non-smooth optimization", ICML (2013),
arXiv:1212.1824, for the running mean. The two ends are ours. Cost: O(N S) per period, memory O(K S^2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.crowd import Crowd, World
from rmab._kernels.whittle_q import absorb_whittle, learn_whittle
from rmab.errors import ModelError
from rmab.learn.exploration import EpsilonGreedy, Exploration, check_exploration, positive
from rmab.learn.learner import Learner, Memory, Setting, blank
from rmab.learn.steps import Steps, check_steps
from rmab.learn.tabular.aggregation import Aggregation, aggregated, check_aggregation
from rmab.models.arrays import whole_number

ENOUGH_MOVES = 1_000
AT_REST = 0.1
SEVERAL_ROOTS = "there may be several roots, and the arm may not be indexable: prefer GinoQ"
NOT_LEARNED = "the ends have not met in {} moves, so this index means little yet: learn longer, or explore more"
TABLES = ("q", "charge", "cost", "gain", "offset", "td")
ENDS = ("index", "gap", "moves", "mark", "span")


@dataclass(frozen=True)
class WhittleQ(Learner):
    """The Whittle index without the model, and an alarm where it may not exist.

    Parameters
    ----------
    exploration : EpsilonGreedy, Softmax, EpsilonSoftmax or UpperConfidence
        How the budget is spent on what is not known. Both actions must be taken in every state again and again.
    table : Steps
        Step sizes of the tables, by the visits of a cell. ``Steps(0.02)`` is a constant step.
    charge : Steps
        Step sizes of the charges, by their moves; well below the table's, or the charges wander.
    averaging : float
        The index is the mean of the charges, the n-th weighing like n to this power; ``inf`` is the last charge.
    both_ends : bool
        Whether to learn from both ends, which the root alarm needs.
    warm : int
        Periods before charges move.
    spread : float
        How far below and above zero the ends start, in ranges of the rewards seen.
    clip : float
        How far from zero charges may go, in ranges of the rewards seen.
    tolerance : float
        How far apart the ends may rest without an alarm, in ranges of the rewards seen.
    aggregation : Aggregation, optional
        Which states share what is learned.

    Raises
    ------
    ModelError
        If an option is not well formed.

    Examples
    --------
    >>> from rmab.index.whittle import whittle_index
    >>> from rmab.learn.experience import new_crowd, world_of
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.problem import Problem
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> problem = Problem(arms, TopK(20, exactly=True), Average())
    >>> learner, setting = WhittleQ(), Setting.of(problem)
    >>> memory = learner.memory(setting)
    >>> learner.learn(world_of(problem), new_crowd(problem, setting, seed=0), memory, setting, 0, 5_000)
    >>> float(abs(memory["score"] - whittle_index(arms, Average()).values).max()) < 0.05, learner.alarms(memory, setting)
    (True, ())
    """

    guarded: ClassVar = ("q", "charge")

    exploration: Exploration = field(default=EpsilonGreedy(0.4, decay=inf, floor=0.4), kw_only=True)
    table: Steps = field(default=Steps(0.2, horizon=500, power=0.9), kw_only=True)
    charge: Steps = field(default=Steps(0.02, horizon=500, power=0.9), kw_only=True)
    averaging: float = field(default=3.0, kw_only=True)
    both_ends: bool = field(default=True, kw_only=True)
    warm: int = field(default=20, kw_only=True)
    spread: float = field(default=1.0, kw_only=True)
    clip: float = field(default=20.0, kw_only=True)
    tolerance: float = field(default=0.1, kw_only=True)
    aggregation: Aggregation | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_exploration(self.exploration)
        check_steps("table", self.table)
        check_steps("charge", self.charge)
        if self.averaging != inf:
            positive("averaging", self.averaging)
        if not isinstance(self.both_ends, bool):
            raise ModelError(f"both_ends must be True or False, got {self.both_ends!r}")
        whole_number("warm", self.warm, 0)
        for name in ("spread", "clip", "tolerance"):
            positive(name, getattr(self, name))
        if self.clip < self.spread:
            raise ModelError(f"the clip {self.clip} must be at least the spread {self.spread}, where the ends start")
        check_aggregation(self.aggregation)

    def check(self, setting: Setting) -> None:
        """Raise :class:`ModelError` unless there are two actions and the budget is kept."""
        super().check(setting)
        if setting.decoupled:
            raise ModelError(
                "WhittleQ has a charge per state and no price at which arms act for themselves; leave decoupled out"
            )

    def memory(self, setting: Setting) -> Memory:
        """Nothing known: zero tables, and charges that wait for rewards to tell their scale."""
        shared = aggregated(self.aggregation, setting.n_states)
        types, clusters, ends = setting.n_types, shared.n_clusters, 1 + self.both_ends
        lanes = ends * clusters
        return blank(setting) | {
            "label": shared.labels(setting.n_states),
            "q": np.zeros((types, clusters, 2, lanes)),
            "charge": np.zeros((types, lanes)),
            "cost": np.array([0.0, 1.0]),
            "gain": np.zeros((types, clusters, 2)),
            "offset": np.zeros((types, lanes)),
            "td": np.zeros((types, clusters, 2)),
            "index": np.zeros((types, ends, clusters)),
            "gap": np.zeros((types, ends, clusters)),
            "moves": np.zeros((types, clusters), dtype=np.int64),
            "mark": np.zeros((types, clusters, 2), dtype=np.int64),
            "span": np.zeros(1),
        }

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and learn in the periods ``first <= t < last``."""
        acting = (memory["score"], memory["level"])
        learn_whittle(world, crowd, self.actor(setting), first, last, *acting, *self._knowledge(memory, setting))

    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Learn from one period."""
        absorb_whittle(crowd, step, memory["score"], *self._knowledge(memory, setting))

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """How far the ends are apart, the largest mean gap of a charge, and the largest mean TD error of a cell."""
        return {
            "apart": float(self._apart(memory).max()),
            "gap": float(np.abs(memory["gap"]).max()),
            "td_error": float(np.abs(memory["td"]).max()),
        }

    def alarms(self, memory: Memory, setting: Setting) -> tuple[str, ...]:
        """Which states may have several roots, as their ends came to rest apart; and which are not learned, as they never met.

        States that no arm was ever in are passed over: they change nothing, but their index means nothing either.
        """
        if not self.both_ends:
            return ()
        apart = self._apart(memory) > self.tolerance * memory["span"][0]
        enough = memory["moves"] >= ENOUGH_MOVES
        difference = np.abs(memory["gap"][:, 0] - memory["gap"][:, 1])
        several = apart & enough & (difference < AT_REST * self._apart(memory))
        visited = np.zeros(apart.shape, dtype=bool)
        for k, s in np.argwhere(memory["visits"].any(axis=2)):
            visited[k, memory["label"][s]] = True
        return (
            *(self._sentence(memory, k, z, SEVERAL_ROOTS) for k, z in np.argwhere(several)),
            *(self._sentence(memory, k, z, NOT_LEARNED) for k, z in np.argwhere(apart & ~enough & visited)),
        )

    def _sentence(self, memory: Memory, k: int, z: int, meaning: str) -> str:
        state = np.flatnonzero(memory["label"] == z)[0]
        low, high = memory["index"][k, :, z]
        said = meaning.format(memory["moves"][k, z])
        return f"type {k}, state {state}: learned from below the index is {low:.4g}, from above {high:.4g}; {said}"

    def _apart(self, memory: Memory) -> NDArray[np.float64]:
        """How far the two ends are from each other, shape ``(K, C)``."""
        return np.abs(memory["index"][:, -1] - memory["index"][:, 0])

    def _knowledge(self, memory: Memory, setting: Setting) -> tuple:
        tables, ends = tuple(memory[name] for name in TABLES), tuple(memory[name] for name in ENDS)
        limits = (float(self.warm), float(self.spread), float(self.clip), float(self.averaging))
        steps = (*self.table.numbers, *self.charge.numbers, *limits)
        return memory["visits"], memory["label"], tables, ends, steps, setting.beta

"""Learning the Whittle index in rounds, with plain, speedy, generalised speedy or phased Q-learning inside.

Each reference state z has a table at its own charge y_z, as in :mod:`rmab.learn.tabular.whittle_q`, but the tables move in
rounds:

1. Act on the arms of highest index, or explore; keep for every cell (state, action) where its arms went and what they earned.
2. When every cell ever seen has its samples, or after ``patience`` periods, sweep all tables once with their means
   (:mod:`rmab._kernels.q_rounds`); cells without enough new samples are swept with their last ones.
3. Every ``inner`` sweeps: y_z += step (q_z(z, 1) - q_z(z, 0)) / w, w the weight of generalised speedy Q-learning, if both
   actions were taken in z since its last move; y_z stays within ``clip`` ranges of the rewards.
4. The index is the running mean of y_z, later values counting more.

The samples that a round has gathered are part of the memory, so nothing is lost where a run is cut off. Without the two
conditions in 3, exploration by confidence bounds starves states whose stale gap then drives the charge away without end; its
counts fade by ``fading`` with each move of a charge, as what was tried at old charges says little.

With constant steps the charges keep an error of the order of the table's step and of the ratio of the two steps.

References: P. Kakarapalli, D. Kayande, R. Meshram, "Faster Q-learning algorithms for restless bandits", arXiv:2409.05908
(2024); the rounds, the gate and the fading are ours. Cost: O(N) per period, O(K S^3) per sweep; memory O(K S^2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import ClassVar

import numpy as np

from rmab._kernels.crowd import Crowd, World, act
from rmab._kernels.q_rounds import absorb_rounds, learn_rounds
from rmab.errors import ModelError
from rmab.learn.exploration import EpsilonGreedy, Exploration, check_exploration, positive, share
from rmab.learn.learner import Learner, Memory, Setting, blank
from rmab.learn.steps import Steps, check_steps
from rmab.learn.tabular.aggregation import Aggregation, aggregated, check_aggregation
from rmab.learn.tabular.speedy import FORGETTING, Speedy
from rmab.learn.tabular.sweep_rule import SweepRule, check_rule, most_weight
from rmab.models.arrays import whole_number
from rmab.models.criterion import Discounted

ROUNDS = ("arrivals", "paid", "last_arrivals", "last_paid", "stays", "samples", "waited")
TABLES = ("q", "before", "sweeps", "weight", "td")
CHARGES = ("charge", "index", "moves", "mark", "recent", "span")


@dataclass(frozen=True)
class QLearningIndex(Learner):
    """The Whittle index of discounted arms, learned in rounds with a rule of choice.

    Parameters
    ----------
    rule : PlainSweeps, Speedy, GeneralisedSpeedy or Phased
        What a sweep does with the samples of a round.
    exploration : EpsilonGreedy, Softmax, EpsilonSoftmax or UpperConfidence
        How the budget is spent on what is not known.
    charge : Steps
        Step sizes of the charges, by their moves.
    inner : int
        Sweeps from one move of the charges to the next.
    patience : int
        Periods after which a round ends without the cells that are missing.
    averaging : float
        The index is the mean of the charges, the n-th weighing like n to this power; ``inf`` is the last charge.
    clip : float
        How far from zero charges may go, in ranges of the rewards seen.
    fading : float
        What is left of the counts that confidence bounds use when a charge has moved, from 0 to 1.
    aggregation : Aggregation, optional
        Which states share what is learned.

    Raises
    ------
    ModelError
        If an option is not well formed.

    Examples
    --------
    >>> from rmab.learn.experience import new_crowd, world_of
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.problem import Problem
    >>> from rmab.index.whittle import whittle_index
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    >>> problem = Problem(arms, TopK(20, exactly=True), Discounted(0.9))
    >>> learner, setting = QLearningIndex(), Setting.of(problem)
    >>> memory = learner.memory(setting)
    >>> learner.learn(world_of(problem), new_crowd(problem, setting, seed=0), memory, setting, 0, 5_000)
    >>> float(abs(memory["score"] - whittle_index(arms, Discounted(0.9)).values).max()) < 0.05
    True
    """

    guarded: ClassVar = ("q", "charge")

    rule: SweepRule = field(default=Speedy(FORGETTING))
    exploration: Exploration = field(default=EpsilonGreedy(0.4, decay=inf, floor=0.4), kw_only=True)
    charge: Steps = field(default=Steps(0.03, horizon=500, power=0.9), kw_only=True)
    inner: int = field(default=1, kw_only=True)
    patience: int = field(default=20, kw_only=True)
    averaging: float = field(default=3.0, kw_only=True)
    clip: float = field(default=20.0, kw_only=True)
    fading: float = field(default=0.99, kw_only=True)
    aggregation: Aggregation | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_rule(self.rule)
        check_exploration(self.exploration)
        check_steps("charge", self.charge)
        whole_number("inner", self.inner, 1)
        whole_number("patience", self.patience, 1)
        if self.averaging != inf:
            positive("averaging", self.averaging)
        positive("clip", self.clip)
        share("fading", self.fading)
        check_aggregation(self.aggregation)

    def check(self, setting: Setting) -> None:
        """Raise :class:`ModelError` unless there are two actions, a discount, and the budget is kept."""
        super().check(setting)
        if not isinstance(setting.criterion, Discounted):
            raise ModelError("QLearningIndex needs Discounted(beta); use WhittleQ for the long-run average")
        if setting.decoupled:
            raise ModelError(
                "QLearningIndex has a charge per state and no price at which arms act for themselves; leave decoupled out"
            )

    def memory(self, setting: Setting) -> Memory:
        """Nothing known: zero tables and charges, no samples."""
        shared = aggregated(self.aggregation, setting.n_states)
        types, clusters = setting.n_types, shared.n_clusters
        cells = (types, clusters, 2)
        return blank(setting) | {
            "label": shared.labels(setting.n_states),
            "arrivals": np.zeros((*cells, clusters), dtype=np.int64),
            "paid": np.zeros(cells),
            "last_arrivals": np.zeros((*cells, clusters), dtype=np.int64),
            "last_paid": np.zeros(cells),
            "stays": np.zeros(cells, dtype=np.int64),
            "samples": np.zeros(cells, dtype=np.int64),
            "waited": np.zeros(types, dtype=np.int64),
            "q": np.zeros((*cells, clusters)),
            "before": np.zeros((*cells, clusters)),
            "sweeps": np.zeros(types, dtype=np.int64),
            "weight": np.ones(types),
            "td": np.zeros(cells),
            "charge": np.zeros((types, clusters)),
            "index": np.zeros((types, clusters)),
            "moves": np.zeros((types, clusters), dtype=np.int64),
            "mark": np.zeros(cells, dtype=np.int64),
            "recent": np.zeros((types, setting.n_states, 2)),
            "span": np.zeros(1),
        }

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and learn in the periods ``first <= t < last``."""
        acting = (memory["score"], memory["level"])
        learn_rounds(world, crowd, self.actor(setting), first, last, *acting, *self._knowledge(memory, setting))

    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Learn from one period."""
        absorb_rounds(crowd, memory["score"], *self._knowledge(memory, setting))

    def act(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Choose the actions of one period; confidence bounds use the counts that fade."""
        act(crowd, self.actor(setting), step, memory["score"], memory["level"], memory["recent"])

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """Sweeps of the type that had fewest, the largest mean change of a cell, and the least weight in use."""
        return {
            "sweeps": float(memory["sweeps"].min()),
            "td_error": float(np.abs(memory["td"]).max()),
            "weight": float(memory["weight"].min()),
        }

    def alarms(self, memory: Memory, setting: Setting) -> tuple[str, ...]:
        """Which types have their weight cut, where a finite one was asked for."""
        asked = self.rule.sweep.weight
        cut = np.flatnonzero((memory["weight"] < asked) & (memory["sweeps"] > 0))
        if asked == inf:
            return ()
        return tuple(
            f"type {k}: the weight {asked:.6g} is above {memory['weight'][k]:.6g}, the largest that is safe for arms that stay "
            "where they are as seldom as these, and was cut to it; use Speedy() if that is 1"
            for k in cut
        )

    def _knowledge(self, memory: Memory, setting: Setting) -> tuple:
        rounds, tables, charges = (tuple(memory[name] for name in names) for names in (ROUNDS, TABLES, CHARGES))
        rule = self.rule.sweep
        plan = (rule.samples, int(self.patience), int(self.inner), rule.momentum, rule.weight, most_weight(setting.beta))
        limits = (float(self.clip), float(self.averaging), float(self.fading))
        options = (plan, rule.steps.numbers, self.charge.numbers, limits)
        return memory["visits"], memory["label"], rounds, tables, charges, options, setting.beta

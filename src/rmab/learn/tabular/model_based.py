"""What learners have in common that estimate the arms and then solve the estimated problem.

For every type k, action a and state s the memory holds how often an arm went to t, ``counts[k, a, s, t]``, and what it earned
on average. With S states, a prior worth ``strength`` observations spread evenly, and prior counts c (none by default),

    P(t | s, a) = (counts + c + strength / S) / (sum over t of the same),     r(s, a) = mean of the rewards seen.

1. Act on the arms of highest score, and with a small chance on arms at random; count (:mod:`rmab._kernels.transition_counts`).
2. At the end of an epoch solve the problem that the subclass makes of the counts: the exact index becomes the score. An epoch
   lasts as long as ``growth`` times all before it, at least ``shortest`` periods; with ``doubling`` it also ends when a row has
   been seen twice as often as at its beginning. There are about log(T) / log(1 + growth) epochs in T periods.
3. What was never seen earns the most that was seen of its type: it is worth a try.

``strength`` keeps all estimated chains in one piece. Should an exact solution fail nevertheless (:class:`NotConverged`), the
last index is kept, and the reading ``unsolved`` counts that. The clock of the epochs is in the memory.

References: S. Wang, L. Huang, J. Lui, "Restless-UCB", NeurIPS (2020), and N. Akbarzadeh, A. Mahajan, "On learning Whittle index
policy for restless bandits with scalable regret", arXiv:2202.03463 (2022), for solving estimates in epochs. Cost: O(N) per
period, one index per epoch.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.crowd import Crowd, World
from rmab._kernels.transition_counts import Tally, Watch, absorb_counts, learn_counts
from rmab.errors import ModelError, NotConverged
from rmab.index.gain import gain_index
from rmab.learn.change import LEAST, ChangeDetection, check_change, forget
from rmab.learn.exploration import EpsilonGreedy, Exploration, check_exploration, positive
from rmab.learn.learner import Learner, Memory, Setting, blank
from rmab.learn.tabular.prior_counts import PriorCounts
from rmab.models.arms import Arms
from rmab.models.arrays import whole_number
from rmab.models.problem import Problem
from rmab.policies.base import Policy
from rmab.policies.index import IndexPolicy

NEVER = np.iinfo(np.int64).max
FASTEST, LONGEST = 1e6, 2**31
RARELY = EpsilonGreedy(0.02, decay=np.inf, floor=0.02)


class Priced(NamedTuple):
    """An index of every type and state, ``(K, S)``, and the price at which it holds."""

    values: NDArray[np.float64]
    price: float


@dataclass(frozen=True, eq=False)
class ModelBased(Learner):
    """Base of the learners that count; see the module.

    Parameters
    ----------
    strength : float
        Observations that the even prior of a row is worth, above 0.
    growth : float
        Length of an epoch as a share of all periods before it, above 0 and at most 1e6.
    shortest : int
        Fewest periods of an epoch.
    doubling : bool
        Whether an epoch also ends when some row was seen twice as often as when it began.
    exploration : Exploration
        How unknown actions are tried.
    prior : PriorCounts, optional
        What is believed beforehand.
    """

    strength: float = 0.1
    growth: float = field(default=0.5, kw_only=True)
    shortest: int = field(default=5, kw_only=True)
    doubling: bool = field(default=False, kw_only=True)
    exploration: Exploration = field(default=RARELY, kw_only=True)
    prior: PriorCounts | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        positive("the strength", self.strength)
        positive("the growth", self.growth)
        if self.growth > FASTEST:
            raise ModelError(f"the growth must be at most {FASTEST:g}, got {self.growth!r}; from there on there is one epoch")
        whole_number("shortest", self.shortest, 1)
        if self.shortest > LONGEST:
            raise ModelError(f"shortest must be at most {LONGEST}, got {self.shortest!r}; no training is longer")
        if not isinstance(self.doubling, bool):
            raise ModelError(f"doubling must be True or False, got {self.doubling!r}")
        check_exploration(self.exploration)
        if self.prior is not None and not isinstance(self.prior, PriorCounts):
            raise ModelError(f"the prior must be PriorCounts(counts, rewards), got {self.prior!r}")

    @property
    def watched(self) -> ChangeDetection | None:
        """How changes are looked for, if they are."""
        return None

    @abstractmethod
    def solve(self, memory: Memory, setting: Setting, rng: np.random.Generator) -> Priced:
        """The index that is acted on in the next epoch."""

    def check(self, setting: Setting) -> None:
        """Raise :class:`ModelError` unless there are two actions and the prior is of this problem."""
        super().check(setting)
        if self.prior is not None:
            self.prior.check(setting)

    def memory(self, setting: Setting) -> Memory:
        """Nothing counted; the scores are those of the prior, if there is one."""
        self.check(setting)
        cells = (setting.n_types, setting.n_actions, setting.n_states)
        memory = blank(setting) | {
            "counts": np.zeros((*cells, setting.n_states), dtype=np.int64),
            "paid": np.zeros(cells),
            "seen": np.zeros(cells, dtype=np.int64),
            "start": np.zeros(setting.cells, dtype=np.int64),
            "left": np.full(cells, 1 if self.doubling else NEVER, dtype=np.int64),
            "due": np.array([self.shortest]),
            "since": np.zeros(1, dtype=np.int64),
            "epochs": np.zeros(1, dtype=np.int64),
            "unsolved": np.zeros(1, dtype=np.int64),
            "trust": np.ones(setting.n_types),
        }
        if self.watched is not None:
            memory |= self.watched.memory(setting)
        if self.prior is not None:
            self._refresh(memory, setting, np.random.Generator(np.random.Philox(setting.entropy)))
        return memory

    def learn(self, world: World, crowd: Crowd, memory: Memory, setting: Setting, first: int, last: int) -> None:
        """Act, move and count in the periods ``first <= t < last`` of the simulator; solve where epochs end."""
        tally, watch = _tally(memory), self._watch(memory, setting)
        acting = (memory["score"], memory["level"], memory["visits"])
        actor = self.actor(setting)
        step = first
        while step < last:
            until = min(last, max(int(memory["due"][0]), step + 1))
            step = learn_counts(world, crowd, actor, step, until, *acting, tally, watch)
            self._end_of_period(crowd, memory, setting, step)

    def absorb(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        """Count one period, and solve if an epoch ends with it."""
        absorb_counts(crowd, step, _tally(memory), self._watch(memory, setting))
        self._end_of_period(crowd, memory, setting, step + 1)

    def estimate(self, memory: Memory, setting: Setting) -> Problem:
        """The problem with what was learned of its arms: posterior means and mean rewards.

        Any function of problems can be asked about it: its bound, whether an index policy reaches it, the index in between.
        """
        concentration = self.concentration(memory, setting)
        transitions = concentration / concentration.sum(axis=-1, keepdims=True)
        return self.problem(transitions, memory, setting)

    def concentration(self, memory: Memory, setting: Setting) -> NDArray[np.float64]:
        """Parameters of the posterior Dirichlet law of every row, shape ``(K, A, S, S)``."""
        held = memory["counts"] + self.strength / setting.n_states
        if self.prior is not None:
            held += memory["trust"][:, np.newaxis, np.newaxis, np.newaxis] * self.prior.counts
        return held

    def rewards(self, memory: Memory) -> NDArray[np.float64]:
        """Mean rewards (K, A, S); the best that is known of its type for what was never seen."""
        total, weight = memory["paid"].copy(), memory["seen"].astype(np.float64)
        if self.prior is not None:
            believed = memory["trust"][:, np.newaxis, np.newaxis] * self.prior.weight
            total += believed * self.prior.rewards
            weight += believed
        known = weight > 0
        mean = total / np.where(known, weight, 1.0)
        best = np.where(known, mean, -np.inf).max(axis=(1, 2), keepdims=True)
        overall = best.max() if known.any() else 0.0
        return np.where(known, mean, np.where(np.isfinite(best), best, overall))

    def problem(self, transitions: NDArray[np.float64], memory: Memory, setting: Setting) -> Problem:
        """The setting with these transitions and the mean rewards, arms starting where they were in period 0."""
        arms = Arms(transitions, self.rewards(memory), setting.multiplicity)
        seen = memory["start"].sum(axis=1, keepdims=True)
        start = memory["start"] / seen if seen.all() else None
        return Problem(arms, setting.budget, setting.criterion, start=start)

    def policy(self, memory: Memory, setting: Setting) -> Policy:
        """The index policy of all that was learned until now, solved afresh; of the last scores where that fails."""
        try:
            return IndexPolicy(self.best(memory, setting).values)
        except NotConverged:
            return super().policy(memory, setting)

    def best(self, memory: Memory, setting: Setting) -> Priced:
        """The index that one would use from now on if nothing more could be learned: of the posterior mean."""
        index = gain_index(self.estimate(memory, setting))
        return Priced(index.values, index.price)

    def readings(self, memory: Memory, setting: Setting) -> dict[str, float]:
        """The price, the epochs so far, the rows that were never seen, epochs that could not be solved, and alarms."""
        values = {
            "price": float(memory["level"][0]),
            "epochs": float(memory["epochs"][0]),
            "unseen": float((memory["counts"].sum(axis=-1) == 0).sum()),
            "unsolved": float(memory["unsolved"][0]),
        }
        if self.watched is not None:
            values["changes"] = float(memory["changes"].sum())
        return values

    def _watch(self, memory: Memory, setting: Setting) -> Watch:
        if self.watched is None:
            none = np.zeros((0, 1, 1, 1, 1), dtype=np.int64)
            return Watch(none, none[:, 0, 0, 0, 0].reshape(0, 1, 1, 1), np.zeros(1, dtype=bool), 1, 0, np.zeros(1))
        critical = self.watched.critical(setting)
        return Watch(memory["ring"], memory["recent"], memory["alarm"], self.watched.every, LEAST, critical)

    def _end_of_period(self, crowd: Crowd, memory: Memory, setting: Setting, step: int) -> None:
        if self.watched is not None and memory["alarm"].any():
            forget(memory)
            memory["since"][0], memory["due"][0] = step, step + self.shortest
            if self.doubling:
                memory["left"][:] = NEVER
        elif step >= memory["due"][0] or (self.doubling and (memory["left"] <= 0).any()):
            seed = np.random.SeedSequence([setting.entropy, int(crowd.key[2]), step])
            self._refresh(memory, setting, np.random.Generator(np.random.Philox(seed)))
            length = max(self.shortest, int(self.growth * (step - memory["since"][0])))
            memory["due"][0] = step + length

    def _refresh(self, memory: Memory, setting: Setting, rng: np.random.Generator) -> None:
        """Solve, and keep the last score if that fails."""
        memory["epochs"] += 1
        if self.doubling:
            memory["left"][:] = np.maximum(memory["counts"].sum(axis=-1), 1)
        try:
            found = self.solve(memory, setting, rng)
        except NotConverged:
            memory["unsolved"] += 1
            return
        memory["score"][:], memory["level"][0] = found.values, found.price


@dataclass(frozen=True, eq=False)
class Forgetting(ModelBased):
    """A learner that can look for types that have changed, and forget what was known of them; its option is ``change``."""

    change: ChangeDetection | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_change(self.change)

    @property
    def watched(self) -> ChangeDetection | None:
        """How changes are looked for, if they are."""
        return self.change


def _tally(memory: Memory) -> Tally:
    return Tally(memory["counts"], memory["paid"], memory["seen"], memory["start"], memory["left"])

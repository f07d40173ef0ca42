"""One seed of a training: pulses of learning, marks at which it is judged, and everything that must be saved of it.

All that changes is arrays: the learner's memory, the arms, what the environment remembers, and the log. Between two pulses
these arrays are the whole state of the run, so what is saved there goes on bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.crowd import Crowd
from rmab.learn.diagnostics import coverage, diverged, new_notes, settled, take_notes
from rmab.learn.evaluation import Score
from rmab.learn.experience import Stage
from rmab.learn.learner import Learner, Memory, Setting
from rmab.policies.base import Policy

PULSE, MOST_PULSES = 100, 1_000
RUNNING, DONE, SETTLED, DIVERGED = 0, 1, 2, 3
CROWD = ("state", "action", "reward", "following", "counts", "earned")


@dataclass(frozen=True)
class Reading:
    """What is known of one seed at one mark.

    Attributes
    ----------
    seed : int
        Number of the seed.
    period, steps : int
        Periods so far, and in all.
    reward : float
        Reward per period earned while learning since the last mark, over all arms.
    score : float or None
        Of the policy learned so far, simulated: 0 for random choice, 1 for the bound; None if there is no model to say so.
    numbers : dict of str to float
        Diagnostics by name.
    """

    seed: int
    period: int
    steps: int
    reward: float
    score: float | None
    numbers: dict[str, float]


class SeedRun:
    """One seed: made afresh, or from saved arrays, and advanced pulse by pulse."""

    def __init__(self, learner: Learner, setting: Setting, stage: Stage, seed: int, steps: int) -> None:
        self.learner, self.setting, self.stage, self.seed, self.steps = learner, setting, stage, seed, steps
        self.crowd: Crowd = stage.begin(seed)
        self.memory: Memory = learner.memory(setting)
        self.notes: Memory = new_notes(setting)
        self.marks = marks(steps)
        self.names = tuple(self._numbers())
        size = len(self.marks)
        self.log: Memory = {
            "clock": np.zeros(3, dtype=np.int64),  # periods done, marks done, how it ended
            "earned": np.zeros(1),
            "rewards": np.zeros(size),
            "scores": np.full(size, np.nan),
            "noise": np.full(size, np.nan),
            "numbers": np.zeros((size, len(self.names))),
        }
        self.snapshot: Memory = {name: values.copy() for name, values in self.memory.items()}
        self.message = ""

    @property
    def period(self) -> int:
        """Periods done."""
        return int(self.log["clock"][0])

    @property
    def ended(self) -> int:
        """RUNNING, DONE, SETTLED or DIVERGED."""
        return int(self.log["clock"][2])

    def policy(self) -> Policy:
        """What has been learned so far."""
        return self.learner.policy(self.memory, self.setting)

    def pulse(self, judge: Callable[[Policy], Score] | None, *, stop_early: bool) -> Reading | None:
        """Learn until the next pulse or mark; the reading, if it is a mark."""
        length = max(PULSE, self.steps // MOST_PULSES)
        mark = int(self.marks[self.log["clock"][1]])
        until = min((self.period // length + 1) * length, mark)
        self.stage.play(self.learner, self.crowd, self.memory, self.period, until)
        self.log["clock"][0] = until
        take_notes(self.notes, self.memory["visits"], self.learner.learned(self.memory), self.setting, until)
        beta = self.setting.beta
        most = float(np.abs(self.crowd.earned[1:]).max()) / (1.0 if beta == 1.0 else 1.0 - beta)
        self.message = diverged(self.memory, self.learner.guarded, most)
        if self.message:
            self.log["clock"][2] = DIVERGED
            self.memory = self.snapshot
        elif until == self.steps:
            self.log["clock"][2] = DONE
        elif stop_early and settled(self.notes, self.memory, self._numbers().get("imbalance", 0.0), until):
            self.log["clock"][2] = SETTLED
        return self._mark(judge) if until == mark or self.ended else None

    def arrays(self) -> Memory:
        """Everything that changes, by name."""
        parts = {
            "memory": self.memory,
            "snapshot": self.snapshot,
            "notes": self.notes,
            "log": self.log,
            "crowd": {name: getattr(self.crowd, name) for name in CROWD},
            "environment": self.stage.remembered() if self.ended == RUNNING else {},
        }
        return {f"{part}.{name}": values for part, held in parts.items() for name, values in held.items()}

    def restore(self, arrays: Memory, message: str) -> None:
        """Take back what :meth:`arrays` gave, in the same order of everything."""
        for part, held in (("memory", self.memory), ("snapshot", self.snapshot), ("notes", self.notes), ("log", self.log)):
            held.update(_part(arrays, part))
        for name, values in _part(arrays, "crowd").items():
            getattr(self.crowd, name)[...] = values
        environment = _part(arrays, "environment")
        if environment:
            self.stage.recall(environment)
        self.message = message

    def status(self) -> str:
        """How the run ended, in words."""
        if self.ended == DIVERGED:
            done = int(self.log["clock"][1])
            before = int(self.marks[done - 2]) if done > 1 else 0
            return f"diverged by period {self.period}: {self.message}; kept what was known in period {before}; lower the steps"
        if self.ended == SETTLED:
            return f"settled after {self.period} periods"
        return f"ran {self.period} of {self.steps} periods"

    def _mark(self, judge: Callable[[Policy], Score] | None) -> Reading:
        at = int(self.log["clock"][1])
        before = int(self.marks[at - 1]) if at else 0
        reward = float((self.crowd.earned[0] - self.log["earned"][0]) / (self.period - before))
        score = None if judge is None else judge(self.policy())
        numbers = self._numbers()
        # a run that ended early keeps its last reading at all later marks
        for place in range(at, len(self.marks) if self.ended else at + 1):
            self.log["rewards"][place] = reward
            if score is not None:
                self.log["scores"][place], self.log["noise"][place] = score
            self.log["numbers"][place] = list(numbers.values())
        self.log["clock"][1] = at + 1
        self.log["earned"][0] = self.crowd.earned[0]
        self.notes["flips"][0] = 0
        self.snapshot = {name: values.copy() for name, values in self.memory.items()}
        value = None if score is None else score.value
        return Reading(self.seed, self.period, self.steps, reward, value, numbers)

    def _numbers(self) -> dict[str, float]:
        flips = {"flips": float(self.notes["flips"][0])}
        return {**self.learner.readings(self.memory, self.setting), **coverage(self.memory), **flips}


def marks(steps: int) -> NDArray[np.int64]:
    """Periods at which a run is judged: 1, 2 and 5 times the powers of ten from 10 on, and the last.

    Examples
    --------
    >>> marks(300)
    array([ 10,  20,  50, 100, 200, 300])
    """
    scale = 10 ** np.arange(1, 10)
    points = np.unique(np.outer(scale, [1, 2, 5]))
    return np.append(points[points < steps], steps)


def _part(arrays: Memory, part: str) -> Memory:
    start = f"{part}."
    return {name.removeprefix(start): values for name, values in arrays.items() if name.startswith(start)}

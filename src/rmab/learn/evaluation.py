"""What a policy is worth while it is still being learned: its share of the way from random choice to the bound.

    score = (reward of the policy - reward of choosing at random) / (bound - reward of choosing at random)

Rewards are simulated on the same random numbers at every point of every seed. A share of the bound itself would say nothing
where the bound is 0 or negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.models.arrays import whole_number
from rmab.models.criterion import Average
from rmab.models.problem import Problem
from rmab.policies.base import Policy
from rmab.policies.baselines import Uniform
from rmab.simulation.run import simulate

ROUNDING = 1e-9
STREAM = 2**31


@dataclass(frozen=True)
class Evaluation:
    """How much is simulated for one score.

    Parameters
    ----------
    steps : int
        Periods per replicate.
    replicates : int
        Independent runs, at least 2, from whose spread the noise of a score is known.
    burn_in : int
        First periods that do not count; average criterion only.

    Raises
    ------
    ModelError
        If a number is not whole, or nothing is left after the burn-in.

    Examples
    --------
    >>> Evaluation(steps=500, burn_in=100)
    Evaluation(steps=500, replicates=8, burn_in=100)
    """

    steps: int = 700
    replicates: int = 8
    burn_in: int = 200

    def __post_init__(self) -> None:
        whole_number("the steps of an evaluation", self.steps, 1)
        whole_number("the replicates of an evaluation", self.replicates, 2)
        whole_number("the burn_in of an evaluation", self.burn_in, 0)
        if self.burn_in >= self.steps:
            raise ModelError(f"a burn_in of {self.burn_in} leaves nothing of {self.steps} steps")

    def reward(self, problem: Problem, policy: Policy, entropy: int) -> tuple[float, float]:
        """Simulated reward per period of a policy, and half the width of its 95 % interval.

        The random numbers are the same for every policy, so two of them compare better than either is known.
        """
        burn_in = self.burn_in if isinstance(problem.criterion, Average) else 0
        source = np.random.SeedSequence(entropy, spawn_key=(STREAM,))
        run = simulate(problem, policy, steps=self.steps, replicates=self.replicates, burn_in=burn_in, rng=source, threads=1)
        return run.mean, (run.interval[1] - run.interval[0]) / 2


class Score(NamedTuple):
    """A score, and half the width of its 95 % interval, from the simulation alone."""

    value: float
    noise: float


@dataclass(frozen=True)
class Yardstick:
    """Both ends of the scale of scores.

    Attributes
    ----------
    random, error : float
        Simulated reward per period of random choice, and half the width of its 95 % interval.
    bound : float
        The certified bound.
    """

    random: float
    error: float
    bound: float

    @classmethod
    def of(cls, problem: Problem, evaluation: Evaluation, entropy: int) -> Yardstick:
        """The ends for a problem."""
        return cls(*evaluation.reward(problem, Uniform(), entropy), lagrangian_bound(problem).value)

    @property
    def unscored(self) -> str:
        """Why scores have no meaning on this scale, or nothing.

        Examples
        --------
        >>> Yardstick(random=5.0, error=0.1, bound=5.1).unscored
        'no scores: the bound, 5.1, is no farther from what random choice earns, 5, than the simulation can tell'
        """
        known = max(2.0 * self.error, ROUNDING * abs(self.bound))
        if self.bound - self.random > known:
            return ""
        ends = f"the bound, {self.bound:.10g}, is no farther from what random choice earns, {self.random:.10g}"
        return f"no scores: {ends}, than the simulation can tell"

    def score(self, reward: float, error: float) -> Score:
        """0 for random choice, 1 for the bound.

        Examples
        --------
        >>> Yardstick(random=-50.0, error=1.0, bound=0.0).score(-5.0, 2.0)
        Score(value=0.9, noise=0.04004996878900157)
        """
        span = self.bound - self.random
        value = (reward - self.random) / span
        return Score(value, float(np.hypot(error, (1.0 - value) * self.error) / span))

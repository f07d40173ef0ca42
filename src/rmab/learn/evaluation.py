"""What a policy is worth while it is still being learned: its share of the way from random choice to the bound.

    score = (reward of the policy - reward of choosing at random) / (bound - reward of choosing at random)

Rewards are simulated on the same random numbers at every point of every seed. A share of the bound itself would say nothing
where the bound is 0 or negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.models.arrays import whole_number
from rmab.models.criterion import Average
from rmab.models.problem import Problem
from rmab.policies.base import Policy
from rmab.policies.baselines import Uniform
from rmab.simulation.run import simulate

SMALL = 1e-9
STREAM = 2**31


@dataclass(frozen=True)
class Evaluation:
    """How much is simulated for one score.

    Parameters
    ----------
    steps : int
        Periods per replicate.
    replicates : int
        Independent runs.
    burn_in : int
        First periods that do not count; average criterion only.

    Raises
    ------
    ModelError
        If a number is not whole, or nothing is left after the burn-in.

    Examples
    --------
    >>> Evaluation(steps=500, burn_in=100)
    Evaluation(steps=500, replicates=4, burn_in=100)
    """

    steps: int = 1_200
    replicates: int = 4
    burn_in: int = 200

    def __post_init__(self) -> None:
        whole_number("the steps of an evaluation", self.steps, 1)
        whole_number("the replicates of an evaluation", self.replicates, 1)
        whole_number("the burn_in of an evaluation", self.burn_in, 0)
        if self.burn_in >= self.steps:
            raise ModelError(f"a burn_in of {self.burn_in} leaves nothing of {self.steps} steps")

    def reward(self, problem: Problem, policy: Policy, entropy: int) -> float:
        """Simulated reward per period of a policy; the same random numbers for every policy."""
        burn_in = self.burn_in if isinstance(problem.criterion, Average) else 0
        source = np.random.SeedSequence(entropy, spawn_key=(STREAM,))
        run = simulate(problem, policy, steps=self.steps, replicates=self.replicates, burn_in=burn_in, rng=source, threads=1)
        return run.mean


@dataclass(frozen=True)
class Yardstick:
    """Both ends of the scale of scores: the reward per period of random choice, and the certified bound."""

    random: float
    bound: float

    @classmethod
    def of(cls, problem: Problem, evaluation: Evaluation, entropy: int) -> Yardstick | None:
        """The ends for a problem; None where nothing is to be gained, so that no score has a meaning."""
        bound = lagrangian_bound(problem).value
        random = evaluation.reward(problem, Uniform(), entropy)
        return cls(random, bound) if bound - random > SMALL * max(abs(bound), abs(random)) else None

    def score(self, reward: float) -> float:
        """0 for random choice, 1 for the bound.

        Examples
        --------
        >>> Yardstick(random=-50.0, bound=0.0).score(-5.0)
        0.9
        """
        return (reward - self.random) / (self.bound - self.random)

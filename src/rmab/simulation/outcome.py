"""What a simulation says: the mean reward with its interval, curves over time, and the distance from a bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab.hidden.problem import HiddenProblem
from rmab.models.criterion import Average, Discounted
from rmab.simulation.engine import AnyProblem, Record, period_weights
from rmab.simulation.gap import Gap, gap_to
from rmab.simulation.interval import batch_half_width, student_half_width

ROUNDING = 1e-13  # of the largest cost less bound: what is left of sums that should vanish


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of simulating one policy.

    Attributes
    ----------
    mean : float
        Reward per period over all arms: the mean over periods (after ``burn_in``) for the average and finite-horizon
        criteria, ``(1 - beta) * sum_t beta**t r_t`` over the simulated periods for the discounted one.
    interval : tuple of float
        95 % confidence interval of ``mean``: Student's t over replicates, or 20 batch means when there is one replicate and
        the criterion is the average. Infinite when neither is possible.
    rewards : ndarray, shape (R,)
        The value of each replicate; ``mean`` is their mean.
    curve : ndarray, shape (T,)
        Mean reward of each period over all arms, not discounted.
    curve_interval : ndarray, shape (T, 2)
        95 % confidence interval of each entry of ``curve``; infinite when there is one replicate.
    activations : ndarray, shape (T,)
        Mean number of arms acted on in each period.
    violation : ndarray, shape (K,)
        By how much an arm of each type exceeds its bounds, in the worst of its penalties, never negative; zero for a problem
        without penalties. Under the average criterion every arm is held to its own mean over periods (after ``burn_in``), and
        this is the mean over arms and replicates of what is above the bound. Otherwise the requirement is on the
        expectation, and the excess is averaged over arms and replicates first.
    violation_interval : ndarray, shape (K, 2)
        95 % confidence interval of each entry of ``violation``, by Student's t over replicates, cut off at 0; infinite above
        when there is one replicate.
    mean_violation : float
        Mean of ``violation`` over all arms.
    mean_violation_interval : tuple of float
        95 % confidence interval of ``mean_violation``, likewise; unless the criterion is the average, the mean of the ends of
        the types' intervals.
    excess : ndarray, shape (J, K)
        Mean of cost less bound of each penalty and type: negative where the bound is kept with something to spare.
    states : ndarray, shape (T, S)
        Mean share of the arms that is in each state in each period, before acting; rows sum to 1. Where states are hidden,
        the mean belief.
    truncation : float
        The most that the periods after the last simulated one can add to or take from ``mean``: positive for the discounted
        criterion only. :meth:`gap` adds it to both sides of its interval.
    engine : str
        ``"arms"`` or ``"counts"``; ``"beliefs"`` or ``"states"`` where states are hidden.
    entropy : int
        Given as ``rng``, repeats the run bit for bit with the same engine.
    steps, replicates, burn_in : int
        As simulated; ``burn_in`` periods are left out of ``mean``.
    status : str
        What the interval rests on, in words, with the remedy when there is none.
    """

    mean: float
    interval: tuple[float, float]
    rewards: NDArray[np.float64]
    curve: NDArray[np.float64]
    curve_interval: NDArray[np.float64]
    activations: NDArray[np.float64]
    violation: NDArray[np.float64]
    violation_interval: NDArray[np.float64]
    mean_violation: float
    mean_violation_interval: tuple[float, float]
    excess: NDArray[np.float64]
    states: NDArray[np.float64]
    truncation: float
    engine: str
    entropy: int
    steps: int
    replicates: int
    burn_in: int
    status: str

    def gap(self, bound: Any) -> Gap:
        """Distance from an upper bound, with its interval.

        Parameters
        ----------
        bound : Bound or float
            An object with a ``value``, or the value: reward per period over all arms.

        Raises
        ------
        ModelError
            If the bound is not a finite number.
        """
        low, high = self.interval
        return gap_to(bound, self.mean, (low - self.truncation, high + self.truncation))

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"reward per period {self.mean:.6g} (95 % CI {low:.6g} to {high:.6g}), "
            f"{self.activations.mean():.6g} activations per period\n"
            f"{self._owed()}"
            f"{self.replicates} replicates of {self.steps} periods, {self.engine} engine: {self.status}"
        )

    def _owed(self) -> str:
        """A line on the penalties, if there are any."""
        if not len(self.excess):
            return ""
        worst = int(self.violation.argmax())
        (low, high), (least, most) = self.mean_violation_interval, self.violation_interval[worst]
        return (
            f"violation {self.mean_violation:.3g} per arm (95 % CI {low:.3g} to {high:.3g}), "
            f"worst type {worst}: {self.violation[worst]:.3g} (95 % CI {least:.3g} to {most:.3g})\n"
        )


def summarise(problem: AnyProblem, record: Record, *, burn_in: int, engine: str, entropy: int) -> Outcome:
    """The outcome of what an engine recorded; ``burn_in`` first periods do not count towards the mean."""
    replicates, steps = record.reward.shape
    rewards = _values(problem, record.reward, burn_in)
    half, status = _half_width(problem, record.reward, rewards, burn_in)
    truncation = _truncation(problem, steps)
    if truncation > 0:
        status += f"; the discounted sum is cut after {steps} periods, the rest is worth at most {truncation:.3g}"
    mean, curve = float(rewards.mean()), record.reward.mean(axis=0)
    band = student_half_width(record.reward)
    return Outcome(
        mean=mean,
        interval=(mean - half, mean + half),
        rewards=rewards,
        curve=curve,
        curve_interval=np.stack([curve - band, curve + band], axis=1),
        activations=record.acted.mean(axis=0),
        **_dues(problem, record),
        states=record.occupancy / (replicates * multiplicity_of(problem).sum()),
        truncation=truncation,
        engine=engine,
        entropy=entropy,
        steps=steps,
        replicates=replicates,
        burn_in=burn_in,
        status=status,
    )


def _dues(problem: AnyProblem, record: Record) -> dict[str, Any]:
    """The fields of an outcome on what arms owe on their own."""
    found, low, high = _violation(problem, record)
    return {
        "violation": found[:-1],
        "violation_interval": np.stack([low[:-1], high[:-1]], axis=1),
        "mean_violation": float(found[-1]),
        "mean_violation_interval": (float(low[-1]), float(high[-1])),
        "excess": record.excess.mean(axis=0),
    }


def _violation(problem: AnyProblem, record: Record) -> NDArray[np.float64]:
    """Violation of each type and, last, the mean over arms, with the ends of their intervals, shape ``(3, K + 1)``."""
    share = multiplicity_of(problem) / multiplicity_of(problem).sum()
    if isinstance(problem, HiddenProblem) or problem.penalties is None:
        return np.zeros((3, len(share) + 1))
    if isinstance(problem.criterion, Average):
        found = _around(np.column_stack([record.violation, record.violation @ share]))
    else:
        ends = _around(record.excess).max(axis=1)
        found = np.column_stack([ends, ends @ share])
    return np.where(found > ROUNDING * np.abs(problem.excess_costs).max(), found, 0.0)


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over replicates and the ends of its interval, shape ``(3, ...)``, all cut off at 0."""
    mean, half = values.mean(axis=0), student_half_width(values)
    return np.maximum(np.stack([mean, mean - half, mean + half]), 0.0)


def _values(problem: AnyProblem, reward: NDArray[np.float64], burn_in: int) -> NDArray[np.float64]:
    if isinstance(problem.criterion, Discounted):
        return (reward * period_weights(problem, reward.shape[1], 0)).sum(axis=1)
    return reward[:, burn_in:].mean(axis=1)


def _half_width(
    problem: AnyProblem, reward: NDArray[np.float64], rewards: NDArray[np.float64], burn_in: int
) -> tuple[float, str]:
    if len(rewards) > 1:
        return float(student_half_width(rewards)), f"interval over {len(rewards)} replicates"
    half = batch_half_width(reward[0, burn_in:]) if isinstance(problem.criterion, Average) else np.inf
    if np.isfinite(half):
        return half, "interval from 20 batch means of one replicate"
    return np.inf, "no interval from one replicate; use replicates=2 or more"


def _truncation(problem: AnyProblem, steps: int) -> float:
    if not isinstance(problem.criterion, Discounted):
        return 0.0
    tables = [arm.rewards for arm in problem.arms] if isinstance(problem, HiddenProblem) else list(problem.arms.rewards)
    most = float(np.array([np.abs(table).max() for table in tables]) @ multiplicity_of(problem))
    return problem.criterion.beta**steps * most


def multiplicity_of(problem: AnyProblem) -> NDArray[np.int64]:
    """Number of arms of each type, shape ``(K,)``, whether their states are hidden or not."""
    return problem.multiplicity if isinstance(problem, HiddenProblem) else problem.arms.multiplicity

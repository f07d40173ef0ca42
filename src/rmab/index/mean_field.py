"""What a priority rule earns in the fluid limit, where every arm stands for infinitely many.

As the number of arms grows with the budget's share fixed, the share of arms in every state follows a deterministic map. What a
priority rule earns there is its limit per arm, and it may fall short of the bound whatever the rule, so it is worth computing
before a rule is trusted or a tie is broken.

1. Run the map of :mod:`rmab._kernels.mean_field` from a start for up to 2000 periods, or until it repeats itself.
2. Average criterion: the mean over the cycle, or over the second half of the run when no cycle is found. Discounted: the
   discounted sum, periods that were not run being worth that mean. Horizon: the mean over its periods.

The starts are the problem's own, the uniform one, and where the relaxed optimum spends its time: a rule that is good from one
start can be trapped from another (Weber and Weiss's condition of a global attractor). Three starts show no more than that: a
rule can pass from all of them and still be trapped from a fourth.

References: R. Weber and G. Weiss, "On an index policy for restless bandits", Journal of Applied Probability 27 (1990); N. Gast,
B. Gaujal, C. Yan, "Exponential asymptotic optimality of Whittle index policy", Queueing Systems (2023). Cost: the nonzero
transition probabilities, per period and start.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.mean_field import run_mean_field
from rmab.index.price import Dual
from rmab.models.criterion import Average, Horizon
from rmab.models.problem import Problem

STEPS = 2_000
FEWEST_STEPS = 100
MOST_STEPS = 1_000_000
WORK = 200_000_000
REPEATED = 1e-12
NEGLIGIBLE = 1e-12


class Limit(NamedTuple):
    """Reward per period and arm in the fluid limit, and whether the path was followed until it repeated itself or ended."""

    reward: float
    settled: bool


class MeanField:
    """The mean-field map of a problem with two actions.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> problem = Problem(arms, TopK(2), Average(), start=0)
    >>> MeanField(problem).limit(np.array([[[0, 1]]]), np.array([2]), problem.start_distribution)
    Limit(reward=0.2, settled=True)
    """

    def __init__(self, problem: Problem) -> None:
        arms = problem.arms
        p = arms.unit_rows.reshape(-1, arms.n_states)
        row, target = np.nonzero(p)
        self.rows = (np.searchsorted(row, np.arange(len(p) + 1)), target, p[row, target])
        # the kernel is compiled for writable arrays only, hence the copy
        self.rewards = np.array(arms.rewards)
        self.weight = (arms.multiplicity / arms.n_arms)[:, np.newaxis]
        self.cost = np.repeat(problem.costs, arms.n_states)
        self.budget = problem.capacity / arms.n_arms
        self.criterion = problem.criterion

    @property
    def size(self) -> int:
        """Nonzero transition probabilities: multiplications per period."""
        return len(self.rows[1])

    def limit(self, ranks: NDArray[np.int64], eligible: NDArray[np.int64], start: NDArray[np.float64]) -> Limit:
        """What a priority rule earns.

        Parameters
        ----------
        ranks : ndarray of int, shape (T, K, S)
            Rank of each type and state, 0 the best, equal ones sharing the budget; the last table holds for all later periods.
        eligible : ndarray of int, shape (T,)
            How many of the best ranks may be acted on.
        start : ndarray, shape (K, S)
            Share of each type's arms in each state.
        """
        rank = ranks.reshape(len(ranks), -1)
        rule = (np.argsort(rank, axis=1, kind="stable"), rank, eligible)
        mass = np.ascontiguousarray((self.weight * start).ravel())
        periods = self._periods()
        run = periods if isinstance(self.criterion, Horizon) else min(periods, max(WORK // self.size, FEWEST_STEPS))
        trace = np.empty(run)
        made, period = run_mean_field(self.rows, self.rewards, self.cost, rule, self.budget, mass, REPEATED, trace)
        return self._worth(trace[:made], period, periods)

    def _worth(self, trace: NDArray[np.float64], period: int, periods: int) -> Limit:
        tail = trace[-period:] if period else trace[len(trace) // 2 :]
        if isinstance(self.criterion, Average):
            return Limit(float(tail.mean()), period > 0)
        settled = period > 0 or len(trace) == periods
        if len(trace) < periods:
            rest = tail if period else tail.mean()
            trace = np.concatenate([trace, np.resize(rest, periods - len(trace))])
        if isinstance(self.criterion, Horizon):
            return Limit(float(trace.mean()), settled)
        weight = self.criterion.beta ** np.arange(periods)
        return Limit(float(weight @ trace / weight.sum()), settled)

    def _periods(self) -> int:
        if isinstance(self.criterion, Horizon):
            return self.criterion.steps
        if isinstance(self.criterion, Average):
            return STEPS
        return min(MOST_STEPS, int(np.log(NEGLIGIBLE) / np.log(self.criterion.beta)) + 1)


def starts(problem: Problem, dual: Dual, price: float) -> dict[str, NDArray[np.float64]]:
    """Where the fluid limit is looked at from, (K, S) each: the problem's start alone, unless the criterion is the average.

    Parameters
    ----------
    problem : Problem
        ``K`` types.
    dual : Dual
        Its dual.
    price : float
        A minimiser of the dual.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> problem = Problem(arms, TopK(2), Average(), start=0)
    >>> {name: start.round(4).tolist() for name, start in starts(problem, Dual(problem), 1.0).items()}
    {'start': [[1.0, 0.0]], 'uniform': [[0.5, 0.5]], 'relaxed optimum': [[0.8, 0.2]]}
    """
    own = problem.start_distribution
    if not isinstance(problem.criterion, Average):
        return {"start": own}
    below, above, share = dual.mixture(price)
    relaxed = share * dual.occupancy(below.policy) + (1.0 - share) * dual.occupancy(above.policy)
    return {"start": own, "uniform": np.full(own.shape, 1.0 / own.shape[1]), "relaxed optimum": relaxed}

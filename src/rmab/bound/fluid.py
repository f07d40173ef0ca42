"""The fluid bound: a linear program over how often each state and action occur.

Let x[k, a, s] be the share of periods (weighted like the value) that arms of type k spend in state s under action a, and
mu[k, s] the start mass. Relaxing the budget from every period to its mean gives

    maximise    sum x[k, a, s] r[k, a, s]      subject to      sum over a != 0 of x[k, a, s]  <=  budget / N

1. Discounted: x is fed by the start,   sum_a x[j, a] - beta sum x[s, a] p(j | s, a) = (1 - beta) mu[j].
2. Average: x is stationary, and a second flow y >= 0 carries the start mass to where it stays,
       sum_a x[j, a] - sum x[s, a] p(j | s, a) = 0,
       sum_a x[j, a] + sum_a y[j, a] - sum y[s, a] p(j | s, a) = mu[j].
   The second family makes the bound right for arms with several recurrent classes or absorbing states, from the true start.
3. Horizon: the program has one x per step; see :mod:`rmab.bound.horizon`.

All arms of a type share one block, so the size is K types, not N arms.

Reference: L. C. M. Kallenberg, Linear Programming and Finite Markovian Control Problems (1983), chapter 4 and section 4.7 for
constraints. Cost and stopping rule: those of HiGHS on K S equations (2 K S for the average criterion) and one budget row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csr_array

from rmab.bound.horizon import horizon_bound
from rmab.bound.program import balance, per_arm, solve_program, weighted
from rmab.bound.result import Bound
from rmab.models.criterion import Discounted, Horizon
from rmab.models.problem import Problem, check_problem


def fluid_bound(problem: Problem) -> Bound:
    """Upper bound by a linear program over occupancies.

    Parameters
    ----------
    problem : Problem
        Any number of actions; every action but 0 uses one unit of the budget. A horizon is passed on to
        :func:`rmab.horizon_bound`.

    Returns
    -------
    Bound
        Value per period over all arms, price per activation, the share of periods each type is acted on, and ``occupancy``
        (K, A, S), or (T, K, A, S) for a horizon.

    Raises
    ------
    NotConverged
        If the solver does not report an optimum; the message is the solver's own.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> print(fluid_bound(Problem(arms, TopK(2), Discounted(0.5), start=0)))
    upper bound 1 per period over all arms (fluid LP: optimal)
    price 0.5 per activation; arms are acted on in 20.0 % to 20.0 % of periods (1 types)
    """
    check_problem(problem)
    criterion = problem.criterion
    if isinstance(criterion, Horizon):
        return horizon_bound(problem)
    arms = problem.arms
    reward, active, start = weighted(problem)
    if isinstance(criterion, Discounted):
        flow, inflow = _discounted_flow(arms.unit_rows, start, criterion.beta)
    else:
        flow, inflow = _average_flow(arms.unit_rows, start)
    idle = np.zeros(flow.shape[1] - reward.size)
    unit = problem.costs.max()  # costs of order one: the solver's tolerances are absolute
    cost = active * (problem.costs / unit)[:, np.newaxis, np.newaxis]
    budget_row = csr_array(np.concatenate([cost.ravel(), idle])[np.newaxis])
    value, x, price = solve_program(
        np.concatenate([reward.ravel(), idle]),
        flow,
        inflow,
        budget_row,
        problem.capacity / unit / arms.n_arms,
        problem.budget.exactly,
    )
    occupancy = per_arm(problem, x[: reward.size].reshape(reward.shape))
    used = (occupancy * active).sum(axis=(1, 2))
    return Bound(value * arms.n_arms, float(price[0] / unit), used, "optimal", "fluid LP", occupancy=occupancy)


def _discounted_flow(p: NDArray[np.float64], start: NDArray[np.float64], beta: float) -> tuple[csr_array, NDArray[np.float64]]:
    return balance(np.eye(p.shape[-1]) - beta * p), (1 - beta) * start.ravel()


def _average_flow(p: NDArray[np.float64], start: NDArray[np.float64]) -> tuple[csr_array, NDArray[np.float64]]:
    stay = balance(np.eye(p.shape[-1]) - p)
    here = balance(np.broadcast_to(np.eye(p.shape[-1]), p.shape))
    flow = block_array([[stay, None], [here, stay]])
    return csr_array(flow), np.concatenate([np.zeros(start.size), start.ravel()])

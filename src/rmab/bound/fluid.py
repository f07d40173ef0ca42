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
4. What arms owe on their own (:class:`rmab.Penalty`) binds in the mean, so it needs no relaxing:
       sum x[k, a, s] (c[k, a, s] - d[k]) <= 0   for every penalty and type k,
   whose multiplier is what one arm's requirement costs. It is a bound on the expected mean cost of an arm, from the true start.
5. Several resources are several budget rows.

All arms of a type share one block, so the size is K types, not N arms.

Reference: L. C. M. Kallenberg, Linear Programming and Finite Markovian Control Problems (1983), chapter 4 and section 4.7 for
constraints. Cost and stopping rule: those of HiGHS on K S equations (2 K S for the average criterion), R budget rows and J K
requirements; where these cannot be met, J + 2 more programs say why (:mod:`rmab.bound.elastic`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csr_array, hstack

from rmab.bound.elastic import solve_with_penalties
from rmab.bound.horizon import horizon_bound
from rmab.bound.program import Program, balance, excess_rows, per_arm, resource_rows, start_mass, weights
from rmab.bound.result import Bound
from rmab.models.criterion import Discounted, Horizon
from rmab.models.problem import Problem, check_problem


def fluid_bound(problem: Problem) -> Bound:
    """Upper bound by a linear program over occupancies.

    Parameters
    ----------
    problem : Problem
        Any number of actions; every action but 0 uses one unit of the budget, or what its type costs, of one resource or of
        several. With any number of penalties. A horizon is passed on to :func:`rmab.horizon_bound`.

    Returns
    -------
    Bound
        Value per period over all arms, price per activation, the share of periods each type is acted on, ``occupancy``
        (K, A, S), or (T, K, A, S) for a horizon, the ``multipliers`` (J, K) of penalties, ``prices`` (R,) of several resources.

    Raises
    ------
    InfeasiblePenalty
        If no policy meets the penalties, of one type or of all together under the budget; the message says by how much.
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

    Two kinds of arm, of which the first earns more; but the others must be acted on in a tenth of all periods each:

    >>> from rmab.models.penalty import Penalty
    >>> arms = Arms(np.ones((2, 2, 1, 1)), [[[0], [3]], [[0], [1]]], multiplicity=[4, 4])
    >>> floor = Penalty(cost=[[[0], [-1]], [[0], [-1]]], bound=[np.inf, -0.1])
    >>> bound = fluid_bound(Problem(arms, TopK(2), Discounted(0.5), penalties=floor))
    >>> round(bound.value, 9), bound.activation.round(9).tolist(), bound.multipliers.round(9).tolist()
    (5.2, [0.4, 0.1], [[0.0, 2.0]])
    """
    check_problem(problem)
    criterion = problem.criterion
    if isinstance(criterion, Horizon):
        return horizon_bound(problem)
    arms = problem.arms
    scale = weights(problem)[0]
    reward, start = arms.rewards * scale[:, np.newaxis, np.newaxis], start_mass(problem, problem.start_distribution)
    if isinstance(criterion, Discounted):
        flow, inflow = _discounted_flow(arms.unit_rows, start, criterion.beta)
    else:
        flow, inflow = _average_flow(arms.unit_rows, start)
    idle = flow.shape[1] - reward.size
    resources, limits, cost_units = resource_rows(problem)
    owed, penalty_units = excess_rows(problem)
    program = Program(flow, inflow, _padded(resources, idle), limits, problem.budget.exactly, _padded(owed, idle))
    found = solve_with_penalties(problem, program, np.concatenate([reward.ravel(), np.zeros(idle)]), penalty_units)
    occupancy = per_arm(problem, found.x[: reward.size].reshape(reward.shape))
    prices = found.prices / cost_units
    return Bound(
        value=found.value * arms.n_arms,
        price=float(prices[0]),
        activation=occupancy[:, 1:].sum(axis=(1, 2)),
        status="optimal",
        method="fluid LP",
        occupancy=occupancy,
        multipliers=found.multipliers if len(penalty_units) else None,
        prices=prices if len(prices) > 1 else None,
    )


def _padded(rows: csr_array, idle: int) -> csr_array:
    """The rows with ``idle`` more columns of zeros."""
    return csr_array(hstack([rows, csr_array((rows.shape[0], idle))])) if idle else rows


def _discounted_flow(p: NDArray[np.float64], start: NDArray[np.float64], beta: float) -> tuple[csr_array, NDArray[np.float64]]:
    return balance(np.eye(p.shape[-1]) - beta * p), (1 - beta) * start.ravel()


def _average_flow(p: NDArray[np.float64], start: NDArray[np.float64]) -> tuple[csr_array, NDArray[np.float64]]:
    stay = balance(np.eye(p.shape[-1]) - p)
    here = balance(np.broadcast_to(np.eye(p.shape[-1]), p.shape))
    flow = block_array([[stay, None], [here, stay]])
    return csr_array(flow), np.concatenate([np.zeros(start.size), start.ravel()])

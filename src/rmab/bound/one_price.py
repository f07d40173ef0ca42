"""A bound over the first periods from the true start, at one price: cheap where the horizon's linear program is large.

A run that starts well, or is short, can earn more per period than the long run, so a simulated mean over T periods must be held
against a bound over the same T periods from the same start. Charge every activation one price in every period and let each arm
go its own way for T periods:

    1/T sum_k m_k max E[ sum_t r - price * (acted) ]  +  price * budget

bounds every policy from above for any price >= 0 (any price when the budget is met exactly).

1. Take the price of the long-run problem, which is the best one as T grows.
2. Backward induction over T periods for every type, charged reward and activations side by side.

The bound is within O(1/T) of the long-run bound, and no tighter than :func:`rmab.horizon_bound`, which has a price per period.

Reference: J. T. Hawkins, A Lagrangian decomposition approach to weakly coupled dynamic optimization problems, PhD thesis, MIT
(2003). Cost: O(T K A S^2) after the long-run bound.
"""

from __future__ import annotations

import numpy as np

from rmab.bound.lagrangian import lagrangian_bound
from rmab.bound.result import Bound
from rmab.models.criterion import Average, Horizon
from rmab.models.problem import Problem, check_unpenalised


def one_price_bound(problem: Problem, steps: int) -> Bound:
    """Upper bound on the mean reward per period over the first ``steps`` periods, every activation at one price.

    Parameters
    ----------
    problem : Problem
        Any number of actions; every action but 0 uses one unit of the budget. Its criterion is not used.
    steps : int
        Number of periods, at least 1.

    Returns
    -------
    Bound
        Value per period over all arms, the price, and the share of periods each type is acted on at that price (which need
        not use up the budget).

    Raises
    ------
    ModelError
        If ``steps`` is not a positive integer, or the problem has penalties.
    NotConverged
        If the long-run price cannot be found.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> problem = Problem(arms, TopK(2), Average(), start=1)
    >>> long_run, opening = lagrangian_bound(problem), one_price_bound(problem, 4)
    >>> round(long_run.value, 10), round(opening.value, 10)  # all ten start in the good state
    (2.0, 4.5)
    """
    check_unpenalised(problem, "use horizon_bound(problem, steps)")
    arms, n_steps = problem.arms, Horizon(steps).steps
    price = lagrangian_bound(Problem(arms, problem.budget, Average(), start=problem.start)).price
    p = arms.unit_rows
    acts = (np.arange(arms.n_actions) > 0).astype(float)[np.newaxis, :, np.newaxis]
    charged = arms.rewards - price * acts
    value = np.zeros((arms.n_types, arms.n_states))
    activations = np.zeros_like(value)
    for _ in range(n_steps):
        worth = charged + np.einsum("kast,kt->kas", p, value)
        best = worth.argmax(axis=1, keepdims=True)
        used = np.broadcast_to(acts, worth.shape) + np.einsum("kast,kt->kas", p, activations)
        value = np.take_along_axis(worth, best, axis=1)[:, 0]
        activations = np.take_along_axis(used, best, axis=1)[:, 0]
    start = problem.start_distribution
    relaxed = float(arms.multiplicity @ (start * value).sum(axis=1)) / n_steps
    return Bound(
        value=relaxed + price * problem.budget.k,
        price=price,
        activation=(start * activations).sum(axis=1) / n_steps,
        status=f"valid for the first {n_steps} periods",
        method="one-price dual",
    )

"""The linear program that the occupancy bounds share: flow is kept, activations are rationed, reward is maximised.

    maximise    c @ x
    subject to  F x = b         (flow: what enters a state leaves it)
                B x <= q        (budget rows; = q when every activation must be used)
                x >= 0

solved by the HiGHS solver inside SciPy. Occupancies are laid out in C order as (type, action, state) and weighted by the
type's share of the cohort, so the program's numbers are of order one for any number of arms and any reward unit.

Reference: Q. Huangfu, J. A. J. Hall, Parallelizing the dual revised simplex method (2018). Stopping rule: HiGHS's, with
feasibility tolerances 1e-10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from rmab.errors import NotConverged
from rmab.models.problem import Problem

TOLERANCES = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def balance(outflow: NDArray[np.float64]) -> csr_array:
    """Sparse flow equations of all types, one block per type.

    Parameters
    ----------
    outflow : ndarray, shape (K, A, S, S)
        ``outflow[k, a, s, t]``: what one unit in state ``s`` under action ``a`` adds to the equation of state ``t``.

    Returns
    -------
    csr_array, shape (K * S, K * A * S)
        Equations in C order (type, state), variables in C order (type, action, state).

    Examples
    --------
    >>> balance(np.array([[[[1.0, -1.0], [0.0, 0.0]]]])).toarray()
    array([[ 1., 0.],
           [-1., 0.]])
    """
    n_types, n_actions, n_states, _ = outflow.shape
    k, a, s, t = np.nonzero(outflow)
    where = (k * n_states + t, (k * n_actions + a) * n_states + s)
    return csr_array((outflow[k, a, s, t], where), shape=(n_types * n_states, n_types * n_actions * n_states))


def weighted(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Reward, activation and start of every type, weighted by the type's share of the cohort.

    Parameters
    ----------
    problem : Problem
        ``K`` types.

    Returns
    -------
    tuple
        Reward per unit of occupancy ``(K, A, S)``; whether the action is an activation, 0 or 1, ``(K, A, S)``; start mass
        ``(K, S)``, which sums to 1 over all types. Occupancies carry the weight, rewards do not.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms(np.full((2, 2, 2, 2), 0.5), np.zeros((2, 2, 2)), multiplicity=[1, 3])
    >>> weighted(Problem(arms, TopK(1), Average()))[2]
    array([[0.125, 0.125],
           [0.375, 0.375]])
    """
    arms = problem.arms
    active = np.zeros_like(arms.rewards)
    active[:, 1:] = 1.0
    start = problem.start_distribution
    share = arms.multiplicity / arms.n_arms
    return arms.rewards, active, start / start.sum(axis=1, keepdims=True) * share[:, np.newaxis]


def per_arm(problem: Problem, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Occupancies of one arm of each type, from those that carry the type's share of the cohort.

    Parameters
    ----------
    problem : Problem
        ``K`` types.
    x : ndarray, shape (..., K, A, S)
        Occupancies as the program has them; the solver's tiny negative numbers become 0.

    Returns
    -------
    ndarray, shape (..., K, A, S)

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms(np.ones((2, 2, 1, 1)), np.zeros((2, 2, 1)), multiplicity=[1, 3])
    >>> per_arm(Problem(arms, TopK(1), Average()), np.array([[[0.25], [0.0]], [[0.5], [0.25]]])).round(3).tolist()
    [[[1.0], [0.0]], [[0.667], [0.333]]]
    """
    share = problem.arms.multiplicity / problem.arms.n_arms
    return np.maximum(x, 0.0) / share[:, np.newaxis, np.newaxis]


def solve_program(
    reward: NDArray[np.float64],
    flow: csr_array,
    inflow: NDArray[np.float64],
    budget_rows: csr_array,
    budget: float,
    exactly: bool,
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Solve the program of the module docstring.

    Parameters
    ----------
    reward : ndarray, shape (V,)
        Reward ``c`` of each of the ``V`` variables.
    flow : csr_array, shape (E, V)
        Left sides ``F`` of the flow equations.
    inflow : ndarray, shape (E,)
        Their right sides ``b``.
    budget_rows : csr_array, shape (B, V)
        Left sides of the budget rows.
    budget : float
        Their common right side ``q``.
    exactly : bool
        Whether the budget rows are equations.

    Returns
    -------
    tuple
        The optimal value, the variables ``(V,)``, and the multiplier of each budget row ``(B,)``.

    Raises
    ------
    NotConverged
        If HiGHS does not report an optimum; the message is HiGHS's own.

    Examples
    --------
    >>> one = csr_array(np.array([[1.0, 1.0]]))
    >>> value, x, price = solve_program(np.array([0.0, 3.0]), one, np.ones(1), csr_array(np.array([[0.0, 1.0]])), 0.25, False)
    >>> value, x.tolist(), price.tolist()
    (0.75, [0.75, 0.25], [3.0])
    """
    scale = np.abs(reward).max() or 1.0
    rations = np.full(budget_rows.shape[0], budget)
    result = linprog(
        -reward / scale,
        A_eq=csr_array(vstack([flow, budget_rows])) if exactly else flow,
        b_eq=np.concatenate([inflow, rations]) if exactly else inflow,
        A_ub=None if exactly else budget_rows,
        b_ub=None if exactly else rations,
        method="highs",
        options=TOLERANCES,
    )
    if result.status != 0:
        raise NotConverged(f"the linear program was not solved: {result.message}")
    marginals = result.eqlin.marginals[len(inflow) :] if exactly else np.minimum(result.ineqlin.marginals, 0.0)
    return float(-result.fun * scale), result.x, 0.0 - marginals * scale

"""The linear program that the occupancy bounds share: flow is kept, activations are rationed, reward is maximised.

    maximise    c @ x
    subject to  F x = b         (flow: what enters a state leaves it)
                B x <= q        (budget rows; = q when every activation must be used)
                D x <= 0        (what each arm owes on its own: cost less bound of every penalty and type)
                x >= 0

solved by the HiGHS solver inside SciPy. Occupancies are laid out in C order as (type, action, state). The solver's tolerances
are absolute, so its numbers are kept of order one: a type's occupancies sum to the root of its multiplicity over the largest,
which treats variables and reduced costs of rare types alike, and rewards and every row of B and D are divided by their largest
entry. Results are in the units of the problem.

Reference: Q. Huangfu, J. A. J. Hall, Parallelizing the dual revised simplex method (2018). Stopping rule: HiGHS's, with
feasibility tolerances 1e-10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from rmab.errors import NotConverged
from rmab.models.problem import Problem

TOLERANCES = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
UNSURE = (2, 4)  # SciPy's codes for infeasible and for numerical trouble


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


def weights(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a unit of each type's variables counts for, and how many units the type has.

    Parameters
    ----------
    problem : Problem
        ``K`` types.

    Returns
    -------
    tuple
        Scale of each type's variables and mass of its arms, both (K,); their product is the type's share of the cohort.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms(np.full((2, 2, 2, 2), 0.5), np.zeros((2, 2, 2)), multiplicity=[1, 4])
    >>> scale, mass = weights(Problem(arms, TopK(1), Average()))
    >>> scale.round(12).tolist(), mass.round(12).tolist()
    ([0.4, 0.8], [0.5, 1.0])
    """
    multiplicity = problem.arms.multiplicity
    mass = np.sqrt(multiplicity / multiplicity.max())
    return multiplicity / problem.arms.n_arms / mass, mass


def start_mass(problem: Problem, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inflow (K, S) of each type from a distribution (K, S) of its arms, whose rounding is divided out.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms(np.full((2, 2, 2, 2), 0.5), np.zeros((2, 2, 2)), multiplicity=[1, 4])
    >>> start_mass(Problem(arms, TopK(1), Average()), np.full((2, 2), 0.5)).tolist()
    [[0.25, 0.25], [0.5, 0.5]]
    """
    return start / start.sum(axis=1, keepdims=True) * weights(problem)[1][:, np.newaxis]


def per_arm(problem: Problem, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Occupancies of one arm of each type, from the variables of the program.

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
    >>> arms = Arms(np.ones((2, 2, 1, 1)), np.zeros((2, 2, 1)), multiplicity=[1, 4])
    >>> per_arm(Problem(arms, TopK(1), Average()), np.array([[[0.5], [0.0]], [[0.75], [0.25]]])).tolist()
    [[[1.0], [0.0]], [[0.75], [0.25]]]
    """
    return np.maximum(x, 0.0) / weights(problem)[1][:, np.newaxis, np.newaxis]


def resource_rows(problem: Problem) -> tuple[csr_array, NDArray[np.float64], NDArray[np.float64]]:
    """What the actions of one period take of each resource, each in a unit of its own.

    Parameters
    ----------
    problem : Problem
        ``K`` types under a budget of ``R`` resources.

    Returns
    -------
    tuple
        Rows (R, K * A * S); what there is of each resource per arm of the cohort (R,); the units in which both are given (R,).

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import Knapsack
    >>> from rmab.models.criterion import Average
    >>> arms = Arms(np.ones((2, 2, 1, 1)), np.zeros((2, 2, 1)))
    >>> rows, limits, units = resource_rows(Problem(arms, Knapsack(10.0, [4.0, 2.0]), Average()))
    >>> rows.toarray().tolist(), limits.tolist(), units.tolist()
    ([[0.0, 1.0, 0.0, 0.5]], [2.5], [2.0])
    """
    costs = problem.resource_costs * weights(problem)[0]
    units = costs.max(axis=1)
    rows = np.zeros((len(units), *problem.arms.rewards.shape))
    rows[:, :, 1:] = (costs / units[:, np.newaxis])[:, :, np.newaxis, np.newaxis]
    return csr_array(rows.reshape(len(units), -1)), problem.capacities / units / problem.arms.n_arms, units


def excess_rows(problem: Problem) -> tuple[csr_array, NDArray[np.float64]]:
    """Cost less bound of each penalty and type, each in a unit of its own.

    Parameters
    ----------
    problem : Problem
        ``K`` types, ``J`` penalties.

    Returns
    -------
    tuple
        Rows (J * K, K * A * S), in C order (penalty, type); the units of cost of one arm in which they are given (J, K).

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> from rmab.models.penalty import Penalty
    >>> arms = Arms(np.ones((2, 1, 1)), np.zeros((2, 1)))
    >>> rows, units = excess_rows(Problem(arms, TopK(1), Average(), penalties=Penalty([[0.0], [8.0]], 4.0)))
    >>> rows.toarray().tolist(), units.tolist()
    ([[-1.0, 1.0]], [[4.0]])
    """
    excess = problem.excess_costs
    units = np.abs(excess).max(axis=(2, 3))
    units = np.where(units > 0, units, 1.0)
    n_penalties, n_types, n_actions, n_states = excess.shape
    j, k, a, s = np.nonzero(excess)
    where = (j * n_types + k, (k * n_actions + a) * n_states + s)
    shape = (n_penalties * n_types, n_types * n_actions * n_states)
    return csr_array((excess[j, k, a, s] / units[j, k], where), shape=shape), units


@dataclass(frozen=True, eq=False)
class Program:
    """The program of the module docstring but for the reward.

    Parameters
    ----------
    flow : csr_array, shape (E, V)
        Left sides ``F`` of the flow equations.
    inflow : ndarray, shape (E,)
        Their right sides ``b``.
    budget_rows : csr_array, shape (B, V)
        Left sides of the budget rows.
    budget : ndarray, shape (B,)
        Their right sides ``q``.
    exactly : bool
        Whether the budget rows are equations.
    excess_rows : csr_array, shape (D, V)
        The requirements of the arms.
    """

    flow: csr_array
    inflow: NDArray[np.float64]
    budget_rows: csr_array
    budget: NDArray[np.float64]
    exactly: bool
    excess_rows: csr_array


@dataclass(frozen=True, eq=False)
class Solution:
    """An optimum of a program: its value, the variables (V,), the multipliers of budget rows (B,) and requirements (D,)."""

    value: float
    x: NDArray[np.float64]
    prices: NDArray[np.float64]
    multipliers: NDArray[np.float64]


def solve_program(program: Program, reward: NDArray[np.float64]) -> Solution:
    """Solve the program of the module docstring.

    Parameters
    ----------
    program : Program
        ``V`` variables.
    reward : ndarray, shape (V,)
        Reward ``c`` of each of them.

    Returns
    -------
    Solution

    Raises
    ------
    NotConverged
        If HiGHS does not report an optimum; the message is HiGHS's own.

    Examples
    --------
    >>> one, act, none = csr_array([[1.0, 1.0]]), csr_array([[0.0, 1.0]]), csr_array((0, 2))
    >>> found = solve_program(Program(one, np.ones(1), act, np.array([0.25]), False, none), np.array([0.0, 3.0]))
    >>> found.value, found.x.tolist(), found.prices.tolist()
    (0.75, [0.75, 0.25], [3.0])
    """
    scale = np.abs(reward).max() or 1.0
    owed = np.zeros(program.excess_rows.shape[0])
    equal, n_flow = program.exactly, len(program.inflow)
    rows = {
        "A_eq": csr_array(vstack([program.flow, program.budget_rows])) if equal else program.flow,
        "b_eq": np.concatenate([program.inflow, program.budget]) if equal else program.inflow,
        "A_ub": program.excess_rows if equal else csr_array(vstack([program.excess_rows, program.budget_rows])),
        "b_ub": owed if equal else np.concatenate([owed, program.budget]),
    }
    result = linprog(-reward / scale, **rows, method="highs", options=TOLERANCES)
    if result.status in UNSURE:
        # presolve takes rounding for a contradiction where the budget leaves no choice, as when all arms must be acted on
        result = linprog(-reward / scale, **rows, method="highs", options={**TOLERANCES, "presolve": False})
    if result.status != 0:
        raise NotConverged(f"the linear program was not solved: {result.message}")
    below = 0.0 - np.minimum(result.ineqlin.marginals, 0.0) * scale
    prices = 0.0 - result.eqlin.marginals[n_flow:] * scale if equal else below[len(owed) :]
    return Solution(float(-result.fun * scale), result.x, prices, below[: len(owed)])

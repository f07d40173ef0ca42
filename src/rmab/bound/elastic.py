"""Why the arms' requirements cannot all be met, told by the least excess.

A problem with penalties may have no policy that meets them: an arm's bound may be out of its reach, or the bounds of all arms
may ask for more activations, or for fewer, than the budget has. When the linear program fails, three others tell why:

1. Each type alone, each penalty alone: the least mean cost, min sum x c over the flows of the type. Above the bound, nothing
   but another bound helps.
2. Each type alone, its penalties together; and
3. all types together under the budget: let each requirement be exceeded by u >= 0 and minimise the total,

       minimise  sum over arms of u      subject to      F x = b,   B x <= q,   D x <= u.

The total in 2 and 3 is over all arms, each penalty in units of its largest cost less bound.

Reference: phase one of the simplex method; G. B. Dantzig, Linear Programming and Extensions (1963), chapter 5. Cost: up to
J + 2 more linear programs, and only where there was no answer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csr_array, eye_array, hstack

from rmab.bound.program import Program, Solution, solve_program, weights
from rmab.errors import InfeasiblePenalty, NotConverged
from rmab.models.budget import TopK
from rmab.models.penalty import listed
from rmab.models.problem import Problem

MET = 1e-9  # excess, in units of the row, that is rounding
MOST_NAMED = 3


def solve_with_penalties(
    problem: Problem, program: Program, reward: NDArray[np.float64], units: NDArray[np.float64]
) -> Solution:
    """Solve a program, and say what is in the way when the requirements of the arms are.

    Parameters
    ----------
    problem : Problem
        What the program is of.
    program : Program
        Its last rows are the requirements, in C order (penalty, type).
    reward : ndarray, shape (V,)
        Reward of each variable.
    units : ndarray, shape (J, K)
        Units of the requirements.

    Returns
    -------
    Solution
        With multipliers (J, K) as in :class:`rmab.Bound`: of one arm of each type, in reward per unit of the penalty's cost.

    Raises
    ------
    InfeasiblePenalty
        If the requirements cannot be met; the message says which and by how much.
    NotConverged
        If the solver fails otherwise; the message is its own.

    Examples
    --------
    >>> nothing = Program(csr_array([[1.0]]), np.ones(1), csr_array((0, 1)), np.empty(0), False, csr_array((0, 1)))
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.criterion import Average
    >>> problem = Problem(Arms([[[1.0]], [[1.0]]], [[0], [1]]), TopK(1), Average())
    >>> solve_with_penalties(problem, nothing, np.ones(1), np.ones((0, 1))).value
    1.0
    """
    try:
        found = solve_program(program, reward)
    except NotConverged:
        why = (_alone(problem, program, units) or _together(problem, program, units)) if len(units) else ""
        if why:
            raise InfeasiblePenalty(why) from None
        raise
    return replace(found, multipliers=found.multipliers.reshape(units.shape) / (units * weights(problem)[0]))


def _alone(problem: Problem, program: Program, units: NDArray[np.float64]) -> str:
    """The first type that cannot meet its requirements even without a budget, in words; nothing if there is none."""
    free, mass = replace(program, budget_rows=program.budget_rows[:0], budget=program.budget[:0]), weights(problem)[1]
    least = np.empty(units.shape)
    for j, row in enumerate(least):
        mean = csr_array(program.excess_rows[j * len(row) : (j + 1) * len(row)])
        row[:] = mean @ solve_program(replace(free, excess_rows=mean[:0]), -mean.sum(axis=0)).x / mass
    over = (least > MET).T
    if over.any():
        k, j = np.argwhere(over)[0]
        name, bound = f"penalty {j}" if len(units) > 1 else "the penalty", listed(problem.penalties)[j].bound[k]
        return (
            f"{name} is infeasible for type {k}, whatever the budget: its mean cost is at least "
            f"{least[j, k] * units[j, k] + bound:.6g} per period, above the bound of {bound:.6g}; raise the bound"
        )
    if len(units) == 1:
        return ""
    excess = _least_excess(problem, free, units)
    types = np.flatnonzero((excess > MET * units).any(axis=0))[:1]
    if not len(types):
        return ""
    return (
        f"the penalties of type {types[0]} are infeasible together, whatever the budget: where they are exceeded "
        f"least, {_listing(problem, excess[:, types], types)}; raise one of its bounds"
    )


def _together(problem: Problem, program: Program, units: NDArray[np.float64]) -> str:
    """How the budget stands between the types and their requirements, in words; nothing if it does not."""
    excess = _least_excess(problem, program, units)
    types = np.flatnonzero((excess > MET * units).any(axis=0))
    if not len(types):
        return ""
    # costs of several penalties have no common unit
    total = f", by {float((excess @ problem.arms.multiplicity)[0]):.6g} over all arms" if len(units) == 1 else ""
    return (
        f"the penalties are infeasible together under the budget of {_budget(problem)} per period: where they are exceeded "
        f"least{total}, {_listing(problem, excess[:, types], types)}; {_remedy(problem)}"
    )


def _least_excess(problem: Problem, program: Program, units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean cost less bound of one arm of each type, (J, K), where the total over all arms is least."""
    n_rows, n_columns = program.excess_rows.shape
    more = csr_array((program.flow.shape[0], n_rows))
    beside = csr_array((program.budget_rows.shape[0], n_rows))
    elastic = replace(
        program,
        flow=csr_array(hstack([program.flow, more])),
        budget_rows=csr_array(hstack([program.budget_rows, beside])),
        excess_rows=csr_array(block_array([[program.excess_rows, -eye_array(n_rows)]])),
    )
    scale, mass = weights(problem)
    weight = units * scale
    weight = weight / weight.max(axis=1, keepdims=True)
    x = solve_program(elastic, np.concatenate([np.zeros(n_columns), -weight.ravel()])).x
    return np.maximum(x[n_columns:].reshape(units.shape), 0.0) * units / mass


def _listing(problem: Problem, excess: NDArray[np.float64], types: NDArray[np.int64]) -> str:
    """The first requirements that are exceeded, given their excess (J, T) for some types (T,)."""
    penalties = listed(problem.penalties)
    each = []
    for j, t in ((j, t) for t in range(len(types)) for j in range(len(excess)) if excess[j, t] > 0):
        which = f" of penalty {j}" if len(excess) > 1 else ""
        each.append(f"type {types[t]} exceeds its bound{which} of {penalties[j].bound[types[t]]:.6g} by {excess[j, t]:.4g}")
    rest = f" and {len(each) - MOST_NAMED} more do" if len(each) > MOST_NAMED else ""
    return ", ".join(each[:MOST_NAMED]) + rest


def _budget(problem: Problem) -> str:
    budget = problem.budget
    if isinstance(budget, TopK):
        return f"{'exactly' if budget.exactly else 'at most'} {budget.k} of {problem.arms.n_arms} arms"
    return f"at most {', '.join(f'{limit:.6g}' for limit in budget.capacities)}"


def _remedy(problem: Problem) -> str:
    if problem.budget.exactly:
        return f"raise these bounds, change the budget, or write TopK({problem.budget.k}) if not all of it must be used"
    return "raise these bounds or the budget"

"""``rmab bound``: an upper bound on what any policy can earn in a problem file."""

from __future__ import annotations

from pathlib import Path

from rmab.cli.options import BudgetOptions, CriterionOptions, OutputOptions
from rmab.cli.output import answer, check_writable, provenance
from rmab.cli.problem_file import read_problem
from rmab.errors import ModelError
from rmab.models.budget import Knapsack
from rmab.models.problem import Problem

KINDS = ("lagrangian", "fluid")


def bound(
    file: Path,
    *,
    kind: str | None = None,
    budget: BudgetOptions | None = None,
    criterion: CriterionOptions | None = None,
    output: OutputOptions | None = None,
) -> None:
    """Upper bound on what any policy can earn.

    Parameters
    ----------
    file : Path
        A problem file: JSON, or arms or a problem saved as safetensors.
    kind : str, optional
        lagrangian, the minimum of the dual, or fluid, a linear program that knows penalties and several resources. Default:
        fluid where the problem has either, else lagrangian.
    """
    from rmab.bound.fluid import fluid_bound
    from rmab.bound.lagrangian import lagrangian_bound

    output = output or OutputOptions()
    if kind is not None and kind not in KINDS:
        raise ModelError(f"--kind: there is no bound {kind!r}; choose among {', '.join(KINDS)}")
    check_writable(output.out, file)
    given, budget = read_problem(file), budget or BudgetOptions()
    problem = budget.problem(given, criterion)
    result = {"lagrangian": lagrangian_bound, "fluid": fluid_bound}[kind or fitting_kind(problem)](problem)
    fields = {
        "value": result.value,
        "price": result.price,
        "activation": result.activation.tolist(),
        "multipliers": None if result.multipliers is None else result.multipliers.tolist(),
        "prices": None if result.prices is None else result.prices.tolist(),
        "status": result.status,
        "method": result.method,
        "provenance": provenance(file, **budget.configuration(given, problem)),
    }
    answer(str(result), fields, output)


def fitting_kind(problem: Problem) -> str:
    """The faster of the bounds that know all of the problem."""
    several = isinstance(problem.budget, Knapsack) and problem.budget.n_resources > 1
    return "fluid" if problem.penalties is not None or several else "lagrangian"

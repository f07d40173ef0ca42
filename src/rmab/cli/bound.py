"""``rmab bound``: an upper bound on what any policy can earn in a problem file."""

from __future__ import annotations

from pathlib import Path

from rmab.cli.options import BudgetOptions, CriterionOptions, OutputOptions
from rmab.cli.output import answer, check_writable, provenance
from rmab.cli.problem_file import read_arms


def bound(
    file: Path, *, budget: BudgetOptions, criterion: CriterionOptions | None = None, output: OutputOptions | None = None
) -> None:
    """Upper bound on what any policy can earn.

    Parameters
    ----------
    file : Path
        JSON with transitions, rewards and optionally multiplicity, or arms saved as safetensors.
    """
    from rmab.bound.lagrangian import lagrangian_bound

    wanted, output = (criterion or CriterionOptions()).criterion(), output or OutputOptions()
    check_writable(output.out, file)
    problem = budget.problem(read_arms(file), wanted)
    result = lagrangian_bound(problem)
    fields = {
        "value": result.value,
        "price": result.price,
        "activation": result.activation.tolist(),
        "status": result.status,
        "method": result.method,
        "provenance": provenance(file, criterion=repr(wanted), budget=repr(problem.budget), start=budget.start),
    }
    answer(str(result), fields, output)

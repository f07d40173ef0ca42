"""``rmab compare``: several policies on common random numbers, with their gaps to the bound."""

from __future__ import annotations

from pathlib import Path

from rmab.cli.options import DEFAULT_CAP, BudgetOptions, CriterionOptions, OutputOptions, SimulationOptions
from rmab.cli.output import answer, check_writable, progress_bar, provenance
from rmab.cli.policies import named_policy, several
from rmab.cli.problem_file import read_problem
from rmab.cli.simulate import fitting_bound, outcome_fields

DEFAULT = ("recommended", "myopic", "uniform", "none")


def compare(
    file: Path,
    *,
    policies: str | None = None,
    cap: float = DEFAULT_CAP,
    budget: BudgetOptions | None = None,
    criterion: CriterionOptions | None = None,
    simulation: SimulationOptions | None = None,
    output: OutputOptions | None = None,
) -> None:
    """Simulate several policies on common random numbers; differences are paired by replicate.

    The bound is chosen as in ``rmab simulate``.

    Parameters
    ----------
    file : Path
        A problem file: JSON, or arms or a problem saved as safetensors.
    policies : str, optional
        Names joined by commas: recommended, whittle, pow, pow-lower, randomised-pow, feedback-pow, constrained-lagrangian,
        fawt, drift-plus-penalty, lp-priority, randomised-lp, virtual-advice, id, set-expansion, two-set, lp-update, myopic,
        uniform, round-robin, none; among them files that rmab train left, as in rmab simulate. Default: recommended, myopic,
        uniform, and none unless the budget must be used in full.
    cap : float
        Largest multiplier of the pow policies, in reward per unit of a penalty's cost.
    """
    from rmab.simulation.run import compare as run

    output, budget = output or OutputOptions(), budget or BudgetOptions()
    names = None if policies is None else several(policies)
    check_writable(output.out, file)
    given = read_problem(file)
    problem = budget.problem(given, criterion)
    if names is None:
        names = [name for name in DEFAULT if name != "none" or not problem.budget.exactly]
    arguments = (simulation or SimulationOptions()).arguments(problem.criterion)
    chosen = {name: named_policy(name, problem, cap) for name in names}
    with progress_bar("replicates") as progress:
        table = run(problem, chosen, progress=progress, **arguments)
    first = next(iter(table.outcomes.values()))
    bound = fitting_bound(problem, first)
    fields = {
        "policies": {name: outcome_fields(problem, outcome, bound) for name, outcome in table.outcomes.items()},
        "best": table.best,
        "less_best": {
            name: {"mean": paired.mean, "interval": list(paired.interval)}
            for name, paired in ((name, table.difference(name)) for name in table.outcomes)
        },
        "bound": bound.value,
        "provenance": provenance(file, **budget.configuration(given, problem), entropy=first.entropy),
    }
    gaps = "\n".join(f"{name}: gap {gap}" for name, gap in table.gap(bound).items())
    answer(f"{table}\n{bound}\n{gaps}", fields, output)

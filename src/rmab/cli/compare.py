"""``rmab compare``: several policies on common random numbers, with their gaps to the bound."""

from __future__ import annotations

from pathlib import Path

from rmab.cli.options import BudgetOptions, CriterionOptions, OutputOptions, SimulationOptions
from rmab.cli.output import answer, check_writable, progress_bar, provenance
from rmab.cli.policies import named_policy, several
from rmab.cli.problem_file import read_arms
from rmab.cli.simulate import fitting_bound, outcome_fields


def compare(
    file: Path,
    *,
    policies: str = "recommended,myopic,uniform,none",
    budget: BudgetOptions,
    criterion: CriterionOptions | None = None,
    simulation: SimulationOptions | None = None,
    output: OutputOptions | None = None,
) -> None:
    """Simulate several policies on common random numbers; differences are paired by replicate.

    The bound is chosen as in ``rmab simulate``.

    Parameters
    ----------
    file : Path
        JSON with transitions, rewards and optionally multiplicity, or arms saved as safetensors.
    policies : str
        Names joined by commas: recommended, whittle, lp-priority, randomised-lp, virtual-advice, id, set-expansion,
        two-set, lp-update, myopic, uniform, round-robin, none.
    """
    from rmab.simulation.run import compare as run

    wanted, output = (criterion or CriterionOptions()).criterion(), output or OutputOptions()
    arguments = (simulation or SimulationOptions()).arguments(wanted)
    check_writable(output.out, file)
    problem = budget.problem(read_arms(file), wanted)
    chosen = {name: named_policy(name, problem) for name in several(policies)}
    with progress_bar("replicates") as progress:
        table = run(problem, chosen, progress=progress, **arguments)
    first = next(iter(table.outcomes.values()))
    bound = fitting_bound(problem, first)
    fields = {
        "policies": {name: outcome_fields(outcome, bound) for name, outcome in table.outcomes.items()},
        "best": table.best,
        "less_best": {
            name: {"mean": paired.mean, "interval": list(paired.interval)}
            for name, paired in ((name, table.difference(name)) for name in table.outcomes)
        },
        "bound": bound.value,
        "provenance": provenance(
            file, criterion=repr(wanted), budget=repr(problem.budget), start=budget.start, entropy=first.entropy
        ),
    }
    gaps = "\n".join(f"{name}: gap {gap}" for name, gap in table.gap(bound).items())
    answer(f"{table}\n{bound}\n{gaps}", fields, output)

"""``rmab simulate``: simulate one policy on a problem file and report its gap to the bound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmab.cli.bound import fitting_kind
from rmab.cli.options import DEFAULT_CAP, BudgetOptions, CriterionOptions, OutputOptions, SimulationOptions
from rmab.cli.output import answer, check_writable, progress_bar, provenance
from rmab.cli.policies import named_policy
from rmab.cli.problem_file import read_problem
from rmab.models.criterion import Average

if TYPE_CHECKING:
    from rmab.bound.result import Bound
    from rmab.models.problem import Problem
    from rmab.simulation.outcome import Outcome


def simulate(
    file: Path,
    *,
    policy: str,
    cap: float = DEFAULT_CAP,
    budget: BudgetOptions | None = None,
    criterion: CriterionOptions | None = None,
    simulation: SimulationOptions | None = None,
    output: OutputOptions | None = None,
) -> None:
    """Simulate one policy and report its gap to the bound of the same criterion.

    With --average the bound is that over the simulated periods from the start, since a short run from a good start can beat the
    long run; with --burn-in the first periods are left out and the bound is that of the long run. So it always is where arms
    have requirements of their own; by how much these are missed is the violation.

    Parameters
    ----------
    file : Path
        A problem file: JSON, or arms or a problem saved as safetensors.
    policy : str
        One of recommended, whittle, pow, pow-lower, randomised-pow, feedback-pow, constrained-lagrangian, fawt,
        drift-plus-penalty, lp-priority, randomised-lp, virtual-advice, id, set-expansion, two-set, lp-update, myopic, uniform,
        round-robin, none. Or what rmab train left: FILE.safetensors, or FILE.safetensors:3 for its seed 3.
    cap : float
        Largest multiplier of the pow policies, in reward per unit of a penalty's cost.
    """
    from rmab.simulation.run import simulate as run

    output, budget = output or OutputOptions(), budget or BudgetOptions()
    check_writable(output.out, file)
    given = read_problem(file)
    problem = budget.problem(given, criterion)
    arguments = (simulation or SimulationOptions()).arguments(problem.criterion)
    chosen = named_policy(policy, problem, cap)
    with progress_bar("replicates") as progress:
        outcome = run(problem, chosen, progress=progress, **arguments)
    bound = fitting_bound(problem, outcome)
    fields = {
        "policy": policy,
        **outcome_fields(problem, outcome, bound),
        "bound": bound.value,
        "provenance": provenance(file, **budget.configuration(given, problem), entropy=outcome.entropy),
    }
    answer(f"{policy}: {outcome}\n{bound}\ngap to the bound: {outcome.gap(bound)}", fields, output)


def fitting_bound(problem: Problem, outcome: Outcome) -> Bound:
    """The bound that no policy's mean over the same periods can pass; that of the long run, if there are penalties."""
    from rmab.bound.fluid import fluid_bound
    from rmab.bound.lagrangian import lagrangian_bound
    from rmab.bound.one_price import one_price_bound

    if fitting_kind(problem) == "fluid":
        return fluid_bound(problem)
    if isinstance(problem.criterion, Average) and outcome.burn_in == 0:
        return one_price_bound(problem, outcome.steps)
    return lagrangian_bound(problem)


def outcome_fields(problem: Problem, outcome: Outcome, bound: Bound) -> dict[str, Any]:
    """The numbers of an outcome that JSON shows; those on violation only where there are penalties."""
    gap = outcome.gap(bound)
    owed = {
        "violation": outcome.violation.tolist(),
        "violation_interval": outcome.violation_interval.tolist(),
        "excess": outcome.excess.tolist(),
    }
    return {
        "mean": outcome.mean,
        "interval": list(outcome.interval),
        "gap": {"value": gap.value, "interval": list(gap.interval), "relative": gap.relative},
        **(owed if problem.penalties is not None else {}),
        "activations": float(outcome.activations.mean()),
        "steps": outcome.steps,
        "replicates": outcome.replicates,
        "burn_in": outcome.burn_in,
        "engine": outcome.engine,
        "status": outcome.status,
    }

"""``rmab simulate``: simulate one policy on a problem file and report its gap to the bound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmab.cli.options import BudgetOptions, CriterionOptions, OutputOptions, SimulationOptions
from rmab.cli.output import answer, check_writable, progress_bar, provenance
from rmab.cli.policies import named_policy
from rmab.cli.problem_file import read_arms
from rmab.models.criterion import Average

if TYPE_CHECKING:
    from rmab.bound.result import Bound
    from rmab.models.problem import Problem
    from rmab.simulation.outcome import Outcome


def simulate(
    file: Path,
    *,
    policy: str,
    budget: BudgetOptions,
    criterion: CriterionOptions | None = None,
    simulation: SimulationOptions | None = None,
    output: OutputOptions | None = None,
) -> None:
    """Simulate one policy and report its gap to the bound of the same criterion.

    With --average the bound is that over the simulated periods from the start, since a short run from a good start can beat the
    long run; with --burn-in the first periods are left out and the bound is that of the long run.

    Parameters
    ----------
    file : Path
        JSON with transitions, rewards and optionally multiplicity, or arms saved as safetensors.
    policy : str
        One of recommended, whittle, lp-priority, randomised-lp, virtual-advice, id, set-expansion,
        two-set, lp-update, myopic, uniform, round-robin, none.
    """
    from rmab.simulation.run import simulate as run

    wanted, output = (criterion or CriterionOptions()).criterion(), output or OutputOptions()
    arguments = (simulation or SimulationOptions()).arguments(wanted)
    check_writable(output.out, file)
    problem = budget.problem(read_arms(file), wanted)
    chosen = named_policy(policy, problem)
    with progress_bar("replicates") as progress:
        outcome = run(problem, chosen, progress=progress, **arguments)
    bound = fitting_bound(problem, outcome)
    fields = {
        "policy": policy,
        **outcome_fields(outcome, bound),
        "bound": bound.value,
        "provenance": provenance(
            file, criterion=repr(wanted), budget=repr(problem.budget), start=budget.start, entropy=outcome.entropy
        ),
    }
    answer(f"{policy}: {outcome}\n{bound}\ngap to the bound: {outcome.gap(bound)}", fields, output)


def fitting_bound(problem: Problem, outcome: Outcome) -> Bound:
    """The bound that no policy's mean over the same periods can pass."""
    from rmab.bound.lagrangian import lagrangian_bound
    from rmab.bound.one_price import one_price_bound

    if isinstance(problem.criterion, Average) and outcome.burn_in == 0:
        return one_price_bound(problem, outcome.steps)
    return lagrangian_bound(problem)


def outcome_fields(outcome: Outcome, bound: Bound) -> dict[str, Any]:
    """The numbers of an outcome that JSON shows."""
    gap = outcome.gap(bound)
    return {
        "mean": outcome.mean,
        "interval": list(outcome.interval),
        "gap": {"value": gap.value, "interval": list(gap.interval), "relative": gap.relative},
        "activations": float(outcome.activations.mean()),
        "steps": outcome.steps,
        "replicates": outcome.replicates,
        "burn_in": outcome.burn_in,
        "engine": outcome.engine,
        "status": outcome.status,
    }

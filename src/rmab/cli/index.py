"""``rmab index``: the Whittle, Gittins or gain index of every type and state of a problem file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmab.cli.options import BudgetOptions, CriterionOptions, OutputOptions
from rmab.cli.output import answer, check_writable, progress_bar, provenance
from rmab.cli.problem_file import read_arms
from rmab.errors import ModelError

if TYPE_CHECKING:
    from rmab.index.gain import GainIndex
    from rmab.index.table import IndexTable
    from rmab.models.arms import Arms
    from rmab.models.criterion import Criterion

KINDS = ("whittle", "gittins", "gain")


def index(
    file: Path,
    *,
    kind: str = "whittle",
    tie_break: str | None = None,
    budget: BudgetOptions | None = None,
    criterion: CriterionOptions | None = None,
    output: OutputOptions | None = None,
) -> None:
    """Index of every type and state of a problem file.

    Parameters
    ----------
    file : Path
        JSON with transitions, rewards and optionally multiplicity, or arms saved as safetensors.
    kind : str
        whittle; gittins, for arms that stand still and pay nothing while they wait; or gain, at the common price of a --budget.
    tie_break : str, optional
        How the gain index orders states that tie at the price: none, left, right or fluid. Default: none.
    """
    wanted, output = (criterion or CriterionOptions()).criterion(), output or OutputOptions()
    _check(kind, tie_break, budget)
    check_writable(output.out, file)
    arms = read_arms(file)
    if budget is None:
        table = _table(kind, arms, wanted)
        answer(
            f"{table}\n{_accuracy(table)}", {**_of_table(table), "provenance": provenance(file, criterion=repr(wanted))}, output
        )
        return
    from rmab.index.gain import gain_index

    problem = budget.problem(arms, wanted)
    found = gain_index(problem, tie_break=tie_break or "none")
    made_from = provenance(file, criterion=repr(wanted), budget=repr(problem.budget), start=budget.start)
    answer(str(found), {**_of_gain(found), "provenance": made_from}, output)


def _check(kind: str, tie_break: str | None, budget: BudgetOptions | None) -> None:
    if kind not in KINDS:
        raise ModelError(f"--kind: there is no index {kind!r}; choose among {', '.join(KINDS)}")
    if kind == "gain" and budget is None:
        raise ModelError("--kind gain needs --budget K: the price depends on it")
    for name, given in (("--budget", budget), ("--tie-break", tie_break)):
        if kind != "gain" and given is not None:
            raise ModelError(f"{name} belongs to --kind gain; the {kind} index does not depend on it")


def _table(kind: str, arms: Arms, criterion: Criterion) -> IndexTable:
    from rmab.index.gittins import gittins_index
    from rmab.index.whittle import whittle_index

    with progress_bar("indices") as progress:
        return (gittins_index if kind == "gittins" else whittle_index)(arms, criterion, progress=progress)


def _accuracy(table: IndexTable) -> str:
    """How exact the indices and how clear the verdicts are, over all types."""
    slope, regained = table.margin[:, 0].min(), table.margin[:, 1].max()
    return (
        f"error at most {table.error.max():.2g}; {int(table.strict.sum())} of {len(table.strict)} types strictly indexable; "
        f"margin: smallest slope {slope:.3g}, largest advantage regained {regained:.3g}"
    )


def _of_table(table: IndexTable) -> dict[str, Any]:
    return {
        "values": table.values.tolist(),
        "error": table.error.tolist(),
        "indexable": table.indexable.tolist(),
        "strict": table.strict.tolist(),
        "verdict": [str(verdict) for verdict in table.verdict],
        "margin": table.margin.tolist(),
        "witness": [None if proof is None else asdict(proof) for proof in table.witness],
        "status": table.status,
    }


def _of_gain(found: GainIndex) -> dict[str, Any]:
    return {
        "values": found.values.tolist(),
        "price": found.price,
        "price_interval": list(found.price_interval),
        "tie_break": found.tie_break,
        "bound": found.bound,
        "status": found.status,
    }

"""``rmab index``: the Whittle, conservation-law, Gittins, gain or POW index of every type and state of a problem file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmab.cli.options import DEFAULT_CAP, BudgetOptions, CriterionOptions, OutputOptions
from rmab.cli.output import answer, check_writable, progress_bar, provenance
from rmab.cli.problem_file import Given, read_problem
from rmab.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from rmab.index.table import IndexTable
    from rmab.models.criterion import Criterion
    from rmab.models.problem import Problem

# what belongs to which index: options that the others do not depend on
KINDS: dict[str, tuple[str, ...]] = {
    "whittle": (),
    "conservation": (),
    "gittins": (),
    "gain": ("--budget", "--exactly", "--start", "--tie-break"),
    "penalty": ("--start", "--cap"),
}


def index(
    file: Path,
    *,
    kind: str = "whittle",
    cap: float | None = None,
    tie_break: str | None = None,
    budget: BudgetOptions | None = None,
    criterion: CriterionOptions | None = None,
    output: OutputOptions | None = None,
) -> None:
    """Index of every type and state of a problem file.

    Parameters
    ----------
    file : Path
        A problem file: JSON, or arms or a problem saved as safetensors.
    kind : str
        whittle; conservation, the same with the test of partial conservation laws; gittins, for arms that stand still and pay
        nothing while they wait; gain, at the common price of a --budget; or penalty, the POW index of arms with requirements of
        their own.
    cap : float, optional
        Largest multiplier of the penalty index, in reward per unit of a penalty's cost. Default: 10.
    tie_break : str, optional
        How the gain index orders states that tie at the price: none, left, right or fluid. Default: none.
    """
    output, budget = output or OutputOptions(), budget or BudgetOptions()
    _check(kind, cap, tie_break, budget)
    check_writable(output.out, file)
    given = read_problem(file)
    if kind == "gain":
        problem = budget.problem(given, criterion)
        settings = budget.configuration(given, problem)
        text, fields = _gain(problem, tie_break or "none")
    else:
        wanted = (criterion or CriterionOptions()).criterion(given.criterion)
        settings = {"criterion": repr(wanted)}
        if kind == "penalty":
            cap = DEFAULT_CAP if cap is None else cap
            settings |= {"cap": cap, "start": budget.started(given)}
            text, fields = _penalty(file, given, wanted, cap, given.start if budget.start is None else budget.start)
        else:
            text, fields = _table(kind, given, wanted)
    answer(text, {**fields, "provenance": provenance(file, **settings)}, output)


def _check(kind: str, cap: float | None, tie_break: str | None, budget: BudgetOptions) -> None:
    """Refuse an index that there is not, and options of another one than that asked for."""
    if kind not in KINDS:
        raise ModelError(f"--kind: there is no index {kind!r}; choose among {', '.join(KINDS)}")
    options = {
        "--budget": budget.budget,
        "--exactly": budget.exactly,
        "--start": budget.start,
        "--tie-break": tie_break,
        "--cap": cap,
    }
    for name, value in options.items():
        if value is not None and name not in KINDS[kind]:
            owners = " and ".join(f"--kind {owner}" for owner, owned in KINDS.items() if name in owned)
            raise ModelError(f"{name} belongs to {owners}; the {kind} index does not depend on it")


def _table(kind: str, given: Given, criterion: Criterion) -> tuple[str, dict[str, Any]]:
    from rmab.index.conservation import conservation_index
    from rmab.index.gittins import gittins_index
    from rmab.index.whittle import whittle_index

    methods = {"whittle": whittle_index, "conservation": conservation_index, "gittins": gittins_index}
    with progress_bar("indices") as progress:
        table = methods[kind](given.arms, criterion, progress=progress)
    text, fields = f"{table}\n{_accuracy(table)}", _of_table(table)
    if given.penalties is None:
        return text, fields
    note = f"the {kind} index takes no account of the penalties in the file; --kind penalty does"
    return f"{text}\n{note}", {**fields, "note": note}


def _accuracy(table: IndexTable) -> str:
    """How exact the indices and how clear the verdicts are, over all types."""
    slope, regained = table.margin[:, 0].min(), table.margin[:, 1].max()
    return (
        f"error at most {table.error.max():.2g}; {int(table.strict.sum())} of {len(table.strict)} types strictly indexable; "
        f"margin: smallest slope {slope:.3g}, largest advantage regained {regained:.3g}"
    )


def _of_table(table: IndexTable) -> dict[str, Any]:
    from rmab.index.conservation import ConservationIndex

    laws = {}
    if isinstance(table, ConservationIndex):
        laws = {name: getattr(table, name).tolist() for name in ("pcl_indexable", "least_work", "violations", "order")}
    return {
        "values": table.values.tolist(),
        "error": table.error.tolist(),
        "indexable": table.indexable.tolist(),
        "strict": table.strict.tolist(),
        "verdict": [str(verdict) for verdict in table.verdict],
        "margin": table.margin.tolist(),
        "witness": [None if proof is None else asdict(proof) for proof in table.witness],
        "status": table.status,
        **laws,
    }


def _gain(problem: Problem, tie_break: str) -> tuple[str, dict[str, Any]]:
    from rmab.index.gain import gain_index

    found = gain_index(problem, tie_break=tie_break)
    return str(found), {
        "values": found.values.tolist(),
        "price": found.price,
        "price_interval": list(found.price_interval),
        "tie_break": found.tie_break,
        "bound": found.bound,
        "status": found.status,
    }


def _penalty(file: Path, given: Given, criterion: Criterion, cap: float, start: ArrayLike | None) -> tuple[str, dict[str, Any]]:
    from rmab.index.penalty import penalty_index

    if given.penalties is None:
        raise ModelError(f"--kind penalty: {file} has no penalties; add them, or use --kind whittle")
    with progress_bar("indices") as progress:
        found = penalty_index(given.arms, given.penalties, criterion, cap, start=start, progress=progress)
    return str(found), {
        "lower": found.lower.tolist(),
        "upper": found.upper.tolist(),
        "cap": found.cap,
        "verdict": [str(verdict) for verdict in found.verdict],
        "indexable": found.indexable.tolist(),
        "witness": [None if proof is None else asdict(proof) for proof in found.witness],
        "status": found.status,
    }

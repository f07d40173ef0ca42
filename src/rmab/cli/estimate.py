"""``rmab estimate``: arms from a log, as a problem file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from rmab.cli.options import LogOptions
from rmab.cli.output import check_writable, provenance
from rmab.cli.problem_file import problem_fields, write_problem
from rmab.report.json_text import json_text

if TYPE_CHECKING:
    from rmab.estimation.transitions import Model


def estimate(
    file: Path, *, log: LogOptions, out: Path | None = None, json: Annotated[bool, Parameter(negative=())] = False
) -> None:
    """Estimate arms from a log of states and actions.

    Parameters
    ----------
    file : Path
        The log: a .csv or .parquet file, one row per arm and period.
    out : Path, optional
        Problem file to write: .safetensors, or JSON with any other ending.
    json : bool
        Print the problem file as JSON instead of a summary.
    """
    check_writable(out, file)
    model = log.read(file)[1]
    about = _about(model, provenance(file, **asdict(log)))
    if out is not None:
        write_problem(out, model.arms, about)
    print(json_text(problem_fields(model.arms, about)) if json else model, end="" if json else "\n")


def _about(model: Model, made_from: dict[str, Any]) -> dict[str, Any]:
    """What the arms are called and rest on."""
    return {
        "labels": asdict(model.labels),
        "counts": model.counts.tolist(),
        "thin_cells": list(model.thin_cells),
        "provenance": made_from,
    }

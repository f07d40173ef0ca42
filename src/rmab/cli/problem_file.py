"""Read and write problem files: JSON, or arms and problems saved as safetensors.

The JSON form holds the same nested lists as :class:`~rmab.models.arms.Arms` takes:

==================  ================================================================================================
field               content
==================  ================================================================================================
``transitions``     ``transitions[k][a][s][t]``; a file with a single type may leave the outermost list out, here and below
``rewards``         ``rewards[k][a][s]``
``multiplicity``    optional, number of arms of each type
``penalties``       optional, a list of ``{"cost": [k][a][s], "bound": [k]}``; a bound may be one number for all types, or
                    ``"infinity"`` for a type without the requirement
``budget``          optional, ``{"k": 20, "exactly": true}`` or ``{"capacity": 10.0, "costs": [k]}``
``criterion``       optional, ``{"name": "Average"}``, ``{"name": "Discounted", "beta": 0.95}`` or
                    ``{"name": "Horizon", "steps": 52}``
``start``           optional, one state for all, the state of each arm, or probabilities with a decimal point, ``[s]`` or
                    ``[k][s]``
``about``           optional, anything
==================  ================================================================================================

What a file says of budget, criterion and start holds unless the command line says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, FiniteFloat, PositiveInt, StrictInt, ValidationError, model_validator

from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import Budget
from rmab.models.criterion import Criterion
from rmab.models.penalty import Penalty, listed
from rmab.models.problem import Problem
from rmab.report.files import write_whole
from rmab.report.json_text import json_text

Limit = FiniteFloat | Literal["infinity"]
_BUDGET = '{"k": 20}, {"k": 20, "exactly": true} or {"capacity": 10.0, "costs": [1.0, 2.5]}'
_CRITERION = '{"name": "Average"}, {"name": "Discounted", "beta": 0.95} or {"name": "Horizon", "steps": 52}'


class PenaltyFields(BaseModel):
    """The fields of one penalty."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cost: list[list[list[FiniteFloat]]]
    bound: Limit | list[Limit]

    @model_validator(mode="before")
    @classmethod
    def _one_type(cls, given: Any) -> Any:
        return _with_types(given, cost=2)


class ProblemFile(BaseModel):
    """The fields of a problem file, checked for kind; shapes and row sums are checked by ``Arms`` and ``Problem``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    transitions: list[list[list[list[FiniteFloat]]]]
    rewards: list[list[list[FiniteFloat]]]
    multiplicity: list[PositiveInt] | None = None
    penalties: list[PenaltyFields] | None = None
    budget: dict[str, Any] | None = None
    criterion: dict[str, Any] | None = None
    start: StrictInt | list[StrictInt] | list[FiniteFloat] | list[list[FiniteFloat]] | None = None
    about: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_type(cls, given: Any) -> Any:
        return _with_types(given, transitions=3, rewards=2)


@dataclass(frozen=True, eq=False)
class Given:
    """What a problem file says; ``None`` where it leaves something open."""

    arms: Arms
    penalties: Penalty | tuple[Penalty, ...] | None = None
    budget: Budget | None = None
    criterion: Criterion | None = None
    start: ArrayLike | None = None


def read_problem(file: Path) -> Given:
    """The content of a problem file.

    Parameters
    ----------
    file : Path
        A ``.safetensors`` file written by ``rmab.save``, or JSON.

    Raises
    ------
    ModelError
        If the file does not describe arms or a problem; the message names the file and the first offending place.
    OSError
        If the file cannot be read.
    """
    if file.suffix == ".safetensors":
        return _saved(file)
    try:
        return _checked(ProblemFile.model_validate_json(file.read_bytes()))
    except ValidationError as error:
        raise ModelError(f"{file}: {_first(error)}") from None
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from None


def write_problem(file: Path, content: Arms | Problem, about: Mapping[str, Any]) -> None:
    """Write a problem file: ``.safetensors``, or JSON with any other ending; nothing is left behind when it fails."""
    if file.suffix == ".safetensors":
        from rmab.models.store import save

        save(file, content, about=about)
    else:
        write_whole({file: json_text(problem_fields(content, about))})


def problem_fields(content: Arms | Problem, about: Mapping[str, Any]) -> dict[str, Any]:
    """Arms, or a problem with budget, criterion, penalties and start, as the fields of a JSON problem file."""
    arms = content.arms if isinstance(content, Problem) else content
    fields: dict[str, Any] = {
        "transitions": arms.transitions.tolist(),
        "rewards": arms.rewards.tolist(),
        "multiplicity": arms.multiplicity.tolist(),
    }
    if isinstance(content, Problem):
        from rmab.models.store import settings

        given = [{"cost": one.cost.tolist(), "bound": one.bound.tolist()} for one in listed(content.penalties)]
        fields |= {**({"penalties": given} if given else {}), **settings(content), "start": content.start.tolist()}
    return {**fields, "about": dict(about)}


def _checked(parsed: ProblemFile) -> Given:
    from rmab.models.store import budget_from, criterion_from

    arms = Arms(parsed.transitions, parsed.rewards, parsed.multiplicity)
    given = tuple(_penalty(j, one, arms) for j, one in enumerate(parsed.penalties or ()))
    return Given(
        arms,
        given[0] if len(given) == 1 else given or None,
        _from_fields("budget", budget_from, parsed.budget, _BUDGET),
        _from_fields("criterion", criterion_from, parsed.criterion, _CRITERION),
        parsed.start,
    )


def _penalty(j: int, fields: PenaltyFields, arms: Arms) -> Penalty:
    try:
        penalty = Penalty(fields.cost, np.array(fields.bound, dtype=np.float64))
        penalty.check(arms)
    except ModelError as error:
        raise ModelError(f"penalties[{j}]: {error}") from None
    return penalty


def _from_fields(name: str, make: Any, fields: dict[str, Any] | None, examples: str) -> Any:
    try:
        return None if fields is None else make(fields)
    except (KeyError, TypeError):
        raise ModelError(f"{name}: write {examples}, not {fields}") from None


def _saved(file: Path) -> Given:
    from rmab.models.store import load

    saved = load(file)
    if isinstance(saved, Arms):
        return Given(saved)
    return Given(saved.arms, saved.penalties, saved.budget, saved.criterion, saved.start)


def _with_types(given: Any, **depths: int) -> Any:
    """The fields of a file, with a list of one type around those that are one list less deep than they should be."""
    if not isinstance(given, dict):
        return given
    return {name: [value] if depths.get(name) == _depth(value) else value for name, value in given.items()}


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).removeprefix(".")
    return f"{where}: {first['msg']}" if where else str(first["msg"])

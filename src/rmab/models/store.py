"""Save arms and problems to a file, and load them bit for bit.

A file is in the safetensors format: arrays, and a header whose field ``rmab`` says in JSON what they are.

===================  ==============================================================================================
name                 content
===================  ==============================================================================================
``schema``           version of this layout, see below; a file of a newer one is refused
``kind``             ``arms`` or ``problem``
``package_version``  version of ``rmab`` that wrote the file
``configuration``    budget and criterion of a problem, and whether it has ``one`` penalty or ``several``
``about``            whatever the caller wants to keep, such as settings or the time
``entropy``          entropy of the random numbers behind the content, or null
``sha256``           digest of all of the above and of all arrays
===================  ==============================================================================================

Schema 1 holds arms, and problems whose budget is of one resource and which have no penalties. Schema 2 adds penalties (arrays
``penalty_costs``, shape (J, K, A, S), and ``penalty_bounds``, shape (J, K)) and budgets of several resources. Every file has
the lowest schema that holds its content: what has no penalties can still be read by versions that know none, and those refuse
what has, instead of passing over it.

How the file is written and checked is :mod:`rmab.models.saved_file`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab import __version__
from rmab.errors import StoreError
from rmab.models.arms import Arms
from rmab.models.budget import Budget, Knapsack, TopK
from rmab.models.criterion import Average, Criterion, Discounted, Horizon
from rmab.models.penalty import Penalty, listed
from rmab.models.problem import Problem
from rmab.models.saved_file import read_file, write_file

SCHEMA = 2
WRITER = "rmab.save"

_CRITERIA: dict[str, type[Discounted] | type[Average] | type[Horizon]] = {
    "Discounted": Discounted,
    "Average": Average,
    "Horizon": Horizon,
}


@dataclass(frozen=True)
class Provenance:
    """Where a saved file comes from: its kind, schema, package version, entropy and the caller's own notes."""

    kind: str
    schema: int
    package_version: str
    entropy: int | list[int] | None
    about: dict[str, Any]


def save(
    path: str | os.PathLike[str],
    obj: Arms | Problem,
    *,
    entropy: int | Sequence[int] | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Save arms or a problem.

    Parameters
    ----------
    path : path-like
        The file; an existing one is replaced in one step.
    obj : Arms or Problem
        What to save.
    entropy : int or sequence of int, optional
        Entropy of the random numbers behind ``obj``, kept in the header.
    about : mapping, optional
        Anything that JSON can hold, kept in the header.

    Raises
    ------
    StoreError
        If ``obj`` is of another kind, the header is not JSON, or the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]], multiplicity=[100])
    >>> with TemporaryDirectory() as folder:
    ...     save(Path(folder) / "arms.safetensors", arms, about={"source": "made up"})
    ...     print(load(Path(folder) / "arms.safetensors"))
    ...     print(provenance(Path(folder) / "arms.safetensors").about)
    Arms(100 arms of 1 types, 2 actions, 2 states)
    {'source': 'made up'}
    """
    if not isinstance(obj, Arms | Problem):
        raise StoreError(f"only Arms and Problem can be saved, got {type(obj).__name__}")
    kind, arrays, configuration = _take_apart(obj)
    header = {
        "schema": _schema(obj),
        "kind": kind,
        "package_version": __version__,
        "configuration": configuration,
        "about": plain("about", dict(about or {})),
        "entropy": plain("entropy", entropy),
    }
    write_file(path, header, arrays)


def load(path: str | os.PathLike[str]) -> Arms | Problem:
    """Load what :func:`save` wrote, bit for bit.

    Raises
    ------
    StoreError
        If the file is missing, damaged, not written by :func:`save`, or of a newer schema.
    """
    header, arrays = read_file(path, schema=SCHEMA, writer=WRITER)
    try:
        return _put_together(header["kind"], arrays, header["configuration"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path}: the content makes neither arms nor a problem ({error}); save it again") from None


def provenance(path: str | os.PathLike[str]) -> Provenance:
    """The header of a file that :func:`save` wrote; raises like :func:`load`."""
    header, _ = read_file(path, schema=SCHEMA, writer=WRITER)
    return Provenance(**{field.name: header[field.name] for field in fields(Provenance)})


def settings(problem: Problem) -> dict[str, Any]:
    """Budget and criterion of a problem as plain values, which :func:`budget_from` and :func:`criterion_from` take back.

    Examples
    --------
    >>> arms = Arms([[[1.0]], [[1.0]]], [[0], [1]])
    >>> settings(Problem(arms, TopK(1), Discounted(0.95)))
    {'budget': {'k': 1, 'exactly': False}, 'criterion': {'name': 'Discounted', 'beta': 0.95}}
    """
    criterion = {"name": type(problem.criterion).__name__, **asdict(problem.criterion)}
    return {"budget": asdict(problem.budget), "criterion": criterion}


def budget_from(fields: Mapping[str, Any]) -> Budget:
    """A budget from the fields of a :class:`TopK` or a :class:`Knapsack`; other fields raise :class:`TypeError`.

    Examples
    --------
    >>> budget_from({"k": 3})
    TopK(k=3, exactly=False)
    """
    return Knapsack(**fields) if "capacity" in fields else TopK(**fields)


def criterion_from(fields: Mapping[str, Any]) -> Criterion:
    """A criterion from its name and its fields; an unknown name raises :class:`KeyError`, other fields :class:`TypeError`.

    Examples
    --------
    >>> criterion_from({"name": "Average"})
    Average()
    """
    return _CRITERIA[fields["name"]](**{name: value for name, value in fields.items() if name != "name"})


def _schema(obj: Arms | Problem) -> int:
    """The lowest schema that holds an object."""
    plain = isinstance(obj, Arms) or (obj.penalties is None and not _several_resources(obj.budget))
    return 1 if plain else SCHEMA


def _several_resources(budget: Budget) -> bool:
    return isinstance(budget, Knapsack) and budget.n_resources > 1


def _take_apart(obj: Arms | Problem) -> tuple[str, dict[str, NDArray], dict[str, Any]]:
    if isinstance(obj, Arms):
        return "arms", _arrays(obj), {}
    arrays, configuration = {**_arrays(obj.arms), "start": obj.start}, settings(obj)
    if obj.penalties is not None:
        given = listed(obj.penalties)
        arrays |= {
            "penalty_costs": np.stack([penalty.cost for penalty in given]),
            "penalty_bounds": np.stack([penalty.bound for penalty in given]),
        }
        configuration["penalties"] = "one" if isinstance(obj.penalties, Penalty) else "several"
    return "problem", arrays, configuration


def _arrays(arms: Arms) -> dict[str, NDArray]:
    return {"transitions": arms.transitions, "rewards": arms.rewards, "multiplicity": arms.multiplicity}


def _put_together(kind: str, arrays: dict[str, NDArray], configuration: dict[str, Any]) -> Arms | Problem:
    arms = Arms(arrays["transitions"], arrays["rewards"], arrays["multiplicity"])
    if kind == "arms":
        return arms
    if kind == "problem":
        budget, criterion = budget_from(configuration["budget"]), criterion_from(configuration["criterion"])
        return Problem(arms, budget, criterion, _penalties(arrays, configuration.get("penalties")), arrays["start"])
    raise KeyError(f"unknown kind {kind!r}")


def _penalties(arrays: dict[str, NDArray], number: str | None) -> Penalty | tuple[Penalty, ...] | None:
    if number is None:
        return None
    given = tuple(Penalty(*each) for each in zip(arrays["penalty_costs"], arrays["penalty_bounds"], strict=True))
    return given[0] if number == "one" else given


def plain(name: str, value: Any) -> Any:
    """``value`` as JSON gives it back; raises :class:`StoreError`, naming ``name``, when JSON cannot hold it."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise StoreError(f"{name} must be something that JSON can hold: {error}") from None

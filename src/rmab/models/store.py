"""Save arms and problems to a file, and load them bit for bit.

A file is in the safetensors format: arrays, and a header whose field ``rmab`` says in JSON what they are.

===================  ==============================================================================================
name                 content
===================  ==============================================================================================
``schema``           version of this layout; a file of a newer one is refused
``kind``             ``arms`` or ``problem``
``package_version``  version of ``rmab`` that wrote the file
``configuration``    budget and criterion of a problem
``about``            whatever the caller wants to keep, such as settings or the time
``entropy``          entropy of the random numbers behind the content, or null
``sha256``           digest of all of the above and of all arrays
===================  ==============================================================================================

The file is written under a temporary name in the same folder, then renamed, so readers see the old file or the new one. The
digest finds any change on disk; the same content gives the same bytes. Nothing in a file is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from rmab import __version__
from rmab.errors import StoreError
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Criterion, Discounted, Horizon
from rmab.models.problem import Problem

SCHEMA = 1

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
    >>> from tempfile import TemporaryDirectory
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]], multiplicity=[100])
    >>> with TemporaryDirectory() as folder:
    ...     save(Path(folder) / "arms.safetensors", arms, about={"source": "made up"})
    ...     print(load(Path(folder) / "arms.safetensors"))
    ...     print(provenance(Path(folder) / "arms.safetensors").about)
    Arms(100 arms of 1 types, 2 actions, 2 states)
    {'source': 'made up'}
    """
    kind, arrays, configuration = _take_apart(obj)
    header = {
        "schema": SCHEMA,
        "kind": kind,
        "package_version": __version__,
        "configuration": configuration,
        "about": _plain("about", dict(about or {})),
        "entropy": _plain("entropy", entropy),
    }
    header["sha256"] = _digest(header, arrays)
    # one field only: safetensors writes several in an order that differs from run to run
    _replace(Path(path), to_bytes(arrays, {"rmab": json.dumps(header, sort_keys=True)}))


def load(path: str | os.PathLike[str]) -> Arms | Problem:
    """Load what :func:`save` wrote, bit for bit.

    Raises
    ------
    StoreError
        If the file is missing, damaged, not written by :func:`save`, or of a newer schema.
    """
    header, arrays = _read(Path(path))
    try:
        return _put_together(header["kind"], arrays, header["configuration"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path}: the content makes neither arms nor a problem ({error}); save it again") from None


def provenance(path: str | os.PathLike[str]) -> Provenance:
    """The header of a file that :func:`save` wrote; raises like :func:`load`."""
    header, _ = _read(Path(path))
    return Provenance(**{field.name: header[field.name] for field in fields(Provenance)})


def _take_apart(obj: Arms | Problem) -> tuple[str, dict[str, NDArray], dict[str, Any]]:
    if isinstance(obj, Arms):
        return "arms", _arrays(obj), {}
    if isinstance(obj, Problem):
        criterion = {"name": type(obj.criterion).__name__, **asdict(obj.criterion)}
        # safetensors writes memory as it lies, so every array must be C-contiguous
        start = np.ascontiguousarray(obj.start)
        return "problem", {**_arrays(obj.arms), "start": start}, {"budget": asdict(obj.budget), "criterion": criterion}
    raise StoreError(f"only Arms and Problem can be saved, got {type(obj).__name__}")


def _arrays(arms: Arms) -> dict[str, NDArray]:
    return {"transitions": arms.transitions, "rewards": arms.rewards, "multiplicity": arms.multiplicity}


def _put_together(kind: str, arrays: dict[str, NDArray], configuration: dict[str, Any]) -> Arms | Problem:
    arms = Arms(arrays["transitions"], arrays["rewards"], arrays["multiplicity"])
    if kind == "arms":
        return arms
    if kind == "problem":
        criterion = dict(configuration["criterion"])
        kept: Criterion = _CRITERIA[criterion.pop("name")](**criterion)
        budget = Knapsack if "capacity" in configuration["budget"] else TopK
        return Problem(arms, budget(**configuration["budget"]), kept, start=arrays["start"])
    raise KeyError(f"unknown kind {kind!r}")


def _plain(name: str, value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise StoreError(f"{name} must be something that JSON can hold: {error}") from None


def _digest(header: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def _replace(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}.{uuid4().hex}.tmp")
    try:
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{file}: cannot be written ({error.strerror}); check the folder") from None


def _read(file: Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    if not file.is_file():
        raise StoreError(f"{file}: there is no such file; check the path")
    try:
        with safe_open(file, framework="numpy") as content:
            header = _header(file, content.metadata() or {})
            arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise StoreError(f"{file}: damaged or not a safetensors file ({error}); copy or save it again") from None
    if header.pop("sha256", None) != _digest(header, arrays):
        raise StoreError(f"{file}: damaged, its content does not match its digest; copy or save it again")
    return header, arrays


def _header(file: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    if "rmab" not in metadata:
        raise StoreError(f"{file}: not a file saved by rmab, its header does not say so; save it with rmab.save")
    try:
        header = json.loads(metadata["rmab"])
        schema = int(header["schema"])
    except (KeyError, TypeError, ValueError):
        raise StoreError(f"{file}: damaged, its header cannot be read; copy or save it again") from None
    if schema > SCHEMA:
        raise StoreError(f"{file}: has schema {schema}, this version of rmab reads up to {SCHEMA}; upgrade rmab to load it")
    return header

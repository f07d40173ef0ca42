"""Read a problem file: JSON with ``transitions``, ``rewards`` and optionally ``multiplicity``, or arms saved as safetensors.

The JSON form holds the same nested lists as :class:`~rmab.models.arms.Arms` takes: ``transitions[k][a][s][t]`` and
``rewards[k][a][s]``; a file with a single type may leave the outermost list out. A field ``about`` may hold anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, FiniteFloat, PositiveInt, ValidationError, model_validator

from rmab.errors import ModelError
from rmab.models.arms import Arms


class ProblemFile(BaseModel):
    """The fields of a problem file, checked for kind; shapes and row sums are checked by ``Arms``."""

    model_config = ConfigDict(extra="forbid")

    transitions: list[list[list[list[FiniteFloat]]]]
    rewards: list[list[list[FiniteFloat]]]
    multiplicity: list[PositiveInt] | None = None
    about: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_type(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        short = {name for name, depth in (("transitions", 3), ("rewards", 2)) if _depth(given.get(name)) == depth}
        return {name: [value] if name in short else value for name, value in given.items()}


def read_arms(file: Path) -> Arms:
    """The arms in a problem file.

    Parameters
    ----------
    file : Path
        A ``.safetensors`` file written by ``rmab.save``, or JSON.

    Raises
    ------
    ModelError
        If the file does not describe arms; the message names the file and the first offending place.
    OSError
        If the file cannot be read.
    """
    if file.suffix == ".safetensors":
        return _saved_arms(file)
    try:
        parsed = ProblemFile.model_validate_json(file.read_bytes())
        return Arms(parsed.transitions, parsed.rewards, parsed.multiplicity)
    except ValidationError as error:
        raise ModelError(f"{file}: {_first(error)}") from None
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from None


def _saved_arms(file: Path) -> Arms:
    from rmab.models.store import load

    saved = load(file)
    arms = getattr(saved, "arms", saved)
    if not isinstance(arms, Arms):
        raise ModelError(f"{file} holds a {type(saved).__name__}, not arms or a problem")
    return arms


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f"{part}" for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])

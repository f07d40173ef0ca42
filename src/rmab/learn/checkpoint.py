"""A folder from which a training that was cut off goes on bit for bit: one file per seed, each replaced in one step.

Every file says which run it belongs to: version, learner with its options, problem, number of periods and entropy. A run
that differs in any of these is refused before anything is written, naming the first difference; what is there stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab import __version__
from rmab.errors import StoreError
from rmab.learn.learner import Learner
from rmab.models.problem import Problem
from rmab.models.saved_file import digest, read_file, write_file
from rmab.models.store import settings

SCHEMA = 1
WRITER = "rmab.learn.train(..., checkpoint=FOLDER)"
RESULT = "training.safetensors"


class Checkpoint:
    """The files of one training.

    Parameters
    ----------
    folder : path-like
        Made when it does not exist.
    identity : dict
        What tells this run from others, in plain values.

    Raises
    ------
    StoreError
        If the folder cannot be made, or holds the files of another run, naming the first difference.
    """

    def __init__(self, folder: str | os.PathLike[str], identity: dict[str, Any], seeds: int) -> None:
        self.folder, self.identity = Path(folder), identity
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be made a folder of checkpoints ({error.strerror}); name another") from None
        self._check((*(self.file(seed) for seed in range(seeds)), self.result))
        for left in self.folder.glob(".*.safetensors.*.tmp"):  # of a process that was killed while it wrote
            left.unlink(missing_ok=True)

    def file(self, seed: int) -> Path:
        """The file of one seed."""
        return self.folder / f"seed-{seed:04d}.safetensors"

    @property
    def result(self) -> Path:
        """The file of the whole training."""
        return self.folder / RESULT

    def write(self, seed: int, arrays: dict[str, NDArray], message: str) -> None:
        """Save one seed."""
        header = {"schema": SCHEMA, "kind": "seed", "package_version": __version__, "run": self.identity, "message": message}
        write_file(self.file(seed), header, arrays)

    def read(self, seed: int) -> tuple[dict[str, NDArray], str] | None:
        """What was saved of one seed, if anything was."""
        if not self.file(seed).exists():
            return None
        header, arrays = read_file(self.file(seed), schema=SCHEMA, writer=WRITER)
        return arrays, header["message"]

    def _check(self, files: Iterable[Path]) -> None:
        for file in files:
            if not file.exists():
                continue
            header, _ = read_file(file, schema=SCHEMA, writer=WRITER)
            saved = header.get("run") or header.get("about") or {}
            for name, value in self.identity.items():
                if saved.get(name) != value:
                    raise StoreError(
                        f"{file}: belongs to another run: its {name} was {saved.get(name)}, now it is {value}; "
                        "name another folder, or call with the same arguments to go on"
                    )


def saved_entropy(folder: str | os.PathLike[str]) -> int | None:
    """The entropy of the run whose files are in ``folder``, if there are any."""
    for file in sorted(Path(folder).glob("seed-*.safetensors")):
        header, _ = read_file(file, schema=SCHEMA, writer=WRITER)
        saved = header.get("run", {}).get("entropy")
        if saved is not None:
            return int(saved)
    return None


def identity(
    learner: Learner, world: Any, *, steps: int, decoupled: bool, stop_early: bool, evaluation: Any, entropy: int
) -> dict[str, Any]:
    """What tells one training from another, in plain values; arrays by their digest.

    Examples
    --------
    >>> from rmab.learn.tabular.wiql import WIQL
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> problem = Problem(Arms([[[1.0]], [[1.0]]], [[0], [1]]), TopK(1), Average())
    >>> identity(WIQL(), problem, steps=10, decoupled=False, stop_early=False, evaluation=None, entropy=0)["learner"]
    'WIQL(discount=0.99)'
    """
    return {
        "version of rmab": __version__,
        "learner": describe(learner),
        "problem": _problem(world),
        "steps": steps,
        "decoupled": decoupled,
        "stop_early": stop_early,
        "evaluation": describe(evaluation),
        "entropy": entropy,
    }


def describe(value: Any) -> str:
    """A dataclass with those of its fields that are set, as text; arrays by their digest."""
    if isinstance(value, np.ndarray):
        return f"array{value.shape} {digest({}, {'values': value})[:16]}"
    if is_dataclass(value):
        given = ((field.name, getattr(value, field.name)) for field in fields(value))
        return f"{type(value).__name__}({', '.join(f'{name}={describe(v)}' for name, v in given if v is not None)})"
    return repr(value)


def _problem(world: Any) -> str:
    if not isinstance(world, Problem):
        size = f"{np.atleast_1d(world.multiplicity).tolist()} arms, {world.n_actions} actions, {world.n_states} states"
        return f"environment {type(world).__name__} of {size}, {world.budget!r}, {world.criterion!r}"
    arms = world.arms
    held = {"transitions": arms.transitions, "rewards": arms.rewards, "multiplicity": arms.multiplicity, "start": world.start}
    return f"{arms!r} {settings(world)} {digest({}, held)[:16]}"

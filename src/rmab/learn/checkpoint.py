"""A folder from which a training that was cut off goes on bit for bit: one file per seed, each replaced in one step.

Every file says which run it belongs to: version, learner with its options, problem, number of periods and entropy. A run
that differs in any of these is refused before anything is written, naming the first difference; what is there stays. More seeds
extend a run, so their number does not tell runs apart; fewer than are there are refused, or the result would lose some.
"""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab import __version__
from rmab.errors import ModelError, StoreError
from rmab.learn.learner import Learner
from rmab.learn.result import RESULT
from rmab.models.problem import Problem
from rmab.models.saved_file import digest, path_like, read_file, write_file

SCHEMA, SEEDS = 1, "seed-*.safetensors"
WRITER = "rmab.learn.train(..., checkpoint=FOLDER)"
DIGESTS = ("multiplicity", "transitions", "rewards", "start")
"""What is only known to differ."""


class Checkpoint:
    """The files of one training.

    Parameters
    ----------
    folder : path-like
        Made when it does not exist.
    identity : dict
        What tells this run from others, in plain values.
    seeds : int
        How many are asked for.

    Raises
    ------
    ModelError
        If the folder is not named by a path.
    StoreError
        If the folder cannot be made, or holds a damaged file, the files of another run, naming the first difference, or those
        of more seeds.
    """

    def __init__(self, folder: str | os.PathLike[str], identity: dict[str, Any], seeds: int) -> None:
        self.folder, self.identity = _named(folder), identity
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be made a folder of checkpoints ({error.strerror}); name another") from None
        self._refuse_others(seeds)
        for left in self.folder.glob(".*.safetensors.*.tmp"):  # of a process that was killed while it wrote
            left.unlink(missing_ok=True)

    def _refuse_others(self, seeds: int) -> None:
        for seed in range(seeds):
            if self.file(seed).exists():
                self._seed(seed)
        held = max((int(file.stem[5:]) + 1 for file in self.folder.glob(SEEDS) if file.stem[5:].isdecimal()), default=0)
        if self.result.exists():
            header, arrays = _read(self.result, "the result is written")
            self._check(self.result, header, "training", header.get("about") or {})
            held = max(held, len(arrays["index"]))
        if held > seeds:
            raise StoreError(
                f"{self.folder}: holds {held} seeds, more than the {seeds} asked for; "
                f"ask for at least {held}, or name another folder"
            )

    def file(self, seed: int) -> Path:
        """The file of one seed."""
        return self.folder / f"seed-{seed:04d}.safetensors"

    @property
    def result(self) -> Path:
        """The file of the whole training."""
        return self.folder / RESULT

    def write(self, seed: int, arrays: dict[str, NDArray], message: str) -> None:
        """Save one seed."""
        header = {"schema": SCHEMA, "kind": "seed", "seed": seed, "package_version": __version__}
        write_file(self.file(seed), {**header, "run": self.identity, "message": message}, arrays)

    def read(self, seed: int) -> tuple[dict[str, NDArray], str] | None:
        """What was saved of one seed, if anything was."""
        if not self.file(seed).exists():
            return None
        header, arrays = self._seed(seed)
        return arrays, header["message"]

    def _seed(self, seed: int) -> tuple[dict[str, Any], dict[str, NDArray]]:
        file = self.file(seed)
        header, arrays = _read(file, f"seed {seed} runs")
        self._check(file, header, "seed", header.get("run") or {})
        if header.get("seed") != seed:
            raise StoreError(f"{file}: holds seed {header.get('seed')}, not {seed}; delete it, and seed {seed} runs anew")
        return header, arrays

    def _check(self, file: Path, header: dict[str, Any], kind: str, saved: dict[str, Any]) -> None:
        if header.get("kind") != kind:
            raise StoreError(f"{file}: holds a {header.get('kind')}, not a {kind}; move it away, or name another folder")
        for name, value in self.identity.items():
            if saved.get(name) != value:
                before = f": its {name} was {saved.get(name)}, now it is {value}"
                other = f" with other {name}" if name in DIGESTS else before
                raise StoreError(
                    f"{file}: belongs to another run{other}; name another folder, or call with the same arguments to go on"
                )


def saved_entropy(folder: str | os.PathLike[str]) -> int | None:
    """The entropy of the run whose files are in ``folder``, if there are any."""
    for file in sorted(_named(folder).glob(SEEDS)):
        header, _ = _read(file, "its seed runs")
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
        **_problem(world),
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


def _problem(world: Any) -> dict[str, str]:
    agreed = {"budget": repr(world.budget), "criterion": repr(world.criterion)}
    if not isinstance(world, Problem):
        size = f"{np.atleast_1d(world.multiplicity).tolist()} arms, {world.n_actions} actions, {world.n_states} states"
        return {"problem": f"environment {type(world).__name__} of {size}", **agreed}
    arms = world.arms
    held = (arms.multiplicity, arms.transitions, arms.rewards, world.start)
    digests = (digest({}, {"values": values})[:16] for values in held)
    return {"problem": repr(arms), **agreed, **dict(zip(DIGESTS, digests, strict=True))}


def _named(folder: str | os.PathLike[str]) -> Path:
    if not path_like(folder):
        raise ModelError(f"checkpoint must be the path of a folder, a str or a Path that is not empty, got {folder!r:.60}")
    return Path(folder)


def _read(file: Path, then: str) -> tuple[dict[str, Any], dict[str, NDArray]]:
    if file.is_dir():
        raise StoreError(f"{file}: is a folder in the place of a file; move it away, and {then} anew")
    try:
        return read_file(file, schema=SCHEMA, writer=WRITER)
    except StoreError as error:
        raise StoreError(f"{error}, or delete it, and {then} anew") from None

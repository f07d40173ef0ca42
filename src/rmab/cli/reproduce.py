"""``rmab reproduce``: run a published study again and hold it against its paper."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmab.cli.options import Flag, MaybeWhole, Seed
from rmab.cli.output import progress_bar
from rmab.errors import ModelError
from rmab.report.json_text import json_text

if TYPE_CHECKING:
    from rmab.studies.study import Definition


def reproduce(
    study: str | None = None,
    *,
    scale: str = "quick",
    out: Path | None = None,
    seed: Seed = 0,
    threads: MaybeWhole = None,
    list: Flag = False,
    json: Flag = False,
) -> None:
    """Run a published study again and print its claims beside what was found; without a name, list the studies.

    Parameters
    ----------
    study : str, optional
        Name of the study.
    scale : str
        "glance" (some seconds, wide intervals), "quick" (under two minutes on two cores) or "full".
    out : Path, optional
        Folder for the numbers (JSON), the table (CSV) and the figure (PNG); made when it does not exist.
    seed : int
        Seed of all randomness; the same seed gives the same numbers.
    threads : int, optional
        Threads to use; the result does not depend on it. Default: one per core.
    list : bool
        List the studies and run none.
    json : bool
        Print the result, or the list, as JSON instead of text.
    """
    from rmab.studies.registry import STUDIES
    from rmab.studies.registry import reproduce as run

    if study is None or list:
        print(json_text({"studies": _studies(STUDIES.values())}) if json else _lines(STUDIES.values()), end="")
        return
    if out is not None and out.exists() and not out.is_dir():
        raise ModelError(f"--out: {out} is a file; name a folder")
    with progress_bar("simulations") as progress:
        result = run(study, scale, rng=seed, threads=threads, progress=progress)
    print(result.to_json() if json else f"{result}\n", end="")
    if out is not None:
        print(f"wrote {', '.join(result.save(out))} in {out}", file=sys.stderr)


def _lines(studies: Collection[Definition]) -> str:
    width = max(len(study.name) for study in studies)
    return "".join(f"{study.name:{width}}  {study.title}\n" for study in studies)


def _studies(studies: Collection[Definition]) -> list[dict[str, Any]]:
    return [
        {"name": study.name, "title": study.title, "citation": study.citation, "scales": [*study.scales]} for study in studies
    ]

"""``rmab reproduce``: run a published study again and hold it against its paper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rmab.cli.options import MaybeWhole, Whole
from rmab.cli.output import progress_bar
from rmab.errors import ModelError

Flag = Annotated[bool, Parameter(negative=())]


def reproduce(
    study: str | None = None,
    *,
    scale: str = "quick",
    out: Path | None = None,
    seed: Whole = 0,
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
        List the studies.
    json : bool
        Print the result as JSON instead of text.
    """
    from rmab.studies.registry import STUDIES
    from rmab.studies.registry import reproduce as run

    if study is None or list:
        width = max(map(len, STUDIES))
        print("\n".join(f"{name:{width}}  {definition.title}" for name, definition in STUDIES.items()))
        return
    if out is not None and out.exists() and not out.is_dir():
        raise ModelError(f"--out: {out} is a file; name a folder")
    with progress_bar("simulations") as progress:
        result = run(study, scale, rng=seed, threads=threads, progress=progress)
    print(result.to_json() if json else f"{result}\n", end="")
    if out is not None:
        print(f"wrote {', '.join(result.save(out))} in {out}", file=sys.stderr)

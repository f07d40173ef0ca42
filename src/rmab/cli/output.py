"""How verbs answer: text or JSON on standard output, or a file that appears whole or not at all; progress on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rmab
from rmab.cli.options import OutputOptions
from rmab.errors import ModelError
from rmab.parallel import Progress
from rmab.report.files import write_whole
from rmab.report.json_text import json_text

PATIENCE_S = 1.0


def answer(text: str, fields: dict[str, Any], output: OutputOptions) -> None:
    """Print ``text``, or ``fields`` as JSON, or write ``fields`` as JSON to the file that was asked for."""
    if output.out is not None:
        write_whole({output.out: json_text(fields)})
    if output.json:
        sys.stdout.write(json_text(fields))
    elif output.out is not None:
        print(f"wrote {output.out}", file=sys.stderr)
    else:
        print(text)


def provenance(file: Path, **configuration: Any) -> dict[str, Any]:
    """What made a result: the version of the library, the file and the configuration."""
    return {"rmab": rmab.__version__, "file": str(file), **configuration}


def check_writable(file: Path | None, source: Path | None = None) -> None:
    """Raise before the work starts when the folder of ``file`` does not exist, or ``file`` is the ``source`` that is read."""
    if file is None:
        return
    if source is not None and file.exists() and source.exists() and file.samefile(source):
        raise ModelError(f"--out: {file} is the file that is read; name another, or it would be lost")
    if not file.absolute().parent.is_dir():
        raise ModelError(f"--out: the folder {file.absolute().parent} does not exist; create it first")


@contextmanager
def progress_bar(what: str) -> Iterator[Progress | None]:
    """A progress callback that draws a bar on a terminal once the work has taken more than a second."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    began = time.monotonic()
    bar = Bar(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=None)

    def report(done: int, total: int) -> None:
        if time.monotonic() - began > PATIENCE_S:
            bar.start()
            bar.update(task, completed=done, total=total)

    try:
        yield report
    finally:
        bar.stop()

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


class ProgressBar:
    """A bar on a terminal that appears once the work has taken more than a second; called as a progress callback."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        self.began = time.monotonic()
        self.bar = Bar(console=Console(stderr=True), transient=True)
        self.task = self.bar.add_task(what, total=None)

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self.began > PATIENCE_S:
            self.bar.start()
            self.bar.update(self.task, completed=done, total=total)

    def say(self, what: str) -> None:
        """Change the words before the bar."""
        self.bar.update(self.task, description=what)


@contextmanager
def progress_bar(what: str) -> Iterator[ProgressBar | None]:
    """A :class:`ProgressBar` on a terminal, else None; gone when the work is done."""
    if not sys.stderr.isatty():
        yield None
        return
    report = ProgressBar(what)
    try:
        yield report
    finally:
        report.bar.stop()

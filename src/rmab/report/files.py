"""Write several files so that all of them appear, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def write_whole(texts: Mapping[Path, str]) -> None:
    """Write every text to a temporary neighbour first, then move all of them into place.

    Parameters
    ----------
    texts : mapping of Path to str
        Contents by file; their folders must exist.

    Raises
    ------
    OSError
        If a file cannot be written; nothing is left behind and no file has changed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_whole({Path(folder) / "a.txt": "one", Path(folder) / "b.txt": "two"})
    ...     sorted(file.name for file in Path(folder).iterdir())
    ['a.txt', 'b.txt']
    """
    parts = {file: file.with_name(f".{file.name}.{os.getpid()}.part") for file in texts}
    try:
        for file, text in texts.items():
            if file.is_dir():
                raise IsADirectoryError(21, "is a folder, not a file", str(file))
            try:
                parts[file].write_text(text, encoding="utf-8", newline="\n")
            except OSError as error:
                raise type(error)(error.errno, error.strerror, str(file)) from None
        for file, part in parts.items():
            part.replace(file)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)

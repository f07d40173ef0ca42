"""A file of arrays under a header, which is written whole or not at all and refuses to be read when it was changed.

The format is safetensors. Its header field ``rmab`` holds, in JSON, what the writer says of the arrays, and ``sha256``, the
digest of that and of all arrays. The file is written under a temporary name in the same folder, then renamed, so readers see
the old file or the new one. The same content gives the same bytes. Nothing in a file is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from rmab.errors import StoreError


def write_file(path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Write ``arrays`` under a ``header``, which must hold a whole number ``schema`` and nothing that JSON cannot.

    Raises
    ------
    StoreError
        If the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_file(Path(folder) / "file", {"schema": 1, "kind": "example"}, {"numbers": np.arange(3)})
    ...     header, arrays = read_file(Path(folder) / "file", schema=1, writer="this example")
    >>> header["kind"], arrays["numbers"]
    ('example', array([0, 1, 2]))
    """
    file = _path(path)
    if file.is_dir():
        raise StoreError(f"{file}: cannot be written, it is a folder; name a file in it")
    # safetensors writes memory as it lies, so every array must be C-contiguous; ascontiguousarray makes (1,) of shape ()
    content = {name: np.asarray(values, order="C") for name, values in arrays.items()}
    whole = {**header, "sha256": digest(header, content)}
    # one field only: safetensors writes several in an order that differs from run to run
    replace_file(file, to_bytes(content, {"rmab": json.dumps(whole, sort_keys=True)}))


def read_file(path: str | os.PathLike[str], *, schema: int, writer: str) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """The header and the arrays of a file that :func:`write_file` wrote.

    Parameters
    ----------
    path : path-like
        The file.
    schema : int
        The newest schema that the caller can read.
    writer : str
        What to write such a file with, for the message.

    Raises
    ------
    StoreError
        If the file is missing, damaged, not written by :func:`write_file`, or of a newer schema.
    """
    file = _path(path)
    if file.is_dir():
        raise StoreError(f"{file}: there is no such file but a folder; name a file in it")
    if not file.is_file():
        raise StoreError(f"{file}: there is no such file; check the path")
    try:
        with safe_open(file, framework="numpy") as content:
            header = _header(file, content.metadata() or {}, schema, writer)
            arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise StoreError(f"{file}: damaged or not a safetensors file ({error}); copy or save it again") from None
    if header.pop("sha256", None) != digest(header, arrays):
        raise StoreError(f"{file}: damaged, its content does not match its digest; copy or save it again")
    return header, arrays


def digest(header: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> str:
    """The SHA-256 digest of a header and of arrays: names, types, shapes and every bit.

    Examples
    --------
    >>> digest({}, {"a": np.zeros(2)}) == digest({}, {"a": np.zeros((2, 1))})
    False
    """
    total = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        total.update(np.ascontiguousarray(arrays[name]).data)  # the memory itself, not a copy of it
    return total.hexdigest()


def replace_file(file: Path, content: bytes) -> None:
    """Put ``content`` in the place of ``file`` in one step; raises :class:`StoreError` if that cannot be."""
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


def _path(path: str | os.PathLike[str]) -> Path:
    if not path_like(path):
        raise StoreError(f"a file is named by a path, a str or a Path that is not empty, got {path!r:.60}")
    return Path(path)


def path_like(path: object) -> bool:
    """Whether ``path`` can name a file or a folder: a path, or text that is not empty."""
    return isinstance(path, str | os.PathLike) and path != ""


def _header(file: Path, metadata: Mapping[str, str], newest: int, writer: str) -> dict[str, Any]:
    if "rmab" not in metadata:
        raise StoreError(f"{file}: not a file saved by rmab, its header does not say so; save it with {writer}")
    try:
        header = json.loads(metadata["rmab"])
        schema = int(header["schema"])
    except (KeyError, TypeError, ValueError):
        raise StoreError(f"{file}: damaged, its header cannot be read; copy or save it again") from None
    if schema > newest:
        raise StoreError(f"{file}: has schema {schema}, this version of rmab reads up to {newest}; upgrade rmab to load it")
    return header

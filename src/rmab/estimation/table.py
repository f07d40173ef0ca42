"""A file of rows and named columns, before anything is known about what the columns mean.

Both formats end in the same table, so a CSV and a Parquet file with the same content give the same log:

1. every column but the time becomes text; blanks around a label are dropped; an empty cell, ``NA`` and ``NaN`` mean "nothing";
2. the time becomes whole numbers when all of it is whole, else numbers, dates or date-times; text is read as a whole number, a
   number, an ISO date or an ISO date-time, whichever fits every row, and never guessed from day-month orders;
3. rows without any entry (blank lines) are left out, but counted.

Rows are numbered as in the file: row 1 is the first one below the header.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rmab.errors import LogError

NOTHING = ["", "NA", "NaN"]

_TEXT_TIMES: list[Callable[[pl.Series], pl.Series]] = [
    lambda text: text.cast(pl.Int64, strict=False),
    lambda text: text.cast(pl.Float64, strict=False),
    lambda text: text.str.to_date("%Y-%m-%d", strict=False),
    lambda text: text.str.replace("T", " ").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False),
    lambda text: text.str.replace("T", " ").str.to_datetime("%Y-%m-%d %H:%M", strict=False),
]


def read_table(path: str | PathLike[str]) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """The rows of a ``.csv`` or ``.parquet`` file and their numbers in it (the first row below the header is 1).

    Raises
    ------
    LogError
        If the file is missing, of another kind, damaged, or has no rows.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "log.csv"
    ...     _ = file.write_text("arm,time\\nA,1\\n\\nA,2\\n", encoding="utf-8")
    ...     frame, row = read_table(file)
    >>> frame.shape, row
    ((2, 2), array([1, 3]))
    """
    file = Path(path)
    if not file.is_file():
        raise LogError(f"{file}: there is no such file; check the path")
    frame = _parse(file)
    keep = ~frame.select(pl.all_horizontal(pl.all().is_null())).to_series() if frame.width else pl.Series([], dtype=pl.Boolean)
    row = np.flatnonzero(keep.to_numpy()) + 1
    if not len(row):
        raise LogError(f"{file}: the file has no rows; a log needs one row per arm and period below its header")
    return frame.filter(keep), row


def _parse(file: Path) -> pl.DataFrame:
    suffix = file.suffix.lower()
    try:
        if suffix == ".csv":
            _check_header(file)
            return pl.read_csv(file, infer_schema=False, glob=False)
        if suffix in (".parquet", ".pq"):
            return pl.read_parquet(file, glob=False)
    except pl.exceptions.NoDataError:
        raise LogError(f"{file}: the file is empty; a log needs a header and one row per arm and period") from None
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0]
        if "utf-8" in reason.lower():
            raise LogError(f"{file}: the text is not UTF-8; save the file as UTF-8 and read it again") from None
        raise LogError(
            f"{file}: cannot be read as {suffix[1:]} ({reason}); export the file again, it may be cut short"
        ) from None
    raise LogError(f"{file}: unknown kind of file {suffix!r}; a log is a .csv or a .parquet file")


def _check_header(file: Path) -> None:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        names = next(csv.reader(lines), [])
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise LogError(f"{file}: the header names the column {twice[0]!r} twice; rename one of them")


def column(source: str, frame: pl.DataFrame, name: str, role: str) -> pl.Series:
    """Column ``name`` of the table, or a :class:`LogError` that lists the columns there are."""
    if name not in frame.columns:
        present = ", ".join(repr(c) for c in frame.columns)
        raise LogError(f"{source}: there is no column {name!r} for the {role}; the columns are {present}")
    return frame.get_column(name)


def as_labels(source: str, values: pl.Series, role: str) -> pl.Series:
    """The column as text labels; null where the cell holds nothing.

    Examples
    --------
    >>> as_labels("log.csv", pl.Series("s", [1, None, 2]), "state").to_list()
    ['1', None, '2']
    """
    if values.dtype.is_nested() or values.dtype == pl.Binary:
        raise LogError(f"{source}: the {role} column {values.name!r} holds {values.dtype}, not labels; write one label per row")
    text = values.cast(pl.String).str.strip_chars()
    return text.set(text.is_in(NOTHING), None)


def as_times(source: str, values: pl.Series, row: NDArray[np.int64]) -> pl.Series:
    """The column as times that can be ordered: whole numbers where all are whole, else numbers, dates or date-times.

    Raises
    ------
    LogError
        If a time is missing or is none of these; the message names the first such row.

    Examples
    --------
    >>> as_times("log.csv", pl.Series("t", ["2024-01-08", "2024-01-15"]), np.array([1, 2])).dtype
    Date
    """
    times = values
    if times.dtype == pl.String:
        times = as_labels(source, times, "time")
    elif times.dtype.is_float():
        times = times.fill_nan(None)
    if times.null_count():
        at = row[int(times.is_null().arg_max() or 0)]
        raise LogError(f"{source}: row {at} has no time in column {values.name!r}; fill it in or leave the row out")
    if times.dtype == pl.String:
        times = _parse_times(source, times, row)
    if times.dtype.is_float() and not times.is_finite().all():
        at = int((~times.is_finite()).arg_max() or 0)
        raise LogError(f"{source}: row {row[at]} has the time {values[at]!r}, which is no point in time; correct it")
    if times.dtype.is_float() and times.is_finite().all() and (times == times.round()).all() and (times.abs() < 2**53).all():
        times = times.cast(pl.Int64)
    if not (times.dtype.is_integer() or times.dtype.is_float() or times.dtype.is_temporal()):
        raise LogError(f"{source}: the time column {values.name!r} holds {times.dtype}; use whole numbers or ISO dates")
    return times.cast(pl.Int64) if times.dtype.is_integer() else times


def _parse_times(source: str, text: pl.Series, row: NDArray[np.int64]) -> pl.Series:
    attempts = [parse(text) for parse in _TEXT_TIMES]
    best = min(attempts, key=lambda parsed: parsed.null_count())
    if best.null_count():
        at = int(best.is_null().arg_max() or 0)
        raise LogError(
            f"{source}: row {row[at]} has the time {text[at]!r}, which does not fit the other rows of column {text.name!r}; "
            "write all times as whole numbers or as ISO dates such as 2024-05-31"
        )
    return best

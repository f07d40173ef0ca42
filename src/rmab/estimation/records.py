"""What a log is once it is read: rows sorted by arm and period, and where each arm was last seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rmab.errors import LogError
from rmab.estimation.table import as_labels, column

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LatestStates:
    """Where each arm was when it was last seen.

    Attributes
    ----------
    source : str
        The file of the log.
    labels : tuple of str
        The states.
    arms : tuple of str, length N
        Arm ids in the order of the log. A model may number its arms differently: match them by id.
    states : ndarray of int, shape (N,)
        The latest state of each arm, as a position in ``labels``.
    times : tuple, length N
        The time of each arm's latest row, as in the file.
    stale : ndarray of bool, shape (N,)
        Whether the arm's latest row is older than the last period of the log.
    """

    source: str
    labels: tuple[str, ...]
    arms: tuple[str, ...]
    states: Ints
    times: tuple[Any, ...]
    stale: NDArray[np.bool_]

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence per arm whose latest state is out of date."""
        return tuple(
            f"arm {self.arms[i]!r} was last seen at {self.times[i]}, before the last period of the log"
            for i in np.flatnonzero(self.stale)
        )

    def __str__(self) -> str:
        counts = np.bincount(self.states, minlength=len(self.labels))
        where = ", ".join(f"{count} in {label!r}" for label, count in zip(self.labels, counts, strict=True))
        return f"latest states of {len(self.arms)} arms: {where}; {self.stale.sum()} out of date"


@dataclass(frozen=True, eq=False)
class Log:
    """Rows of a log, sorted by arm and period.

    Attributes
    ----------
    source : str
        The file.
    states, actions, arms : tuple of str
        Labels; the passive action comes first.
    arm, period, state : ndarray of int, shape (n,)
        Positions in ``arms`` and ``states``, and the number of the period from 0.
    action : ndarray of int, shape (n,)
        Position in ``actions``; -1 where no action was recorded.
    time : polars.Series, length n
        Times as in the file.
    row : ndarray of int, shape (n,)
        Row in the file; the first row below the header is 1.
    columns : polars.DataFrame
        All columns of the file in the same order of rows, for :meth:`group`.
    group_column : str or None
        The column named as ``group`` when the log was read.
    """

    source: str
    states: tuple[str, ...]
    actions: tuple[str, ...]
    arms: tuple[str, ...]
    arm: Ints
    period: Ints
    state: Ints
    action: Ints
    time: pl.Series
    row: Ints
    columns: pl.DataFrame
    group_column: str | None = None

    @property
    def n_arms(self) -> int:
        """Number of arms, ``N``."""
        return len(self.arms)

    @property
    def followed(self) -> NDArray[np.bool_]:
        """Whether the next row is the same arm one period later, shape ``(n,)``."""
        same = (self.arm[1:] == self.arm[:-1]) & (self.period[1:] == self.period[:-1] + 1)
        return np.append(same, False)

    def latest(self) -> LatestStates:
        """The latest observed state of each arm, and which of them are out of date."""
        last = np.append(np.flatnonzero(np.diff(self.arm)), len(self.arm) - 1)
        times = tuple(self.time.gather(last).to_list())
        stale = self.period[last] < self.period.max()
        return LatestStates(self.source, self.states, self.arms, self.state[last], times, stale)

    def group(self, name: str) -> tuple[tuple[str, ...], Ints]:
        """Labels of the groups in column ``name`` and the group of each arm, shape ``(N,)``.

        Raises
        ------
        LogError
            If there is no such column, or an arm has no group or more than one.
        """
        text = as_labels(self.source, column(self.source, self.columns, name, "group"), "group")
        absent = text.is_null().to_numpy()
        if absent.any():
            at = absent.argmax()
            raise LogError(
                f"{self.source}: row {self.row[at]} (arm {self.arms[self.arm[at]]!r}) has no group in column {name!r}; "
                "fill it in"
            )
        labels = ordered(text)
        codes = encode(text, labels)
        of_arm = codes[np.append(0, np.flatnonzero(np.diff(self.arm)) + 1)]
        changed = codes != of_arm[self.arm]
        if changed.any():
            at = changed.argmax()
            arm = self.arm[at]
            raise LogError(
                f"{self.source}: arm {self.arms[arm]!r} changes its group from {labels[of_arm[arm]]!r} to {text[int(at)]!r} in "
                f"row {self.row[at]}; an arm needs one value of column {name!r} in all its rows"
            )
        return labels, of_arm

    def __str__(self) -> str:
        return (
            f"log {self.source}: {self.n_arms} arms, {len(self.arm)} rows, {self.followed.sum()} transitions\n"
            f"states {', '.join(self.states)}; actions {', '.join(self.actions)} ({self.actions[0]} is passive)"
        )


def ordered(text: pl.Series) -> tuple[str, ...]:
    """The different labels of a column: as numbers when all are whole numbers, else as text.

    Examples
    --------
    >>> ordered(pl.Series(["10", "9", None, "10"]))
    ('9', '10')
    """
    labels = sorted(text.drop_nulls().unique())
    if all(re.fullmatch(r"[+-]?\d+", label) for label in labels):
        labels.sort(key=int)
    return tuple(labels)


def encode(text: pl.Series, labels: tuple[str, ...]) -> Ints:
    """The position of each cell's label in ``labels``; -1 where the cell is empty or its label is not among them.

    Examples
    --------
    >>> encode(pl.Series(["b", None, "a"]), ("a", "b"))
    array([ 1, -1,  0])
    """
    codes = text.replace_strict(list(labels), list(range(len(labels))), default=-1, return_dtype=pl.Int64) if labels else None
    return np.full(len(text), -1) if codes is None else codes.to_numpy()

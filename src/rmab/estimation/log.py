"""Logs: who was in which state when, and what was done about it.

A row says that *arm* ``i`` was seen in *state* ``s`` at *time* ``t`` and that *action* ``a`` was then taken, which acts
until the arm's next row. Two successive rows of an arm are one observed transition ``(s, a) -> s'``.

How a file becomes a log:

1. the columns become labels and times (see :mod:`rmab.estimation.table`); rows may come in any order;
2. times become consecutive periods. Whole numbers: the smallest step between two successive rows of any arm is one period, a
   longer jump is a gap. Everything else (dates, date-times, fractions): the distinct times of the whole log are the periods, in
   order, and a gap is a time that other arms have and this one skips;
3. every row is checked; the first that cannot be right is named, with its remedy.

Arms are numbered in the order in which the file first names them. Labels that are all whole numbers are ordered as numbers,
others as text. The cost is that of sorting the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Literal

import numpy as np
import polars as pl

from rmab.errors import LogError
from rmab.estimation.checks import check_log
from rmab.estimation.records import Ints, LatestStates, Log, encode, ordered
from rmab.estimation.table import as_labels, as_times, column, read_table

__all__ = ["LatestStates", "Log", "read_log"]


def read_log(
    path: str | PathLike[str],
    *,
    arm: str,
    time: str,
    state: str,
    action: str,
    group: str | None = None,
    passive: str | int | None = None,
    states: Sequence[str | int] | None = None,
    actions: Sequence[str | int] | None = None,
    gaps: Literal["error", "split"] = "error",
) -> Log:
    """Read a log of arms, one row per arm and period.

    Parameters
    ----------
    path : path-like
        A ``.csv`` (UTF-8, comma, header) or ``.parquet`` file.
    arm, time, state, action : str
        Names of columns. States and actions are labels; whole numbers become their text. Times are whole numbers, numbers,
        dates or date-times (in a CSV: ISO). The action of an arm's last row may be empty.
    group : str, optional
        A column that has one value per arm; checked here. Any column can be named later in ``estimate(log, groups=...)``.
    passive : str or int, optional
        Label of the passive action; default the first of ``actions``, or the smallest label.
    states, actions : sequence of str or int, optional
        The labels in the order wanted; a label outside is then an error. Default: those in the file, sorted. An action that
        no row of the file can teach anything about is always an error.
    gaps : {"error", "split"}
        Whether a period that an arm skips is an error, or ends one stretch of the arm and begins another.

    Returns
    -------
    Log

    Raises
    ------
    LogError
        On the first thing that cannot be right, with file, row or arm, and remedy. Row 1 is the first below the header.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> rows = ["id,week,status,call", "A,1,good,no", "A,2,poor,yes", "A,3,good,", "B,1,poor,no", "B,2,poor,"]
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "log.csv"
    ...     _ = file.write_text("\\n".join(rows), encoding="utf-8")
    ...     log = read_log(file, arm="id", time="week", state="status", action="call")
    >>> log.states, log.actions, log.arms
    (('good', 'poor'), ('no', 'yes'), ('A', 'B'))
    >>> print(log.latest())
    latest states of 2 arms: 1 in 'good', 1 in 'poor'; 1 out of date
    """
    if gaps not in ("error", "split"):
        raise LogError(f"gaps must be 'error' or 'split', got {gaps!r}")
    source = str(path)
    frame, row = read_table(path)
    columns = {role: column(source, frame, name, role) for role, name in _roles(arm, time, state, action, group).items()}
    text = {role: as_labels(source, columns[role], role) for role in ("arm", "state", "action")}
    times = as_times(source, columns["time"], row)
    for role in ("arm", "state"):
        _refuse_empty(source, text[role], row, role)
    arms = tuple(text["arm"].unique(maintain_order=True))
    state_labels = ordered(text["state"]) if states is None else _given(states, "states")
    action_labels = _action_labels(source, text["action"], actions, passive)
    state_codes = _codes(source, text["state"], state_labels, row, "state")
    action_codes = _codes(source, text["action"], action_labels, row, "action")
    arm_codes = encode(text["arm"], arms)
    order = np.lexsort((times.rank("dense").to_numpy(), arm_codes))
    log = Log(
        source=source,
        states=state_labels,
        actions=action_labels,
        arms=arms,
        arm=arm_codes[order],
        period=_periods(source, arms, arm_codes[order], times.gather(order)),
        state=state_codes[order],
        action=action_codes[order],
        time=times.gather(order),
        row=row[order],
        columns=frame[order],
        group_column=group,
    )
    check_log(log, gaps)
    return log


def _roles(arm: str, time: str, state: str, action: str, group: str | None) -> dict[str, str]:
    roles = {"arm": arm, "time": time, "state": state, "action": action}
    return roles if group is None else {**roles, "group": group}


def _refuse_empty(source: str, text: pl.Series, row: Ints, role: str) -> None:
    absent = text.is_null().to_numpy()
    if absent.any():
        raise LogError(
            f"{source}: row {row[absent.argmax()]} has no {role} in column {text.name!r}; fill it in or leave the row out"
        )


def _given(labels: Sequence[str | int], name: str) -> tuple[str, ...]:
    text = tuple(str(label) for label in labels)
    if isinstance(labels, str) or not text or len(set(text)) < len(text):
        raise LogError(f"{name} must be a list of different labels, got {labels!r}")
    return text


def _action_labels(
    source: str, text: pl.Series, actions: Sequence[str | int] | None, passive: str | int | None
) -> tuple[str, ...]:
    labels = ordered(text) if actions is None else _given(actions, "actions")
    if passive is None:
        return labels
    if str(passive) not in labels:
        raise LogError(
            f"{source}: the passive action {str(passive)!r} is not among the actions {_listed(labels)}; name one of them"
        )
    return (str(passive), *(label for label in labels if label != str(passive)))


def _codes(source: str, text: pl.Series, labels: tuple[str, ...], row: Ints, role: str) -> Ints:
    codes = encode(text, labels)
    unknown = (codes < 0) & text.is_not_null().to_numpy()
    if unknown.any():
        at = int(unknown.argmax())
        raise LogError(
            f"{source}: row {row[at]} has the unknown {role} {text[at]!r}; the {role}s are {_listed(labels)}; "
            "correct the row or add the label"
        )
    return codes


def _periods(source: str, arms: tuple[str, ...], arm: Ints, time: pl.Series) -> Ints:
    if not time.dtype.is_integer():
        return time.rank("dense").to_numpy().astype(np.int64) - 1
    values = time.to_numpy()
    same = arm[1:] == arm[:-1]
    jump = np.where(same, np.diff(values), 0)
    step = jump[jump > 0].min(initial=np.iinfo(np.int64).max) if (jump > 0).any() else 1
    uneven = jump % step != 0
    if uneven.any():
        at = uneven.argmax()
        raise LogError(
            f"{source}: arm {arms[arm[at]]!r} goes from time {values[at]} to {values[at + 1]}, which is not a whole number of "
            f"periods of {step}, the smallest step of the log; number the periods 0, 1, 2, ..."
        )
    return (values - values.min()) // step


def _listed(labels: tuple[str, ...]) -> str:
    return ", ".join(repr(label) for label in labels)

"""Checks of a whole log: what contradicts itself, and what could not be learned from it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rmab.errors import LogError
from rmab.estimation.records import Log


def check_log(log: Log, gaps: Literal["error", "split"]) -> None:
    """Raise a :class:`LogError` for the first duplicate row, gap, missing action, unlearnable action or changing group."""
    same = log.arm[1:] == log.arm[:-1]
    _check_duplicates(log, same)
    if gaps == "error":
        _check_gaps(log, same)
    _check_actions(log)
    if log.group_column is not None:
        log.group(log.group_column)


def _check_duplicates(log: Log, same: NDArray[np.bool_]) -> None:
    twice = same & (log.period[1:] == log.period[:-1])
    if twice.any():
        at = int(twice.argmax())
        raise LogError(
            f"{log.source}: duplicate rows {log.row[at]} and {log.row[at + 1]}: arm {log.arms[log.arm[at]]!r} appears twice at "
            f"time {log.time[at]}; keep one row per arm and period"
        )


def _check_gaps(log: Log, same: NDArray[np.bool_]) -> None:
    gap = same & (log.period[1:] > log.period[:-1] + 1)
    if gap.any():
        at = int(gap.argmax())
        missed = log.period[at + 1] - log.period[at] - 1
        raise LogError(
            f"{log.source}: gap in the rows of arm {log.arms[log.arm[at]]!r}: it goes from time {log.time[at]} "
            f"(row {log.row[at]}) to {log.time[at + 1]} (row {log.row[at + 1]}) and skips {missed} of the log's periods; "
            "add the missing rows, or read with gaps='split' to start a new stretch there"
        )


def _check_actions(log: Log) -> None:
    followed = log.followed
    missing = followed & (log.action < 0)
    if missing.any():
        at = missing.argmax()
        raise LogError(
            f"{log.source}: row {log.row[at]} (arm {log.arms[log.arm[at]]!r}, time {log.time[int(at)]}) has no action, "
            "but the arm has a later row; only an arm's last row may leave the action empty: fill it in"
        )
    if not followed.any():
        raise LogError(f"{log.source}: no arm has rows in two successive periods, so there is no transition to learn from")
    if len(log.actions) < 2:
        raise LogError(
            f"{log.source}: the log shows only the action {log.actions[0]!r}, so the effect of acting cannot be learned; "
            "add rows in which another action was taken"
        )
    shown = np.bincount(log.action[followed], minlength=len(log.actions))
    if (shown == 0).any():
        raise LogError(
            f"{log.source}: the log never shows what follows the action {log.actions[int(shown.argmin())]!r}, so its "
            "effect cannot be learned; add such rows or leave the action out"
        )

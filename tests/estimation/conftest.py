"""Logs that tests write and read."""

from pathlib import Path

import pytest

from rmab.estimation.log import read_log

ROWS = ["id,week,status,call", "A,0,good,no", "A,1,poor,yes", "A,2,good,", "B,0,poor,no", "B,1,poor,yes", "B,2,good,"]
NAMES = {"arm": "id", "time": "week", "state": "status", "action": "call"}


@pytest.fixture
def read(tmp_path):
    """Read a log from lines of CSV: ``read(lines, **options)``."""

    def read_lines(lines, **options):
        file = tmp_path / "log.csv"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read_log(file, **{**NAMES, **options})

    return read_lines


@pytest.fixture
def rows():
    """The lines of a small log that is in order."""
    return list(ROWS)


@pytest.fixture
def names():
    """Which column is which in it."""
    return dict(NAMES)


@pytest.fixture(scope="session")
def respiratory():
    """The published trial."""
    file = Path(__file__).parents[2] / "examples" / "respiratory.csv"
    return read_log(
        file, arm="arm", time="time", state="state", action="action", states=["poor", "good"], passive="0", group="center"
    )

"""What a log becomes when it is read."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from rmab.estimation.log import read_log

ARRAYS = ("arm", "period", "state", "action", "row")
NAMES = ("states", "actions", "arms")


def same(one, other):
    """Whether two logs agree in everything but the file."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS) and all(
        getattr(one, name) == getattr(other, name) for name in NAMES
    )


def test_labels_and_arrays(read, rows):
    log = read(rows)
    assert (log.states, log.actions, log.arms) == (("good", "poor"), ("no", "yes"), ("A", "B"))
    assert log.arm.tolist() == [0, 0, 0, 1, 1, 1]
    assert log.period.tolist() == [0, 1, 2, 0, 1, 2]
    assert log.state.tolist() == [0, 1, 0, 1, 1, 0]
    assert log.action.tolist() == [0, 1, -1, 0, 1, -1]
    assert log.row.tolist() == [1, 2, 3, 4, 5, 6]
    assert log.followed.tolist() == [True, True, False, True, True, False]
    assert "2 arms, 6 rows, 4 transitions" in str(log)


def test_order_of_the_rows_does_not_matter_but_numbers_the_arms(read, rows):
    log = read([rows[0], *reversed(rows[1:])])
    assert log.arms == ("B", "A")
    assert log.state.tolist() == [1, 1, 0, 0, 1, 0]
    assert log.row.tolist() == [3, 2, 1, 6, 5, 4]


def test_given_states_and_passive_set_the_order(read, rows):
    log = read(rows, states=["poor", "fair", "good"], passive="yes")
    assert log.states == ("poor", "fair", "good")
    assert log.actions == ("yes", "no")
    assert log.state.tolist() == [2, 0, 2, 0, 0, 2]
    assert log.action.tolist() == [1, 0, -1, 1, 0, -1]


def test_given_actions_keep_their_order_and_the_first_is_passive(read, rows):
    assert read(rows, actions=["yes", "no"]).actions == ("yes", "no")
    assert read(rows, actions=["yes", "no"], passive="no").actions == ("no", "yes")


def test_whole_number_labels_are_text_in_numerical_order(read):
    lines = ["id,week,status,call", "7,0,10,1", "7,1,9,0", "7,2,2,"]
    log = read(lines, passive=1)
    assert log.states == ("2", "9", "10")
    assert log.actions == ("1", "0")
    assert log.arms == ("7",)
    assert read(lines).actions == ("0", "1")


def test_leading_zeros_are_kept_and_blanks_around_labels_dropped(read):
    log = read(["id,week,status,call", "007,0, good ,no", "007,1,poor,yes", "007,2,good,"])
    assert log.arms == ("007",)
    assert log.states == ("good", "poor")


def test_na_and_nan_are_nothing(read):
    log = read(["id,week,status,call", "A,0,good,no", "A,1,poor,yes", "A,2,good,NA", "B,2,good,NaN"])
    assert log.action.tolist() == [0, 1, -1, -1]


def test_blank_lines_are_counted_but_not_read(read, rows):
    log = read([*rows[:3], "", *rows[3:], "", ""])
    assert log.row.tolist() == [1, 2, 4, 5, 6, 7]


def test_byte_order_mark(tmp_path, rows, names):
    file = tmp_path / "log.csv"
    file.write_text("\n".join(rows), encoding="utf-8-sig")
    assert read_log(file, **names).n_arms == 2


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ([0, 1, 2], int),
        ([0.0, 1.0, 2.0], int),
        ([0.5, 1.5, 2.5], float),
        ([date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)], date),
        ([datetime(2024, 1, 1, 8), datetime(2024, 1, 2, 9, 30), datetime(2024, 1, 3, 7)], datetime),
        (["2024-01-05", "2024-01-06", "2024-01-08"], date),
        (["2024-01-05 10:00", "2024-01-05T11:00", "2024-01-05 12:00"], datetime),
        (["10", "11", "12"], int),
    ],
)
def test_parquet_and_csv_give_the_same_log(tmp_path, rows, names, given, kind):
    frame = pl.read_csv("\n".join(rows).encode()).with_columns(pl.Series("week", given * 2))
    frame.write_parquet(tmp_path / "log.parquet")
    frame.write_csv(tmp_path / "log.csv")
    binary, text = (read_log(tmp_path / name, **names) for name in ("log.parquet", "log.csv"))
    assert same(binary, text)
    assert binary.latest().times == text.latest().times
    assert binary.period.tolist() == [0, 1, 2, 0, 1, 2]
    assert type(binary.latest().times[0]) is kind


def test_parquet_with_integers_booleans_and_categories(tmp_path, names):
    frame = pl.DataFrame({"id": [2, 2, 10], "week": [5, 6, 5], "status": ["b", "a", "a"], "call": [True, None, None]})
    more = pl.DataFrame({"id": [10], "week": [6], "status": ["b"], "call": [None]}, schema=frame.schema)
    frame = pl.concat([frame.with_columns(call=pl.Series([True, None, False])), more])
    frame.with_columns(pl.col("status").cast(pl.Categorical)).write_parquet(tmp_path / "log.pq")
    log = read_log(tmp_path / "log.pq", **names)
    assert (log.arms, log.states, log.actions) == (("2", "10"), ("a", "b"), ("false", "true"))


def test_whole_number_times_count_in_the_smallest_step_of_an_arm(read):
    lines = ["id,week,status,call", "A,0,good,no", "A,7,poor,yes", "A,14,good,", "B,3,good,no", "B,10,poor,"]
    log = read(lines)
    assert log.period.tolist() == [0, 1, 2, 0, 1]
    assert log.followed.sum() == 3


def test_a_gap_can_split_the_log(read):
    lines = ["id,week,status,call", "A,0,good,no", "A,1,poor,", "A,3,good,yes", "A,4,good,", "B,0,good,yes", "B,1,good,"]
    log = read(lines, gaps="split")
    assert log.period.tolist() == [0, 1, 3, 4, 0, 1]
    assert log.followed.tolist() == [True, False, True, False, True, False]


def test_a_week_in_which_nobody_was_seen_is_a_gap_in_whole_numbers_only(read, rows):
    dates = ["2024-01-01", "2024-01-02", "2024-01-05"]
    dated = [rows[0], *(line.replace(f",{i % 3},", f",{dates[i % 3]},") for i, line in enumerate(rows[1:]))]
    assert read(dated).followed.sum() == 4
    numbered = [line.replace(",2,", ",4,").replace("B,0,poor,no", "B,0,poor,yes") for line in rows]
    assert read(numbered, gaps="split").followed.sum() == 2


def test_latest_states(read, rows):
    latest = read([*rows[:-2], "B,1,poor,"], states=["poor", "good"], passive="no").latest()
    assert latest.arms == ("A", "B")
    assert latest.states.tolist() == [1, 0]
    assert latest.times == (2, 1)
    assert latest.stale.tolist() == [False, True]
    assert latest.warnings == ("arm 'B' was last seen at 1, before the last period of the log",)
    assert "1 in 'poor', 1 in 'good'; 1 out of date" in str(latest)


def test_nobody_is_stale_when_all_are_seen_last(read, rows):
    assert read(rows).latest().warnings == ()


def test_groups_come_from_any_column(read, rows):
    lines = [f"{line},{extra}" for line, extra in zip(rows, ["site", "10", "10", "10", "9", "9", "9"], strict=True)]
    labels, of_arm = read(lines).group("site")
    assert labels == ("9", "10")
    assert of_arm.tolist() == [1, 0]
    assert read(lines, group="site").group_column == "site"


def test_the_published_trial(respiratory):
    assert respiratory.n_arms == 111
    assert len(respiratory.arm) == 555
    assert respiratory.followed.sum() == 444
    assert respiratory.group_column == "center"
    labels, of_arm = respiratory.group("center")
    assert labels == ("1", "2")
    assert np.bincount(of_arm).tolist() == [56, 55]
    assert respiratory.latest().stale.sum() == 0

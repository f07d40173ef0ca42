"""Every way in which a log can be wrong, with the words that tell the user where and what to do."""

import polars as pl
import pytest

from rmab.errors import LogError
from rmab.estimation.log import read_log


def refused(*words):
    """Expect a LogError whose message has all these words."""

    class Refused:
        def __enter__(self):
            self.context = pytest.raises(LogError)
            self.caught = self.context.__enter__()

        def __exit__(self, *details):
            done = self.context.__exit__(*details)
            if done:
                message = str(self.caught.value)
                assert [word for word in words if word not in message] == [], message
                assert "\n" not in message
            return done

    return Refused()


def swap(rows, number, line):
    """The log with data row ``number`` (from 1) replaced."""
    return [*rows[:number], line, *rows[number + 1 :]]


def test_missing_file(tmp_path, names):
    with refused("nowhere.csv", "no such file"):
        read_log(tmp_path / "nowhere.csv", **names)


def test_a_folder_is_no_file(tmp_path, names):
    with refused(tmp_path.name, "no such file"):
        read_log(tmp_path, **names)


def test_unknown_kind_of_file(tmp_path, names):
    (tmp_path / "log.xlsx").write_bytes(b"x")
    with refused("log.xlsx", "'.xlsx'", ".csv or a .parquet"):
        read_log(tmp_path / "log.xlsx", **names)


def test_empty_file(tmp_path, names):
    (tmp_path / "log.csv").write_bytes(b"")
    with refused("log.csv", "file is empty", "header"):
        read_log(tmp_path / "log.csv", **names)


def test_header_only(read, rows):
    with refused("log.csv", "no rows"):
        read(rows[:1])


def test_header_and_blank_lines_only(read, rows):
    with refused("log.csv", "no rows"):
        read([rows[0], "", ",,,"])


@pytest.mark.parametrize("content", [{"id": []}, {}])
def test_parquet_without_rows(tmp_path, names, content):
    pl.DataFrame(content).write_parquet(tmp_path / "log.parquet")
    with refused("log.parquet", "no rows"):
        read_log(tmp_path / "log.parquet", **names)


@pytest.mark.parametrize("keep", [0, 4, 100, -1, -8])
def test_parquet_cut_short(tmp_path, names, keep):
    file = tmp_path / "log.parquet"
    pl.DataFrame({"id": ["A"] * 1000}).write_parquet(file)
    file.write_bytes(file.read_bytes()[:keep])
    with refused("log.parquet", "cannot be read as parquet", "cut short"):
        read_log(file, **names)


def test_csv_that_is_not_utf8(tmp_path, rows, names):
    (tmp_path / "log.csv").write_bytes("\n".join(rows).replace("poor", "misérable").encode("latin-1"))
    with refused("log.csv", "not UTF-8", "save the file as UTF-8"):
        read_log(tmp_path / "log.csv", **names)


def test_a_line_with_too_many_cells(read, rows):
    with refused("log.csv", "cannot be read as csv"):
        read(swap(rows, 2, "A,1,poor,yes,1,2,3"))


@pytest.mark.parametrize(
    ("role", "option"), [("arm", "arm"), ("time", "time"), ("state", "state"), ("action", "action"), ("group", "group")]
)
def test_missing_column(read, rows, role, option):
    with refused("log.csv", "no column 'wrong'", f"the {role}", "'id', 'week', 'status', 'call'"):
        read(rows, **{option: "wrong"})


def test_a_group_column_missing_later(read, rows):
    with refused("log.csv", "no column 'ward' for the group", "'id', 'week'"):
        read(rows).group("ward")


@pytest.mark.parametrize(
    ("line", "words"),
    [(",1,poor,yes", "no arm in column 'id'"), ("A,,poor,yes", "no time in column 'week'"), ("A,1,,yes", "no state in column")],
)
def test_empty_cells(read, rows, line, words):
    with refused("log.csv", "row 2", words, "fill it in"):
        read(swap(rows, 2, line))


def test_empty_cells_in_parquet(tmp_path, rows, names):
    frame = pl.read_csv("\n".join(rows).encode())
    for name, words in (("id", "no arm"), ("week", "no time"), ("status", "no state")):
        holes = frame.with_columns(pl.when(pl.int_range(pl.len()) == 2).then(None).otherwise(pl.col(name)).alias(name))
        holes.write_parquet(tmp_path / "log.parquet")
        with refused("log.parquet", "row 3", words):
            read_log(tmp_path / "log.parquet", **names)


def test_unknown_state(read, rows):
    with refused("log.csv", "row 5", "unknown state 'pure'", "'poor', 'good'"):
        read(swap(rows, 5, "B,1,pure,yes"), states=["poor", "good"])


def test_unknown_action(read, rows):
    with refused("log.csv", "row 5", "unknown action 'maybe'", "'no', 'yes'"):
        read(swap(rows, 5, "B,1,poor,maybe"), actions=["no", "yes"])


def test_unknown_passive_action(read, rows):
    with refused("log.csv", "passive action '0'", "'no', 'yes'"):
        read(rows, passive="0")


@pytest.mark.parametrize("option", ["states", "actions"])
@pytest.mark.parametrize("labels", [[], ["no", "no"], "no"])
def test_label_lists_that_are_none(read, rows, option, labels):
    with refused(f"{option} must be a list of different labels"):
        read(rows, **{option: labels})


def test_duplicate_row(read, rows):
    with refused("log.csv", "duplicate rows 2 and 7", "arm 'A'", "time 1"):
        read([*rows, "A,1,good,no"])


def test_gap_in_whole_numbers(read, rows):
    with refused("log.csv", "gap", "arm 'B'", "time 1 (row 5) to 3 (row 6)", "skips 1", "gaps='split'"):
        read(swap(rows, 6, "B,3,good,"))


def test_gap_in_dates(read, rows):
    lines = [line.replace(f",{i % 3},", f",2024-01-0{1 + i % 3},") for i, line in enumerate(rows[1:])]
    with refused("log.csv", "gap", "arm 'B'", "2024-01-01 (row 4) to 2024-01-03 (row 5)", "skips 1"):
        read([rows[0], *lines[:4], lines[5]])


def test_uneven_steps(read):
    with refused("log.csv", "arm 'A'", "from time 2 to 5", "periods of 2"):
        read(["id,week,status,call", "A,0,good,no", "A,2,poor,yes", "A,5,good,"], gaps="split")


def test_missing_action(read, rows):
    with refused("log.csv", "row 2", "arm 'A'", "time 1", "no action", "later row"):
        read(swap(rows, 2, "A,1,poor,"))


def test_all_actions_missing(read):
    with refused("log.csv", "row 1", "no action"):
        read(["id,week,status,call", "A,0,good,", "A,1,poor,"])


def test_an_action_that_never_occurs(read, rows):
    with refused("log.csv", "never shows", "'visit'", "cannot be learned"):
        read(rows, actions=["no", "yes", "visit"])


def test_an_action_that_nothing_follows(read, rows):
    with refused("log.csv", "never shows", "'visit'", "cannot be learned"):
        read(swap(rows, 6, "B,2,good,visit"))


def test_only_one_action(read, rows):
    with refused("log.csv", "only the action 'no'", "effect of acting cannot be learned"):
        read([line.replace("yes", "no") for line in rows])


def test_no_transition(read, rows):
    with refused("log.csv", "no arm has rows in two successive periods"):
        read([rows[0], rows[1], rows[4]])


def test_group_that_changes_within_an_arm(read, rows):
    lines = [f"{line},{extra}" for line, extra in zip(rows, ["site", "x", "x", "x", "y", "x", "y"], strict=True)]
    with refused("log.csv", "arm 'B' changes its group from 'y' to 'x'", "row 5", "'site'"):
        read(lines, group="site")
    with refused("arm 'B' changes its group"):
        read(lines).group("site")


def test_empty_group(read, rows):
    lines = [f"{line},{extra}" for line, extra in zip(rows, ["site", "x", "x", "", "y", "y", "y"], strict=True)]
    with refused("log.csv", "row 3", "arm 'A'", "no group in column 'site'"):
        read(lines, group="site")


@pytest.mark.parametrize("time", ["soon", "01/02/2024", "2024-02-30"])
def test_times_that_are_none(read, rows, time):
    with refused("log.csv", "row 2", repr(time), "whole numbers or as ISO dates"):
        read(swap(rows, 2, f"A,{time},poor,yes"))


def test_times_of_a_kind_without_order(tmp_path, rows, names):
    frame = pl.read_csv("\n".join(rows).encode()).with_columns(week=pl.lit(True))
    frame.write_parquet(tmp_path / "log.parquet")
    with refused("log.parquet", "time column 'week' holds Boolean", "whole numbers or ISO dates"):
        read_log(tmp_path / "log.parquet", **names)


def test_labels_that_are_lists(tmp_path, rows, names):
    frame = pl.read_csv("\n".join(rows).encode()).with_columns(status=pl.struct("status"))
    frame.write_parquet(tmp_path / "log.parquet")
    with refused("log.parquet", "state column 'status' holds Struct", "one label per row"):
        read_log(tmp_path / "log.parquet", **names)


def test_unknown_way_with_gaps(read, rows):
    with refused("gaps must be 'error' or 'split'", "'fill'"):
        read(rows, gaps="fill")


@pytest.mark.parametrize("time", ["nan", "inf", "-inf"])
def test_a_time_that_is_no_number(tmp_path, rows, names, time):
    file = tmp_path / "log.csv"
    cells = rows[2].split(",")
    cells[rows[0].split(",").index(names["time"])] = time
    file.write_text("\n".join([*rows[:2], ",".join(cells), *rows[3:]]), encoding="utf-8")
    with refused("log.csv", "row 2", time):
        read_log(file, **names)


def test_a_column_named_twice(tmp_path, rows, names):
    file = tmp_path / "log.csv"
    file.write_text("\n".join([rows[0] + "," + names["state"], *(row + ",x" for row in rows[1:])]), encoding="utf-8")
    with refused("log.csv", "twice", names["state"]):
        read_log(file, **names)

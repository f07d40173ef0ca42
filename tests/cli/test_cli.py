"""The command line: every verb works as its help says, and bad input ends in one line and code 2."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rmab
from rmab.cli.main import VERBS, main
from rmab.cli.policies import NAMES

RESPIRATORY = Path(__file__).parents[2] / "examples" / "respiratory.csv"
COLUMNS = ["--arm", "arm", "--time", "time", "--state", "state", "--action", "action", "--passive", "0"]
REWARDS = ["--rewards", "good=1,poor=0"]
SMALL = ["--steps", "8", "--replicates", "20", "--draws", "4"]
TWO_STATES = {
    "transitions": [[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]],
    "rewards": [[0, 1], [0, 1]],
    "multiplicity": [100],
}


@pytest.fixture
def problem_file(tmp_path):
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(TWO_STATES))
    return file


def plan_of(file, out, *more):
    return ["plan", str(file), *COLUMNS, *REWARDS, "--budget", "20", "--out", str(out), *SMALL, *more]


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(verb, capsys):
    main([verb, "--help"])
    text = capsys.readouterr().out
    assert VERBS[verb][0] in text
    assert f"rmab {verb} " in text.partition("Example:")[2]


@pytest.mark.parametrize("verb", VERBS)
def test_the_example_of_the_help_runs(verb, capsys, tmp_path, monkeypatch):
    (tmp_path / "examples").mkdir()
    shutil.copy(RESPIRATORY, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    main([verb, "--help"])
    script = capsys.readouterr().out.partition("Example:")[2].replace("\\\n", " ")
    commands = [shlex.split(line) for line in script.splitlines() if line.strip()]
    assert commands
    for command in commands:
        assert command[0] == "rmab"
        main(command[1:])
    assert capsys.readouterr().out


def test_no_arguments_show_the_verbs_and_load_nothing_heavy():
    code = "import sys; from rmab.cli.main import main; main([]); assert not {'numba', 'polars', 'scipy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(verb in done.stdout for verb in VERBS)


def test_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out.strip() == rmab.__version__


def test_the_process_ends_with_code_2_and_one_line(tmp_path):
    command = [
        sys.executable,
        "-c",
        "from rmab.cli.main import main; main()",
        "index",
        str(tmp_path / "none.json"),
        "--average",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"rmab: {tmp_path / 'none.json'}: No such file or directory"]


def test_plan_leaves_three_files_that_agree(tmp_path, capsys):
    main(plan_of(RESPIRATORY, tmp_path / "plan", "--group", "center", "--seed", "3"))
    text = capsys.readouterr().out
    assert "act on 20 of 111 arms" in text
    folder = tmp_path / "plan"
    assert sorted(file.name for file in folder.iterdir()) == ["calls.csv", "plan.json", "report.html"]
    calls = pl.read_csv(folder / "calls.csv", schema_overrides={"group": pl.String})
    fields = json.loads((folder / "plan.json").read_text())
    assert calls["arm"].n_unique() == 20
    assert fields["calls"] == calls.to_dicts()
    assert fields["provenance"]["entropy"] == 3
    assert all(f"{arm}</td>" in (folder / "report.html").read_text() for arm in calls["arm"])


def test_the_same_seed_gives_the_same_files(tmp_path, capsys):
    for name in ("one", "two"):
        main(plan_of(RESPIRATORY, tmp_path / name, "--seed", "5"))
    for file in ("calls.csv", "plan.json", "report.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    main(plan_of(RESPIRATORY, tmp_path / "three", "--seed", "6"))
    assert (tmp_path / "three" / "calls.csv").read_bytes() != (tmp_path / "one" / "calls.csv").read_bytes()


def test_plan_prints_json_and_takes_a_discount(tmp_path, capsys):
    main(plan_of(RESPIRATORY, tmp_path / "plan", "--criterion", "0.95", "--json"))
    out = capsys.readouterr().out
    assert out == (tmp_path / "plan" / "plan.json").read_text()
    assert json.loads(out)["provenance"]["criterion"] == "Discounted(beta=0.95)"


def rows(*lines):
    return "\n".join(["arm,time,state,action", *lines]) + "\n"


GOOD = ["A,0,good,0", "A,1,poor,1", "A,2,good,", "B,0,poor,0", "B,1,poor,1", "B,2,good,"]
BAD_LOGS = {
    "empty file": ("", ["empty"]),
    "header only": ("arm,time,state,action\n", ["no rows"]),
    "duplicate row": (rows(*GOOD, "B,2,good,"), ["'B'", "duplicate"]),
    "gap": (rows(*GOOD, "C,0,good,0", "C,2,good,"), ["'C'", "gap"]),
    "action never shown": (rows("A,0,good,0", "A,1,poor,0", "A,2,good,1"), ["'1'"]),
    "one action only": (rows("A,0,good,0", "A,1,poor,0"), ["action"]),
    "missing state": (rows(*GOOD, "C,0,,0", "C,1,good,"), ["row 7"]),
    "missing column": ("arm,time,status,action\nA,0,good,0\n", ["'state'"]),
    "unknown passive": (rows(*GOOD).replace(",0\n", ",no\n").replace(",1\n", ",yes\n"), ["'0'"]),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_a_bad_log_is_refused_in_one_line(name, tmp_path, refused):
    text, words = BAD_LOGS[name]
    file = tmp_path / "log.csv"
    file.write_text(text)
    line = refused(*plan_of(file, tmp_path / "plan"))
    assert str(file) in line
    for word in words:
        assert word in line
    assert [left.name for left in tmp_path.iterdir()] == ["log.csv"]


def test_a_truncated_parquet_is_refused(tmp_path, capsys, refused):
    file = tmp_path / "log.parquet"
    pl.read_csv(RESPIRATORY).write_parquet(file)
    main([*plan_of(file, tmp_path / "whole"), "--json"])
    capsys.readouterr()
    file.write_bytes(file.read_bytes()[:1500])
    assert str(file) in refused(*plan_of(file, tmp_path / "plan"))
    assert not (tmp_path / "plan").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--arm": "patient"}, ["respiratory.csv", "'patient'"]),
        ({"--rewards": "good=1,fair=0"}, ["fair"]),
        ({"--rewards": "good=1"}, ["poor"]),
        ({"--rewards": "good"}, ["--rewards", "LABEL=NUMBER"]),
        ({"--rewards": "good=1,good=2,poor=0"}, ["--rewards", "twice"]),
        ({"--rewards": "good=one,poor=0"}, ["'one'", "not a number"]),
        ({"--rewards": "good=nan,poor=0"}, ["finite"]),
        ({"--budget": "112"}, ["112", "111"]),
        ({"--budget": "-1"}, ["negative"]),
        ({"--budget": "many"}, ["--budget"]),
        ({"--budget": "2.5"}, ["--budget", "'2.5'", "whole number"]),
        ({"--seed": "1.5"}, ["--seed", "'1.5'", "whole number"]),
        ({"--criterion": "1"}, ["--criterion", "average"]),
        ({"--criterion": "soon"}, ["'soon'"]),
        ({"--criterion": "1.5"}, ["1.5"]),
        ({"--steps": "0"}, ["at least 1"]),
        ({"--replicates": "1"}, ["replicates"]),
        ({"--draws": "0"}, ["draws"]),
        ({"--seed": "-4"}, ["-4"]),
        ({"--prior-strength": "0"}, ["prior"]),
        ({"--group": "ward"}, ["'ward'"]),
        ({"--passive": "9"}, ["'9'"]),
        ({"--unheard": "of"}, ["--unheard"]),
    ],
)
def test_a_bad_option_is_refused(change, words, tmp_path, refused):
    given = dict(zip(COLUMNS[::2] + REWARDS[::2] + SMALL[::2], COLUMNS[1::2] + REWARDS[1::2] + SMALL[1::2], strict=True))
    options = {**given, "--budget": "20", "--out": str(tmp_path / "plan"), **change}
    line = refused("plan", RESPIRATORY, *(part for option in options.items() for part in option))
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == []


def test_a_missing_option_a_missing_file_and_an_unknown_verb_are_refused(tmp_path, refused):
    assert "--budget" in refused("plan", RESPIRATORY, *COLUMNS, *REWARDS, "--out", tmp_path / "plan")
    assert "none.csv" in refused(*plan_of(tmp_path / "none.csv", tmp_path / "plan"))
    assert "dance" in refused("dance")
    (tmp_path / "plan").write_text("in the way")
    assert "is a file" in refused(*plan_of(RESPIRATORY, tmp_path / "plan"))
    assert (tmp_path / "plan").read_text() == "in the way"


def test_estimate_writes_a_problem_file_in_both_formats(tmp_path, capsys):
    numbers = {}
    for name in ("model.json", "arms.safetensors"):
        main(["estimate", str(RESPIRATORY), *COLUMNS, *REWARDS, "--group", "center", "--out", str(tmp_path / name)])
        assert "model of 111 arms, 2 groups" in capsys.readouterr().out
        main(["bound", str(tmp_path / name), "--budget", "20", "--average", "--json"])
        numbers[name] = json.loads(capsys.readouterr().out)["value"]
    assert numbers["model.json"] == pytest.approx(numbers["arms.safetensors"], rel=1e-12)
    about = json.loads((tmp_path / "model.json").read_text())["about"]
    assert np.sum(about["counts"]) == 444
    assert about["provenance"]["rmab"] == rmab.__version__


def test_index_and_bound_give_what_the_library_gives(problem_file, capsys):
    arms = rmab.Arms(TWO_STATES["transitions"], TWO_STATES["rewards"], TWO_STATES["multiplicity"])
    main(["index", str(problem_file), "--discount", "0.95", "--json"])
    assert json.loads(capsys.readouterr().out)["values"] == rmab.whittle_index(arms, rmab.Discounted(0.95)).values.tolist()
    for options, criterion in ((["--average"], rmab.Average()), (["--horizon", "6"], rmab.Horizon(6))):
        main(["bound", str(problem_file), "--budget", "20", "--start", "0", *options, "--json"])
        problem = rmab.Problem(arms, rmab.TopK(20), criterion, start=0)
        assert json.loads(capsys.readouterr().out)["value"] == rmab.lagrangian_bound(problem).value


def test_index_says_how_exact_it_is_and_how_clear_the_verdict(problem_file, tmp_path, capsys):
    main(["index", str(problem_file), "--discount", "0.95", "--json"])
    fields = json.loads(capsys.readouterr().out)
    arms = rmab.Arms(TWO_STATES["transitions"], TWO_STATES["rewards"])
    table = rmab.whittle_index(arms, rmab.Discounted(0.95))
    assert fields["error"] == table.error.tolist()
    assert fields["margin"] == table.margin.tolist()
    assert fields["strict"] == [True]
    assert fields["verdict"] == ["strongly indexable"]
    main(["index", str(problem_file), "--discount", "0.95"])
    text = capsys.readouterr().out
    assert f"error at most {table.error.max():.2g}" in text
    assert "1 of 1 types strictly indexable" in text
    assert f"smallest slope {table.margin[0, 0]:.3g}" in text


def test_an_index_that_is_infinite_is_a_word_in_json(tmp_path, capsys):
    file = tmp_path / "still.json"  # acting everywhere leaves every state where it is
    around, still = np.roll(np.eye(3), 1, axis=1), np.eye(3)
    file.write_text(json.dumps({"transitions": [around.tolist(), still.tolist()], "rewards": [[0, 0, 0], [1, 2, 3]]}))
    main(["index", str(file), "--average", "--json"])
    fields = json.loads(capsys.readouterr().out)
    assert fields["values"][0][:2] == ["-infinity", "-infinity"]
    assert fields["verdict"] == ["divergent"]
    assert fields["strict"] == [False]


def test_gittins_index_of_a_rested_arm(tmp_path, capsys):
    file = tmp_path / "rested.json"
    moves = [[0.5, 0.5], [0.2, 0.8]]
    file.write_text(json.dumps({"transitions": [np.eye(2).tolist(), moves], "rewards": [[0, 0], [1, 3]]}))
    main(["index", str(file), "--kind", "gittins", "--discount", "0.9", "--json"])
    # from state 0, playing until state 0 is back: (1 + 0.9 * 0.5 * V) / (1 + 0.9 * 0.5 * D), V and D over the visits to 1
    visits = 1 / (1 - 0.9 * 0.8)
    first = (1 + 0.45 * 3 * visits) / (1 + 0.45 * visits)
    assert json.loads(capsys.readouterr().out)["values"] == [pytest.approx([first, 3], rel=1e-12)]


def test_conservation_index_with_its_margin(problem_file, capsys):
    arms = rmab.Arms(TWO_STATES["transitions"], TWO_STATES["rewards"], TWO_STATES["multiplicity"])
    table = rmab.conservation_index(arms, rmab.Discounted(0.9))
    main(["index", str(problem_file), "--kind", "conservation", "--discount", "0.9", "--json"])
    fields = json.loads(capsys.readouterr().out)
    assert fields["values"] == table.values.tolist()
    assert fields["pcl_indexable"] == table.pcl_indexable.tolist()
    assert fields["least_work"] == table.least_work.tolist()
    main(["index", str(problem_file), "--kind", "conservation", "--discount", "0.9"])
    assert "least work" in capsys.readouterr().out


def test_gain_index_at_a_budget(problem_file, tmp_path, capsys):
    arms = rmab.Arms(TWO_STATES["transitions"], TWO_STATES["rewards"], TWO_STATES["multiplicity"])
    for more, budget in (([], rmab.TopK(20)), (["--exactly"], rmab.TopK(100, exactly=True))):
        command = ["index", str(problem_file), "--kind", "gain", "--average", "--budget", str(budget.k), *more]
        main([*command, "--tie-break", "left", "--json"])
        fields = json.loads(capsys.readouterr().out)
        found = rmab.gain_index(rmab.Problem(arms, budget, rmab.Average()), tie_break="left")
        assert fields["values"] == found.values.tolist()
        assert fields["price"] == found.price
        assert fields["tie_break"] == "left"
        assert fields["bound"] == found.bound
        assert fields["provenance"]["budget"] == repr(budget)
    assert fields["price_interval"] == ["-infinity", found.price_interval[1]]
    main([*command, "--tie-break", "left"])
    assert capsys.readouterr().out == f"{found}\n"


@pytest.mark.parametrize("verb", ["simulate", "compare"])
def test_help_names_every_policy(verb, capsys):
    main([verb, "--help"])
    text = "".join(capsys.readouterr().out.split())
    assert ",".join(NAMES) in text.replace("│", "")


def test_simulate_and_compare_are_repeatable_for_any_number_of_threads(problem_file, tmp_path, capsys):
    results = []
    for threads in ("1", "2"):
        main(
            ["simulate", str(problem_file), "--budget", "20", "--average", "--policy", "whittle", "--start", "0",
             "--steps", "50",
             "--replicates", "10", "--seed", "4", "--threads", threads, "--json"]
        )  # fmt: skip
        results.append(json.loads(capsys.readouterr().out))
    assert results[0] == results[1]
    assert results[0]["mean"] < results[0]["bound"]
    file = tmp_path / "table.json"
    main(
        ["compare", str(problem_file), "--budget", "20", "--average", "--policies", "whittle,uniform,none", "--start", "0",
             "--steps", "50",
         "--replicates", "10", "--seed", "4", "--out", str(file)]
    )  # fmt: skip
    seen = capsys.readouterr()
    assert seen.out == ""
    table = json.loads(file.read_text())
    assert table["policies"]["whittle"]["mean"] == results[0]["mean"]
    assert table["best"] == "whittle"
    assert table["less_best"]["none"]["interval"][1] < 0


def test_a_horizon_sets_the_steps(problem_file, capsys):
    main(["simulate", str(problem_file), "--budget", "20", "--horizon", "7", "--policy", "recommended", "--json"])
    fields = json.loads(capsys.readouterr().out)
    assert fields["steps"] == 7
    assert fields["gap"]["value"] > -0.02


BAD_PROBLEMS = {
    "not JSON": ("{", ["JSON"]),
    "empty": ("", ["JSON"]),
    "rows that do not sum to 1": (json.dumps(TWO_STATES).replace("0.9, 0.1", "0.9, 0.2"), ["type 0", "sums to 1.1"]),
    "negative probability": (json.dumps(TWO_STATES).replace("0.9, 0.1", "1.1, -0.1"), ["-0.1"]),
    "NaN": (json.dumps(TWO_STATES).replace("0.9, 0.1", "NaN, 0.1"), ["transitions[0][0][0][0]", "finite"]),
    "no rewards": (json.dumps({"transitions": TWO_STATES["transitions"]}), ["rewards"]),
    "misspelt field": (json.dumps({**TWO_STATES, "multiplicty": [3]}), ["multiplicty"]),
    "text for a number": (json.dumps(TWO_STATES).replace("0.9", '"high"'), ["transitions"]),
    "no arms of a type": (json.dumps({**TWO_STATES, "multiplicity": [0]}), ["multiplicity"]),
    "ragged": (json.dumps({**TWO_STATES, "rewards": [[0, 1], [0]]}), ["rewards"]),
    "a list": ("[1, 2]", ["object"]),
}


@pytest.mark.parametrize("name", BAD_PROBLEMS)
def test_a_bad_problem_file_is_refused(name, tmp_path, refused):
    text, words = BAD_PROBLEMS[name]
    file = tmp_path / "problem.json"
    file.write_text(text)
    line = refused("index", file, "--average", "--out", tmp_path / "index.json")
    assert str(file) in line
    for word in words:
        assert word in line
    assert [left.name for left in tmp_path.iterdir()] == ["problem.json"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["index", "--discount", "1"], ["--average"]),
        (["index", "--discount", "-0.5"], ["-0.5"]),
        (["index"], ["exactly one"]),
        (["index", "--average", "--discount", "0.9"], ["exactly one"]),
        (["index", "--horizon", "5"], ["Horizon"]),
        (["index", "--average", "--kind", "best"], ["--kind", "'best'", "gittins"]),
        (["index", "--average", "--kind", "gittins"], ["stand still", "type 0", "whittle_index"]),
        (["index", "--average", "--kind", "gain"], ["--budget"]),
        (["index", "--average", "--budget", "20"], ["--budget", "--kind gain"]),
        (["index", "--average", "--tie-break", "left"], ["--tie-break", "--kind gain"]),
        (["index", "--average", "--kind", "gain", "--budget", "20", "--tie-break", "luck"], ["'luck'", "fluid"]),
        (["index", "--average", "--kind", "gain", "--exactly"], ["--budget"]),
        (["bound", "--average", "--budget", "101"], ["101", "100"]),
        (["bound", "--average", "--budget", "20", "--start", "2"], ["state 2"]),
        (["bound", "--horizon", "0", "--budget", "20"], ["at least 1"]),
        (["bound", "--horizon", "2.7", "--budget", "20"], ["--horizon", "'2.7'", "whole number"]),
        (["bound", "--average", "--budget", "20", "--start", "0.9"], ["--start", "'0.9'", "whole number"]),
        (["simulate", "--average", "--budget", "20", "--policy", "luck"], ["'luck'", "round-robin"]),
        (["simulate", "--average", "--budget", "20", "--policy", "none", "--exactly"], ["exactly 20"]),
        (["simulate", "--average", "--budget", "20", "--policy", "none", "--replicates", "0"], ["replicates"]),
        (["simulate", "--average", "--budget", "20", "--policy", "none", "--threads", "0"], ["threads"]),
        (["compare", "--average", "--budget", "20", "--policies", "none,none"], ["twice"]),
        (["bound", "--average", "--budget", "20", "--out", "no/such/folder/bound.json"], ["--out"]),
    ],
)
def test_bad_options_of_the_other_verbs(command, words, problem_file, refused):
    line = refused(command[0], problem_file, *command[1:])
    for word in words:
        assert word in line


def test_a_damaged_saved_file_is_refused(tmp_path, refused):
    file = tmp_path / "arms.safetensors"
    rmab.save(file, rmab.Arms(TWO_STATES["transitions"], TWO_STATES["rewards"]))
    file.write_bytes(file.read_bytes()[:-8])
    assert str(file) in refused("index", file, "--average")


def test_the_file_that_is_read_is_never_written(problem_file, tmp_path, refused):
    before = problem_file.read_bytes()
    assert "would be lost" in refused("index", problem_file, "--average", "--out", problem_file)
    assert problem_file.read_bytes() == before
    log = tmp_path / "log.csv"
    shutil.copy(RESPIRATORY, log)
    assert "would be lost" in refused("estimate", log, *COLUMNS, *REWARDS, "--out", log)
    assert log.read_bytes() == RESPIRATORY.read_bytes()


def test_a_short_run_from_a_good_start_is_held_against_its_own_periods(problem_file, capsys):
    run = ["simulate", str(problem_file), "--average", "--policy", "whittle", "--budget", "20", "--start", "1", "--steps", "10"]
    main([*run, "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["interval"][0] <= answer["bound"]
    assert answer["gap"]["interval"][1] >= 0


def test_a_failed_write_keeps_the_old_file(problem_file, tmp_path, refused, monkeypatch):
    old = tmp_path / "index.json"
    old.write_text("old")

    def broken(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", broken)
    assert re.search(r"index.json: No space left", refused("index", problem_file, "--average", "--out", old))
    assert old.read_bytes() == b"old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["index.json", "problem.json"]

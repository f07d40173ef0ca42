"""``rmab train``: what it answers, keeps and refuses, and that its policies are taken by the other verbs."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from inspect import isclass

import numpy as np
import pytest

import rmab
from oracles.learning_arms import cohort, restart
from rmab import learn
from rmab.cli.main import main
from rmab.cli.train import LEARNERS, shown
from rmab.errors import ModelError
from rmab.learn.learner import Learner, Setting
from rmab.learn.seed_run import Reading

PROBLEM = rmab.Problem(cohort(restart(), each=20), rmab.TopK(4, exactly=True), rmab.Average())


@pytest.fixture
def file(tmp_path):
    rmab.save(tmp_path / "problem.safetensors", PROBLEM)
    return tmp_path / "problem.safetensors"


def trained(file, *more):
    main(["train", str(file), "--learner", "gino-q", "--steps", "300", "--seeds", "2", "--seed", "4", *map(str, more)])


def fits(kind, criterion):
    """Whether a learner with its default options learns an index of arms with two actions."""
    try:
        kind().check(Setting.of(replace(PROBLEM, criterion=criterion)))
    except (ModelError, TypeError):  # it needs options of its own, such as features
        return False
    return True


def test_every_public_learner_that_needs_no_options_has_a_name():
    public = {name for name in learn.__all__ if isclass(getattr(learn, name)) and issubclass(getattr(learn, name), Learner)}
    kinds = {name: getattr(learn, name) for name in public - {"Learner"}}
    ready = {name for name, kind in kinds.items() if fits(kind, rmab.Average()) or fits(kind, rmab.Discounted(0.9))}
    assert set(LEARNERS.values()) == ready
    for name, kind in LEARNERS.items():
        assert name == name.lower() and name.replace("-", "") == kind.lower()


def test_help_names_every_learner(capsys):
    main(["train", "--help"])
    text = "".join(capsys.readouterr().out.split())
    assert ",".join(LEARNERS) in text.replace("│", "")


def test_the_answer_is_what_the_library_gives(file, tmp_path, capsys):
    trained(file, "--json", "--checkpoint", tmp_path / "run")
    fields = json.loads(capsys.readouterr().out)
    training = learn.train(learn.GinoQ(), PROBLEM, steps=300, seeds=2, rng=4)
    assert fields["index"] == training.index.tolist()
    assert fields["curves"]["scores"] == training.curves.scores.tolist()
    assert fields["curves"]["mean"] == training.curves.mean.tolist()
    assert fields["curves"]["interval"] == [end.tolist() for end in training.curves.interval]
    assert fields["curves"]["bound"] == rmab.lagrangian_bound(PROBLEM).value
    assert fields["diagnostics"]["price"] == training.diagnostics["price"].tolist()
    assert fields["status"] == ["ran 300 of 300 periods"] * 2 and fields["alarms"] == [[], []]
    assert fields["policies"] == str(tmp_path / "run" / "training.safetensors")
    made_of = fields["provenance"]
    assert made_of["entropy"] == 4 and made_of["steps"] == 300 and made_of["seeds"] == 2
    assert made_of["budget"] == "TopK(k=4, exactly=True)" and made_of["file"] == str(file)
    assert made_of["rmab"] == rmab.__version__ and made_of["stop_early"] is made_of["decoupled"] is False


def test_the_text_shows_the_curve_the_diagnostics_and_where_the_policies_lie(file, tmp_path, capsys):
    trained(file)
    text = capsys.readouterr().out
    assert "score (0 random, 1 the bound)" in text and "\n      300  " in text
    assert "price " in text and "never_tried" in text and "--checkpoint DIR keeps them" in text
    trained(file, "--checkpoint", tmp_path / "run")
    assert f"policies: {tmp_path / 'run' / 'training.safetensors'}" in capsys.readouterr().out


def test_options_reach_the_trainer(file, capsys):
    for more, options in ((["--decoupled"], {"decoupled": True}), (["--stop-early", "--threads", "1"], {"stop_early": True})):
        trained(file, "--json", *more)
        expected = learn.train(learn.GinoQ(), PROBLEM, steps=300, seeds=2, rng=4, **options)
        assert json.loads(capsys.readouterr().out)["index"] == expected.index.tolist()
    trained(file, "--json", "--at-most", "--budget", "3", "--discount", "0.9", "--start", "1")
    other = rmab.Problem(PROBLEM.arms, rmab.TopK(3), rmab.Discounted(0.9), start=1)
    expected = learn.train(learn.GinoQ(), other, steps=300, seeds=2, rng=4)
    assert json.loads(capsys.readouterr().out)["index"] == expected.index.tolist()


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_learner_learns(learner, file, tmp_path, capsys):
    out = tmp_path / "answer.json"
    criterion = ["--average"] if fits(getattr(learn, LEARNERS[learner]), rmab.Average()) else ["--discount", "0.9"]
    main(["train", str(file), "--learner", learner, "--steps", "50", "--seeds", "1", *criterion, "--out", str(out)])
    assert json.loads(out.read_text())["learner"].startswith(LEARNERS[learner])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["WIQL", "GinoQ", "Gino_Q"])
def test_capitals_and_hyphens_do_not_matter(name, file, capsys):
    main(["train", str(file), "--learner", name, "--steps", "20", "--seeds", "1", "--json"])
    assert json.loads(capsys.readouterr().out)["learner"].lower().startswith(name.lower().replace("_", ""))


def test_the_same_command_goes_on_and_another_is_refused(file, tmp_path, capsys, refused):
    folder = tmp_path / "run"
    for _ in range(2):
        trained(file, "--checkpoint", folder)
    one, two = capsys.readouterr().out.split("GinoQ(exploration")[1:]
    assert one == two
    before = {kept.name: kept.read_bytes() for kept in folder.iterdir()}
    line = refused("train", file, "--learner", "wiql", "--steps", 300, "--seeds", 2, "--seed", 4, "--checkpoint", folder)
    assert "belongs to another run: its learner was" in line
    assert before == {kept.name: kept.read_bytes() for kept in folder.iterdir()}


def test_simulate_and_compare_take_what_was_learned(file, tmp_path, capsys, refused):
    trained(file, "--checkpoint", tmp_path / "run")
    learned = str(tmp_path / "run" / "training.safetensors")
    capsys.readouterr()
    run = [str(file), "--steps", "50", "--replicates", "5", "--seed", "2", "--json"]
    policies = learn.load_policies(learned)
    for name, seed in ((learned, 0), (f"{learned}:1", 1)):
        main(["simulate", *run, "--policy", name])
        expected = rmab.simulate(PROBLEM, policies[seed], steps=50, replicates=5, rng=2)
        assert json.loads(capsys.readouterr().out)["mean"] == expected.mean
    main(["compare", *run, "--policies", f"{learned}:1,uniform"])
    assert list(json.loads(capsys.readouterr().out)["policies"]) == [f"{learned}:1", "uniform"]
    for name, words in (
        (f"{learned}:2", "seeds 0 to 1, not '2'"),
        (f"{learned}:last", "not 'last'"),
        (str(tmp_path / "none.safetensors"), "no such file"),
        (str(file), "training.safetensors"),
        (str(tmp_path / "run"), f"is a folder; the policies of a finished checkpoint are in {learned}"),
        (str(tmp_path / "run" / "seed-0000.safetensors"), "holds no training but a seed"),
    ):
        assert words in refused("simulate", file, "--policy", name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--learner", "luck"], ["'luck'", "choose among", "gino-q"]),
        (["--learner", "lpql"], ["lpql needs options", "from Python", "LPQL(charges)"]),
        (["--learner", "Linear-Q"], ["from Python", "LinearQ(features)"]),
        ([], ["--learner"]),
        (["--learner", "gino-q", "--steps", "0"], ["steps", "0"]),
        (["--learner", "gino-q", "--steps", "1e4"], ["--steps", "'1e4'", "whole number"]),
        (["--learner", "gino-q", "--seeds", "0"], ["seeds", "0"]),
        (["--learner", "gino-q", "--seed", "-1"], ["--seed", "-1", "from 0 on"]),
        (["--learner", "gino-q", "--threads", "0"], ["threads"]),
        (["--learner", "gino-q", "--budget", "21"], ["21", "20"]),
        (["--learner", "gino-q", "--horizon", "9"], ["Average()", "Horizon"]),
        (["--learner", "gino-q", "--exploration", "ucb"], ["--exploration"]),
        (["--learner", "wiql", "--decoupled"], ["no price"]),
        (["--learner", "published-gino-q", "--discount", "0.9"], ["use GinoQ"]),
        (["--learner", "gino-q", "--out", "no/such/folder/answer.json"], ["--out"]),
    ],
)
def test_bad_input_is_refused_in_one_line(options, words, file, tmp_path, refused):
    line = refused("train", file, *options)
    for word in words:
        assert word in line
    assert list(tmp_path.iterdir()) == [file]


def test_a_checkpoint_that_cannot_be_a_folder_is_refused(file, refused):
    assert "cannot be made a folder" in refused("train", file, "--learner", "gino-q", "--steps", 10, "--checkpoint", file)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
@pytest.mark.parametrize("keeping", [True, False])
def test_a_terminal_sees_the_score_and_an_interrupt_says_how_to_go_on(keeping, file, tmp_path):
    folder = tmp_path / "run"
    command = ["train", str(file), "--learner", "gino-q", "--steps", "100000000", "--seeds", "2"]
    command += ["--checkpoint", str(folder)] if keeping else []
    terminal, other = os.openpty()
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored where tests run in the background
        "from rmab.cli.main import main; main()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, *command],
        stdout=subprocess.PIPE, stderr=other, env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
    )  # fmt: skip
    os.close(other)
    seen = b""
    while b"of the bound, seed" not in seen:
        seen += os.read(terminal, 4096)
    child.send_signal(signal.SIGINT)
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    out, _ = child.communicate(timeout=120)
    os.close(terminal)
    assert child.returncode == 130 and out == b""
    last = seen.decode().strip().splitlines()[-1]
    if keeping:
        assert last.endswith(f"rmab: stopped; what was learned is in {folder}; give the same command again to go on")
        assert sorted(kept.name for kept in folder.iterdir()) == ["seed-0000.safetensors", "seed-0001.safetensors"]
    else:
        assert last.endswith("rmab: stopped; nothing is kept; --checkpoint DIR keeps it")
    assert "Traceback" not in seen.decode()


def test_without_a_score_the_reward_is_shown():
    assert shown(Reading(0, 10, 20, 123.456, None, {})) == "reward 123.5 per period, seed 0"
    assert shown(Reading(3, 10, 20, 1.0, 0.926, {})) == "score 0.93 of the bound, seed 3"


def test_a_problem_of_three_actions_is_refused(tmp_path, refused):
    three = rmab.Arms(np.full((3, 2, 2), 0.5), np.zeros((3, 2)), multiplicity=[5])
    rmab.save(tmp_path / "three.safetensors", rmab.Problem(three, rmab.TopK(1), rmab.Average()))
    assert "these arms have 3" in refused("train", tmp_path / "three.safetensors", "--learner", "gino-q")

"""The trainer: the same result whatever the threads, seeds and cuts; checkpoints; clear ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from safetensors import safe_open

import rmab
from oracles.learning_arms import cohort, flipped, gino, restart
from oracles.numpy_world import SavedWorld
from rmab.errors import ModelError, StoreError
from rmab.learn import checkpoint
from rmab.learn.evaluation import Evaluation
from rmab.learn.exploration import EpsilonGreedy, UpperConfidence
from rmab.learn.result import load_policies
from rmab.learn.seed_run import marks
from rmab.learn.steps import Steps
from rmab.learn.tabular.gino_q import GinoQ
from rmab.learn.tabular.published_gino_q import PublishedGinoQ
from rmab.learn.tabular.wiql import WIQL
from rmab.learn.trainer import train
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem

PROBLEM = Problem(cohort(gino(), flipped(), each=(12, 8)), TopK(7, exactly=True), Average())
BRIEF = Evaluation(steps=60, replicates=8, burn_in=10)
LEARNERS = [GinoQ(), GinoQ(exploration=UpperConfidence(1.0)), PublishedGinoQ(), WIQL()]


class Cut(Exception):
    """Raised in the middle of a run, as a power failure would end it."""


def run(learner=None, problem=PROBLEM, *, steps=1_234, seeds=2, rng=5, **more):
    more = {"evaluation": BRIEF, "save_every": 0, **more}
    return train(learner or GinoQ(), problem, steps=steps, seeds=seeds, rng=rng, **more)


def same(one, other):
    assert np.array_equal(one.index, other.index)
    assert np.array_equal(one.curves.rewards, other.curves.rewards)
    assert (one.curves.scores is None) == (other.curves.scores is None)
    if one.curves.scores is not None:
        assert np.array_equal(one.curves.scores, other.curves.scores)
    assert one.status == other.status and one.alarms == other.alarms
    for mine, theirs in zip(one.memories, other.memories, strict=True):
        assert mine.keys() == theirs.keys()
        assert all(np.array_equal(values, theirs[name]) for name, values in mine.items())
    for name, values in one.diagnostics.items():
        assert np.array_equal(values, other.diagnostics[name])


def contents(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def cut_at(pulses):
    """A ``progress`` that fails at the pulse with this number."""
    seen = iter(range(10**6))

    def progress(done, total):
        if next(seen) == pulses:
            raise Cut

    return progress


def test_a_seed_is_the_same_whatever_their_number_and_the_threads():
    whole = run(seeds=4, threads=1)
    same(whole, run(seeds=4, threads=3))
    few = run(seeds=2, threads=2)
    assert np.array_equal(whole.index[:2], few.index)
    assert np.array_equal(whole.curves.scores[:2], few.curves.scores)
    assert len({values.tobytes() for values in whole.index}) == 4


def test_the_entropy_repeats_the_run():
    first = run(rng=None)
    same(first, run(rng=first.entropy))
    same(run(rng=np.random.SeedSequence(3)), run(rng=np.random.SeedSequence(3)))
    assert not np.array_equal(first.index, run(rng=5).index)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: repr(learner)[:24])
def test_a_run_that_was_cut_goes_on_bit_for_bit(learner, tmp_path):
    whole = run(learner, checkpoint=tmp_path / "whole")
    folder = tmp_path / "cut"
    for pulses in (1, 3, 8, 9, 4, 5):  # within the first seed, at marks, between the seeds, in the second
        with pytest.raises(Cut):
            run(learner, checkpoint=folder, threads=1, progress=cut_at(pulses))
    same(whole, run(learner, checkpoint=folder))
    assert contents(folder) == contents(tmp_path / "whole")


@pytest.mark.parametrize("pulses", range(0, 30, 3))
def test_any_place_will_do_for_a_cut(pulses, tmp_path):
    with pytest.raises(Cut):
        run(checkpoint=tmp_path / "cut", threads=1, progress=cut_at(pulses))
    same(run(), run(checkpoint=tmp_path / "cut"))


def test_decoupled_and_discounted_runs_go_on_as_well(tmp_path):
    discounted = Problem(PROBLEM.arms, TopK(7), Discounted(0.9), start=2)
    for name, problem, more in (("one", PROBLEM, {"decoupled": True}), ("two", discounted, {"stop_early": True})):
        with pytest.raises(Cut):
            run(problem=problem, checkpoint=tmp_path / name, threads=1, progress=cut_at(9), **more)
        same(run(problem=problem, **more), run(problem=problem, checkpoint=tmp_path / name, **more))


def test_an_environment_goes_on_with_what_it_remembers(tmp_path):
    whole = run(problem=SavedWorld(PROBLEM))
    for pulses in (2, 6, 14):
        with pytest.raises(Cut):
            run(problem=SavedWorld(PROBLEM), checkpoint=tmp_path / "run", progress=cut_at(pulses))
    same(whole, run(problem=SavedWorld(PROBLEM), checkpoint=tmp_path / "run"))


def test_a_finished_training_is_returned_at_once_and_more_seeds_are_added(tmp_path):
    first = run(checkpoint=tmp_path / "run")
    before = contents(tmp_path / "run")
    periods = []
    same(first, run(checkpoint=tmp_path / "run", progress=lambda done, total: periods.append(done)))
    assert contents(tmp_path / "run") == before and periods == [1_234, 2 * 1_234]
    more = run(checkpoint=tmp_path / "run", seeds=3)
    assert np.array_equal(more.index[:2], first.index)
    same(more, run(seeds=3))


def test_without_rng_the_checkpoint_knows_the_entropy(tmp_path):
    with pytest.raises(Cut):
        run(rng=99, checkpoint=tmp_path / "run", threads=1, progress=cut_at(5))
    resumed = run(rng=None, checkpoint=tmp_path / "run")
    assert resumed.entropy == 99
    same(resumed, run(rng=99))


def replace_rewards(arms):
    return Arms(arms.transitions, arms.rewards + 1, arms.multiplicity)


OTHER_ARMS = replace(PROBLEM, arms=cohort(gino(), flipped(), each=(12, 9)))
OTHER = {
    "learner": {"learner": GinoQ(warm=100)},
    "kind of learner": {"learner": WIQL()},
    "problem": {"problem": OTHER_ARMS},
    "budget": {"problem": replace(PROBLEM, budget=TopK(6, exactly=True))},
    "criterion": {"problem": replace(PROBLEM, criterion=Discounted(0.9))},
    "start": {"problem": replace(PROBLEM, start=1)},
    "rewards": {"problem": replace(PROBLEM, arms=replace_rewards(PROBLEM.arms))},
    "transitions": {"problem": replace(PROBLEM, arms=cohort(flipped(), gino(), each=(12, 8)))},
    "multiplicity": {"problem": replace(PROBLEM, arms=cohort(gino(), flipped(), each=(11, 9)))},
    "environment": {"problem": SavedWorld(PROBLEM)},
    "steps": {"steps": 2_000},
    "rng": {"rng": 6},
    "decoupled": {"decoupled": True},
    "stop_early": {"stop_early": True},
    "evaluation": {"evaluation": Evaluation(steps=70, replicates=8, burn_in=10)},
    "no evaluation": {"evaluation": None},
}
NAMED = {"kind of learner": "learner", "rng": "entropy", "environment": "problem"}


@pytest.mark.parametrize("ended", [True, False], ids=["finished", "cut"])
@pytest.mark.parametrize("case", OTHER)
def test_a_checkpoint_of_another_run_is_refused_and_stays(case, ended, tmp_path):
    if ended:
        run(steps=300, checkpoint=tmp_path)
    else:
        with pytest.raises(Cut):
            run(steps=300, checkpoint=tmp_path, threads=1, progress=cut_at(4))
    before = contents(tmp_path)
    with pytest.raises(StoreError) as error:
        run(**{"steps": 300, "checkpoint": tmp_path, **OTHER[case]})
    named = NAMED.get(case, case.removeprefix("no "))
    change = f" with other {named};" if named in checkpoint.DIGESTS else f": its {named} was"
    assert f"belongs to another run{change}" in str(error.value)
    assert "name another folder" in str(error.value)
    assert contents(tmp_path) == before


def test_a_checkpoint_of_another_environment_is_refused(tmp_path):
    run(problem=SavedWorld(PROBLEM), steps=200, checkpoint=tmp_path)
    with pytest.raises(StoreError, match="its problem was environment SavedWorld of"):
        run(problem=SavedWorld(OTHER_ARMS), steps=200, checkpoint=tmp_path)


@pytest.mark.parametrize("name", ["seed-0000.safetensors", "training.safetensors"])
@pytest.mark.parametrize("damage", ["cut off", "one bit", "empty", "text"])
def test_a_damaged_file_is_named_and_stays(name, damage, tmp_path):
    run(steps=200, checkpoint=tmp_path)
    file = tmp_path / name
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes({"cut off": content[:-20], "one bit": content, "empty": b"", "text": b"not a checkpoint"}[damage])
    before = contents(tmp_path)
    with pytest.raises(StoreError, match=name):
        run(steps=200, checkpoint=tmp_path)
    assert contents(tmp_path) == before


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be made a folder"):
        run(checkpoint=tmp_path / "file")
    with pytest.raises(StoreError, match="cannot be made a folder"):
        run(checkpoint=tmp_path / "file" / "below")


def test_files_of_another_kind_are_refused(tmp_path):
    rmab.save(tmp_path / "seed-0000.safetensors", PROBLEM)
    before = contents(tmp_path)
    for rng in (5, None):
        with pytest.raises(StoreError, match="seed-0000"):
            run(rng=rng, checkpoint=tmp_path)
    assert contents(tmp_path) == before


def test_an_environment_that_goes_wrong_keeps_the_last_checkpoint(tmp_path):
    def nonsense(answer):
        return answer[0], answer[1] * np.nan

    with pytest.raises(ModelError, match=r"period 799.*reward nan"):
        run(problem=SavedWorld(PROBLEM, nonsense, 800), checkpoint=tmp_path)
    (file,) = tmp_path.iterdir()
    with pytest.raises(ModelError, match=r"period 799.*reward nan"):
        run(problem=SavedWorld(PROBLEM, nonsense, 800), checkpoint=tmp_path)
    kept = file.read_bytes()
    assert kept == contents(tmp_path)["seed-0000.safetensors"]
    same(run(problem=SavedWorld(PROBLEM)), run(problem=SavedWorld(PROBLEM), checkpoint=tmp_path))


def test_what_an_environment_remembers_must_be_numbers(tmp_path):
    class Talking(SavedWorld):
        def state(self):
            return {**super().state(), "bits": np.array(["a"]), "rng": None}

    with pytest.raises(ModelError, match="'bits' is of type"):
        run(problem=Talking(PROBLEM), checkpoint=tmp_path)


def test_one_seed_that_fails_stops_the_others(tmp_path):
    """A disk that fills up in one seed: the others end at their next pulse, not after their last period."""

    class Full(Exception):
        pass

    def watch(reading):
        if reading.seed == 1 and reading.period >= 1_000:
            raise Full

    last = []
    with pytest.raises(Full):
        train(
            WIQL(), PROBLEM, steps=10**8, seeds=2, rng=0, evaluation=None, threads=2, watch=watch,
            progress=lambda done, total: last.append(done),
        )  # fmt: skip
    assert last[-1] < 10**8


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in the background it is ignored
sys.path[:0] = {path!r}
import rmab
from rmab.learn import GinoQ, train
def watch(reading):
    if reading.seed == 0 and reading.period == 1000:
        print("ready", flush=True)
problem = rmab.load({problem!r})
more = dict(checkpoint={folder!r}, save_every=1e9, evaluation=None, watch=watch)
train(GinoQ(), problem, steps={steps}, seeds=3, rng=1, threads=2, **more)
"""


def interrupted(tmp_path, sign, folder, steps=10**8):
    """A training in a process of its own, told to stop in the middle; its exit code and what it said."""
    rmab.save(tmp_path / "problem", PROBLEM)
    script = SCRIPT.format(path=sys.path, problem=str(tmp_path / "problem"), folder=folder, steps=steps)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    child.send_signal(sign)
    _, said = child.communicate(timeout=120)
    return child.returncode, said


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop_saves_itself_and_ends_as_it_should(sign, tmp_path):
    steps, folder = 10**8, tmp_path / "run"
    code, said = interrupted(tmp_path, sign, str(folder), steps)
    assert code == -sign
    assert ("KeyboardInterrupt" in said) == (sign == signal.SIGINT)
    assert sorted(file.name for file in folder.iterdir()) == [f"seed-{seed:04d}.safetensors" for seed in range(3)]
    # the clocks that were saved stand somewhere between the start and the end, and the run goes on from there
    first = []

    def progress(done, total):
        first.append(done)
        raise Cut

    with pytest.raises(Cut):
        train(GinoQ(), rmab.load(tmp_path / "problem"), steps=steps, seeds=3, rng=1, checkpoint=folder, evaluation=None,
              threads=1, progress=progress)  # fmt: skip
    assert 1_000 <= first[0] < steps


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_run_without_a_checkpoint_stops_as_well(sign, tmp_path):
    code, _ = interrupted(tmp_path, sign, None)
    assert code == -sign


def test_handlers_are_put_back_and_ignored_signals_stay_ignored():
    before = signal.getsignal(signal.SIGTERM)
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        seen = []
        run(watch=lambda reading: (os.kill(os.getpid(), signal.SIGINT), seen.append(signal.getsignal(signal.SIGINT))))
        assert set(seen) == {signal.SIG_IGN}
    finally:
        signal.signal(signal.SIGINT, ignored)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_training_may_run_in_a_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(run()))
    thread.start()
    thread.join()
    same(found[0], run())


def test_readings_come_at_the_marks_and_agree_with_the_curves():
    readings = []
    training = run(watch=readings.append, threads=1)
    curves = training.curves
    assert curves.periods.tolist() == marks(1_234).tolist() == [10, 20, 50, 100, 200, 500, 1_000, 1_234]
    assert [(one.seed, one.period) for one in readings] == [(seed, period) for seed in (0, 1) for period in curves.periods]
    for at, one in enumerate(readings[len(curves.periods) :]):
        assert one.score == curves.scores[1, at] and one.reward == curves.rewards[1, at]
        assert one.numbers == {name: values[1, at] for name, values in training.diagnostics.items()}
        assert one.steps == 1_234
    half = 12.706204736174698 * np.abs(curves.scores[0] - curves.scores[1]) / 2  # Student, one degree of freedom
    low, high = curves.interval
    assert low == pytest.approx(curves.mean - half) and high == pytest.approx(curves.mean + half)
    assert run(seeds=1).curves.interval is None


def test_the_rewards_of_the_curve_are_those_that_were_earned():
    world, earned = SavedWorld(PROBLEM), []
    step = world.step

    def kept(actions):
        states, rewards = step(actions)
        earned.append(rewards.sum())
        return states, rewards

    world.step = kept
    curves = run(problem=world, seeds=1).curves
    cuts = [0, *curves.periods]
    means = [np.mean(earned[first:last]) for first, last in pairwise(cuts)]
    assert curves.rewards[0] == pytest.approx(means)


def test_progress_ends_with_all_periods():
    for threads in (1, 2):
        seen = []
        run(threads=threads, progress=lambda done, total, seen=seen: seen.append((done, total)))
        assert seen[-1] == (2_468, 2_468)
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_learner_that_has_settled_may_stop_early():
    problem = Problem(cohort(restart(), each=100), TopK(20, exactly=True), Average())
    training = run(problem=problem, steps=200_000, stop_early=True, seeds=3)
    for text in training.status:
        assert text.startswith("settled after ")
        assert 1_000 <= int(text.split()[2]) < 200_000
    assert training.curves.scores[:, -1].min() > 0.95
    assert training.curves.periods[-1] == 200_000
    # what follows after the end is its last reading
    assert (training.curves.scores[:, -1] == training.curves.scores[:, -2]).all()
    untouched = run(problem=problem, steps=3_000, seeds=1)
    assert untouched.status == ("ran 3000 of 3000 periods",)


def test_a_learner_that_diverges_ends_with_a_status_and_a_finite_policy(tmp_path):
    wild = GinoQ(table=Steps(2.5), price=Steps(50.0), warm=0)
    training = run(wild, steps=5_000, seeds=2, checkpoint=tmp_path)
    for text, policy in zip(training.status, training.policies, strict=True):
        assert text.startswith("diverged by period ") and "lower the steps" in text
        assert np.isfinite(policy.values).all()
        period = int(text.partition("known in period ")[2].split(";")[0])
        assert period in {0, *training.curves.periods} and period < int(text.split()[3].rstrip(":"))
    for values in (training.index, training.curves.scores, training.curves.rewards, *training.diagnostics.values()):
        assert np.isfinite(values).all()
    same(training, run(wild, steps=5_000, seeds=2, checkpoint=tmp_path))


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.999)])
def test_large_rewards_that_hardly_differ_do_not_count_as_divergence(criterion):
    moves, rewards = restart()
    problem = Problem(cohort((moves, 1e6 + 1e-2 * rewards), each=20), TopK(4), criterion)
    assert set(run(problem=problem, steps=2_000).status) == {"ran 2000 of 2000 periods"}


def test_saved_policies_are_those_that_were_learned(tmp_path):
    training = run(checkpoint=tmp_path)
    for file in (tmp_path / "training.safetensors", tmp_path / "elsewhere"):
        if file.name == "elsewhere":
            training.save(file)
        policies = load_policies(file)
        assert len(policies) == 2
        for loaded, learned in zip(policies, training.policies, strict=True):
            assert isinstance(loaded, rmab.IndexPolicy)
            assert np.array_equal(loaded.values, learned.values)
    with pytest.raises(StoreError, match=r"seed; load the file training\.safetensors"):
        load_policies(tmp_path / "seed-0001.safetensors")
    with pytest.raises(StoreError, match="no such file"):
        load_policies(tmp_path / "none")


def test_policies_that_are_no_indices_say_so(tmp_path):
    @dataclass(frozen=True)
    class Unranked(WIQL):
        def policy(self, memory, setting):
            return rmab.Uniform()

    run(Unranked(), checkpoint=tmp_path, evaluation=None)
    with pytest.raises(StoreError, match="leaves no index policies; call train"):
        load_policies(tmp_path / "training.safetensors")


def test_no_seed_leaves_a_file_behind_that_is_not_whole(tmp_path):
    run(checkpoint=tmp_path)
    shutil.copy(tmp_path / "seed-0000.safetensors", tmp_path / ".seed-0000.safetensors.abc.tmp")
    run(checkpoint=tmp_path)  # what a killed process had begun to write is cleared away
    assert sorted(contents(tmp_path)) == ["seed-0000.safetensors", "seed-0001.safetensors", "training.safetensors"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"learner": "gino-q"}, ["Learner", "'gino-q'"]),
        ({"learner": GinoQ}, ["Learner", "GinoQ"]),
        ({"steps": 0}, ["steps", "0"]),
        ({"steps": 1.5}, ["steps", "1.5"]),
        ({"steps": 2**31}, ["steps"]),
        ({"seeds": 0}, ["seeds", "0"]),
        ({"rng": -1}, ["rng", "-1"]),
        ({"rng": "five"}, ["rng", "'five'"]),
        ({"threads": 0}, ["threads", "0"]),
        ({"checkpoint": ""}, ["checkpoint", "folder", "''"]),
        ({"checkpoint": 3, "rng": None}, ["checkpoint", "folder", "3"]),
        ({"save_every": -1.0}, ["save_every", "-1.0"]),
        ({"save_every": "often"}, ["save_every", "'often'"]),
        ({"save_every": np.nan}, ["save_every", "nan"]),
        ({"evaluation": 100}, ["Evaluation", "100"]),
        ({"problem": replace(PROBLEM, criterion=Horizon(9))}, ["Discounted(beta) or Average()", "Horizon"]),
        ({"learner": WIQL(), "decoupled": True}, ["price"]),
    ],
)
def test_bad_arguments_are_named_before_anything_is_written(more, words, tmp_path):
    with pytest.raises(ModelError) as error:
        run(**{"checkpoint": tmp_path / "run", **more})
    for word in words:
        assert word in str(error.value)
    assert not (tmp_path / "run").exists() or list((tmp_path / "run").iterdir()) == []


def test_the_result_reads_well():
    text = str(run(GinoQ(exploration=EpsilonGreedy(0.2))))
    assert text.startswith("GinoQ(exploration=EpsilonGreedy(start=0.2")
    assert "2 seeds" in text and "score (0 random, 1 the bound)" in text and "1234" in text
    assert "reward per period" in str(run(evaluation=None).curves)


def test_where_nothing_can_be_gained_no_score_is_given():
    moves, _ = restart()
    problem = Problem(cohort((moves, np.ones((2, 5))), each=10), TopK(2), Average())
    training = run(problem=problem, steps=200)
    assert training.curves.scores is None and training.curves.bound == pytest.approx(10.0)
    assert training.curves.unscored in str(training.curves) and training.curves.unscored.startswith("no scores: ")
    assert training.curves.mean == pytest.approx(10.0)


def test_the_saved_header_holds_plain_json(tmp_path):
    run(checkpoint=tmp_path)
    with safe_open(tmp_path / "training.safetensors", framework="numpy") as content:
        header = json.loads(content.metadata()["rmab"])
    assert header["kind"] == "training" and header["entropy"] == 5
    assert header["about"]["learner"] == header["learner"] and header["about"]["steps"] == 1_234


def test_saving_every_so_often_saves_less_often(tmp_path, monkeypatch):
    written = []
    plain = checkpoint.write_file
    monkeypatch.setattr(checkpoint, "write_file", lambda path, *rest: (written.append(path), plain(path, *rest)))
    run(checkpoint=tmp_path / "often", seeds=1)
    often = len(written)
    written.clear()
    run(checkpoint=tmp_path / "seldom", seeds=1, save_every=1e9)
    assert len(written) == 1 < 10 < often
    assert contents(tmp_path / "often") == contents(tmp_path / "seldom")


def test_the_file_of_another_seed_is_refused(tmp_path):
    run(steps=200, checkpoint=tmp_path)
    for source in ("seed-0000", "training"):
        shutil.copy(tmp_path / f"{source}.safetensors", tmp_path / "seed-0001.safetensors")
        with pytest.raises(StoreError, match=r"seed-0001.safetensors: holds (seed 0, not 1; delete it|a training, not a seed)"):
            run(steps=200, checkpoint=tmp_path)
    shutil.copy(tmp_path / "seed-0000.safetensors", tmp_path / "training.safetensors")
    (tmp_path / "seed-0001.safetensors").unlink()
    with pytest.raises(StoreError, match=r"training.safetensors: holds a seed, not a training"):
        run(steps=200, checkpoint=tmp_path)


@pytest.mark.parametrize("rng", [5, None])
def test_a_damaged_seed_runs_anew_when_its_file_is_deleted(rng, tmp_path):
    whole = run(steps=200, checkpoint=tmp_path)
    file = tmp_path / "seed-0001.safetensors"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(StoreError, match=r"or delete it, and .*seed.* runs anew"):
        run(steps=200, rng=rng, checkpoint=tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(StoreError, match=r"seed-0001.safetensors: is a folder in the place of a file"):
        run(steps=200, rng=rng, checkpoint=tmp_path)
    file.rmdir()
    same(whole, run(steps=200, rng=rng, checkpoint=tmp_path))


def test_a_result_loses_no_seeds(tmp_path):
    run(steps=200, seeds=3, checkpoint=tmp_path)
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="holds 3 seeds, more than the 1 asked for; ask for at least 3"):
        run(steps=200, seeds=1, checkpoint=tmp_path)
    assert contents(tmp_path) == before
    for seed in range(3):
        (tmp_path / f"seed-{seed:04d}.safetensors").unlink()
    with pytest.raises(StoreError, match="holds 3 seeds"):
        run(steps=200, seeds=2, checkpoint=tmp_path)


def test_bad_paths_and_notes_are_named(tmp_path):
    training = run(steps=200, checkpoint=tmp_path)
    with pytest.raises(StoreError, match=r"is a folder; .* load .*training\.safetensors"):
        load_policies(tmp_path)
    for bad in (3, "", None):
        with pytest.raises(StoreError, match="named by a path"):
            load_policies(bad)
        with pytest.raises(StoreError, match="named by a path"):
            training.save(bad)
    with pytest.raises(StoreError, match="it is a folder; name a file"):
        training.save(tmp_path)
    with pytest.raises(StoreError, match="about must be something that JSON can hold"):
        training.save(tmp_path / "file", about={"a": object()})
    with pytest.raises(StoreError, match="about must be a dict, got 3"):
        training.save(tmp_path / "file", about=3)


def test_what_an_environment_remembers_must_have_names(tmp_path):
    class Nameless(SavedWorld):
        def state(self):
            return [1, 2]

    with pytest.raises(ModelError, match=r"arrays by name, a dict, got \[1, 2\]"):
        run(problem=Nameless(PROBLEM), checkpoint=tmp_path)

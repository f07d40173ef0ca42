"""Killed with signal 9 at random moments and started again, a training leaves the very bytes of one that was left alone."""

import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

import rmab
from oracles.learning_arms import cohort, flipped, gino
from rmab.learn.evaluation import Evaluation
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem

# every family of learners, in the words of ``rmab.learn``, the criterion, and periods that take about a second
FAMILIES = {
    "GinoQ": ("GinoQ()", Average(), 60_000),
    "GinoQ, confidence bounds": ("GinoQ(exploration=UpperConfidence(1.0))", Average(), 60_000),
    "PublishedGinoQ": ("PublishedGinoQ()", Average(), 60_000),
    "WIQL": ("WIQL(exploration=EpsilonSoftmax(0.5))", Average(), 60_000),
    "WhittleQ": ("WhittleQ()", Average(), 40_000),
    "QLearningIndex, phased": ("QLearningIndex(Phased(5), exploration=Softmax(2.0))", Discounted(0.9), 60_000),
    "QLearningIndex, speedy": ("QLearningIndex(Speedy())", Discounted(0.9), 60_000),
    "LinearQ": ("LinearQ([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]])", Average(), 60_000),
    "LPQL": ("LPQL([0.0, 2.0, 4.0])", Discounted(0.9), 2_000),
    "MAIQL": ("MAIQL()", Average(), 2_000),
    "CertaintyEquivalence": ("CertaintyEquivalence(change=ChangeDetection(), doubling=True)", Average(), 40_000),
    "Thompson": ("Thompson()", Average(), 60_000),
    "UCWhittle": ("UCWhittle()", Average(), 60_000),
}
BY_DEFAULT = ("GinoQ", "QLearningIndex, phased", "CertaintyEquivalence")
COHORT = cohort(gino(), flipped(), each=(12, 8))
ARGUMENTS = {"seeds": 2, "rng": 3, "threads": 2, "save_every": 0.01}
SCRIPT = """
import sys
sys.path[:0] = {path!r}
import rmab
from rmab import learn
learner = eval({learner!r}, vars(learn) | {{name: getattr(learn, name) for name in learn.__all__}})
problem = rmab.load({problem!r})
said = []
def progress(done, total):
    if not said:
        said.append(print("started", flush=True))
evaluation = learn.Evaluation(steps=60, replicates=8, burn_in=10)
learn.train(learner, problem, steps={steps}, checkpoint={folder!r}, evaluation=evaluation, progress=progress, **{arguments!r})
"""


def problem_of(learner, criterion):
    """Learners of several actions know budgets of "at most" only."""
    return Problem(COHORT, TopK(7, exactly=learner.partition("(")[0] not in ("LPQL", "MAIQL")), criterion)


def finish(learner, problem, steps, folder):
    """The bytes that the training leaves when nothing stops it, and the seconds that it took."""
    named = {name: getattr(rmab.learn, name) for name in rmab.learn.__all__}
    began = time.monotonic()
    evaluation = Evaluation(steps=60, replicates=8, burn_in=10)
    rmab.learn.train(eval(learner, named), problem, steps=steps, checkpoint=folder, evaluation=evaluation, **ARGUMENTS)
    return (folder / "training.safetensors").read_bytes(), time.monotonic() - began


def killed(script, delay):
    """Whether the process was still at work when it was killed, so many seconds after it had started to learn."""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "started\n"
    try:
        child.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        child.kill()
    child.stdout.close()
    code = child.wait()
    assert code in (0, -9)
    return code == -9


@pytest.mark.parametrize(
    ("family", "kills"),
    [*((name, 2) for name in BY_DEFAULT), *(pytest.param(name, 20, marks=pytest.mark.slow) for name in FAMILIES)],
)
def test_a_killed_training_goes_on_to_the_same_bytes(family, kills, tmp_path):
    learner, criterion, steps = FAMILIES[family]
    problem = problem_of(learner, criterion)
    finish(learner, problem, steps, tmp_path / "compiled")
    whole, seconds = finish(learner, problem, steps, tmp_path / "whole")
    rmab.save(tmp_path / "problem", problem)
    folder, rng, hit = tmp_path / "killed", np.random.default_rng(kills), 0
    script = SCRIPT.format(
        path=sys.path, learner=learner, problem=str(tmp_path / "problem"), steps=steps, folder=str(folder), arguments=ARGUMENTS
    )
    for _ in range(10 * kills):
        if killed(script, rng.uniform(0, seconds)) and not (folder / "training.safetensors").exists():
            hit += 1
        else:  # it was through before, which proves nothing; begin anew
            assert (folder / "training.safetensors").read_bytes() == whole
            shutil.rmtree(folder)
        if hit == kills:
            break
    assert hit == kills
    assert finish(learner, problem, steps, folder)[0] == whole

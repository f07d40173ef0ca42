"""Environments from outside: what is asked of them, and that nonsense is named at once."""

import numpy as np
import pytest

from oracles.learning_arms import cohort, flipped, gino, restart
from oracles.numpy_world import NumpyWorld
from rmab.errors import InfeasibleBudget, ModelError
from rmab.learn.environment import Environment
from rmab.learn.tabular.gino_q import GinoQ
from rmab.learn.trainer import train
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Horizon
from rmab.models.problem import Problem

PROBLEM = Problem(cohort(restart(), restart(), each=(4, 3)), TopK(2, exactly=True), Average())


def world(**changes):
    environment = NumpyWorld(PROBLEM)
    for name, value in changes.items():
        setattr(environment, name, value)
    return environment


def spoil(place, value):
    """An answer of ``step`` with one number of the states (0) or rewards (1) replaced."""

    def change(answer):
        states, rewards = answer[0].copy(), answer[1].copy()
        (states, rewards)[place][3] = value
        return states, rewards

    return change


@pytest.mark.parametrize(
    ("bad", "when", "words"),
    [
        (spoil(1, np.nan), 5, ["period 4", "arm 3", "nan", "finite"]),
        (spoil(1, -np.inf), 5, ["arm 3", "-inf"]),
        (spoil(0, 5), 5, ["after period 4", "arm 3", "state 5", "0 to 4"]),
        (spoil(0, -1), 5, ["arm 3", "state -1"]),
        (lambda answer: (answer[0][:-1], answer[1]), 2, ["7 whole numbers", "(6,)"]),
        (lambda answer: (answer[0].astype(float), answer[1]), 2, ["whole numbers", "float64"]),
        (lambda answer: (answer[0][None], answer[1]), 2, ["whole numbers", "(1, 7)"]),
        (lambda answer: (answer[0], answer[1][:-1]), 2, ["7 rewards", "(6,)"]),
        (lambda answer: (answer[0], 1.0), 2, ["7 rewards", "()"]),
        (lambda answer: (answer[0], ["a"] * 7), 2, ["7 rewards", "period 1"]),
        (lambda answer: (answer[0], None), 2, ["rewards"]),
        (lambda answer: (answer[0], answer[1] + 1j), 2, ["rewards", "period 1", "complex"]),
        (lambda answer: ([[1, 2], [3]], answer[1]), 2, ["7 states", "after period 1"]),
        (lambda answer: (None, answer[1]), 2, ["whole numbers", "object"]),
        (lambda answer: (*answer, False, False, {}), 1, ["pair", "period 0"]),
        (lambda answer: None, 1, ["pair", "None"]),
        (lambda states: states[:3], 0, ["at the start", "(3,)"]),
        (lambda states: states + 7, 0, ["at the start", "arm 0", "0 to 4"]),
    ],
)
def test_what_is_not_well_formed_is_named(bad, when, words):
    with pytest.raises(ModelError) as error:
        train(GinoQ(), NumpyWorld(PROBLEM, bad, when), steps=20, rng=0)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"multiplicity": [4, 0]}, ["multiplicity", "from 1 on"]),
        ({"multiplicity": [4.0, 3.0]}, ["multiplicity", "whole numbers"]),
        ({"multiplicity": []}, ["multiplicity"]),
        ({"budget": 2}, ["budget", "TopK(k)", "2"]),
        ({"budget": Knapsack(2.0, [1, 1])}, ["budget", "TopK"]),
        ({"criterion": Horizon(5)}, ["criterion", "Average()"]),
        ({"criterion": "average"}, ["criterion", "'average'"]),
        ({"n_actions": 1}, ["n_actions", "1"]),
        ({"n_states": 5.0}, ["n_states", "5.0"]),
        ({"n_actions": 3}, ["two actions"]),
        ({"reset": 3}, ["reset(seed)", "got 3"]),
        ({"step": None}, ["step(actions)", "got None"]),
        ({"reset": lambda: 0}, ["one argument", "reset(seed)"]),
        ({"step": lambda: 0}, ["one argument", "step(actions)"]),
    ],
)
def test_what_it_says_of_itself_is_checked(changes, words):
    with pytest.raises(ModelError) as error:
        train(GinoQ(), world(**changes), steps=20)
    for word in words:
        assert word in str(error.value)


def test_a_budget_above_the_arms_is_infeasible():
    with pytest.raises(InfeasibleBudget, match="8"):
        train(GinoQ(), world(budget=TopK(8)), steps=20)


@pytest.mark.parametrize("name", ["multiplicity", "n_actions", "n_states", "budget", "criterion", "reset", "step"])
def test_what_is_missing_is_named(name):
    parts = {
        part: getattr(world(), part)
        for part in ("multiplicity", "n_actions", "n_states", "budget", "criterion", "reset", "step")
    }
    del parts[name]
    with pytest.raises(ModelError, match=f"neither a Problem nor an environment: it has no {name}"):
        train(GinoQ(), type("Half", (), parts)(), steps=20)


def test_something_else_is_neither():
    with pytest.raises(ModelError, match="str is neither a Problem nor an environment"):
        train(GinoQ(), "problem.json", steps=20)


def test_decoupled_acting_and_a_checkpoint_without_state_are_refused(tmp_path):
    with pytest.raises(ModelError, match="breaks the budget"):
        train(GinoQ(), world(), steps=20, decoupled=True)
    with pytest.raises(ModelError, match=r"NumpyWorld has no state\(\) and restore"):
        train(GinoQ(), world(), steps=20, checkpoint=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_any_object_with_these_names_is_an_environment():
    assert isinstance(world(), Environment)
    assert not isinstance(PROBLEM, Environment)


def test_the_environment_has_the_law_of_the_simulator():
    problem = Problem(cohort(gino(), flipped(), each=(60, 40)), TopK(70, exactly=True), Average())
    found = [train(GinoQ(), one, steps=3_000, seeds=3, rng=4, evaluation=None) for one in (problem, NumpyWorld(problem))]
    shares = [np.array([memory["visits"] / memory["visits"].sum() for memory in training.memories]) for training in found]
    assert np.abs(shares[0].mean(axis=0) - shares[1].mean(axis=0)).max() < 0.02
    earned = [training.curves.rewards for training in found]
    spread = np.sqrt(sum(reward[:, -1].var(ddof=1) / 3 for reward in earned))
    assert abs(earned[0][:, -1].mean() - earned[1][:, -1].mean()) < 6 * spread


def test_what_is_returned_may_be_reused_by_the_environment():
    class Reusing(NumpyWorld):
        def step(self, actions):
            states, rewards = super().step(actions)
            actions[:] = 9  # the learner's own copy is another
            self.shown = getattr(self, "shown", np.empty_like(states))
            self.shown[:] = states
            return self.shown, rewards

    one, two = (train(GinoQ(), kind(PROBLEM), steps=300, rng=2) for kind in (NumpyWorld, Reusing))
    assert np.array_equal(one.index, two.index)


def test_a_class_in_the_place_of_an_environment_is_refused():
    with pytest.raises(ModelError, match=r"NumpyWorld is a class; .* such as NumpyWorld\(\)"):
        train(GinoQ(), NumpyWorld, steps=20)

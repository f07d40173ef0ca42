"""Scores between random choice and the bound."""

import numpy as np
import pytest

from oracles.learning_arms import cohort, gino, restart
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.learn.evaluation import Evaluation, Yardstick
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem
from rmab.policies.baselines import Uniform
from rmab.policies.index import IndexPolicy
from rmab.simulation.run import simulate

LONG = Evaluation(steps=2_000, replicates=10, burn_in=200)


def problem_of(arm, k, **more):
    return Problem(cohort(arm, each=100), TopK(k, exactly=True), more.pop("criterion", Average()), **more)


def test_random_choice_is_nought_and_the_bound_is_one():
    problem = problem_of(gino(), 30)
    scale = Yardstick.of(problem, LONG, entropy=3)
    assert scale.bound == lagrangian_bound(problem).value
    assert scale.score(*LONG.reward(problem, Uniform(), entropy=3)).value == 0.0
    assert scale.score(scale.bound, 0.0).value == 1.0
    assert scale.random == pytest.approx(-88.7, abs=0.5)  # an independent reference implementation


@pytest.mark.parametrize(("arm", "k", "low", "high"), [(gino(), 70, 0.95, 1.0), (restart(), 20, 0.98, 1.02)])
def test_the_exact_index_scores_nearly_one(arm, k, low, high):
    problem = problem_of(arm, k)
    scale = Yardstick.of(problem, LONG, entropy=3)
    found = scale.score(*LONG.reward(problem, IndexPolicy(gain_index(problem).values), entropy=3))
    assert low < found.value < high
    assert 0.0 < found.noise < 0.1


def test_every_policy_meets_the_same_random_numbers():
    problem = problem_of(restart(), 20)
    policy = IndexPolicy(gain_index(problem).values)
    brief = Evaluation(steps=50, replicates=2, burn_in=0)
    assert brief.reward(problem, policy, entropy=1) == brief.reward(problem, policy, entropy=1)
    assert brief.reward(problem, policy, entropy=1) != brief.reward(problem, policy, entropy=2)
    # and not those that a user would get from the same whole number
    assert brief.reward(problem, policy, entropy=1)[0] != simulate(problem, policy, steps=50, replicates=2, rng=1).mean


def test_with_a_discount_the_first_periods_count():
    problem = problem_of(restart(), 20, criterion=Discounted(0.9), start=0)
    policy = IndexPolicy(gain_index(problem).values)
    found, half = Evaluation(steps=400, replicates=20, burn_in=200).reward(problem, policy, entropy=1)
    run = simulate(problem, policy, steps=400, replicates=20, rng=8)
    assert found == pytest.approx(run.mean, abs=6 * np.ptp(run.interval) / 4)
    assert half == pytest.approx(np.ptp(run.interval) / 2, rel=0.8)


def test_there_is_no_scale_where_nothing_can_be_gained():
    still = Arms(np.tile(np.eye(2), (2, 1, 1)), np.full((2, 2), 3.0), multiplicity=[5])
    assert "than the simulation can tell" in Yardstick.of(Problem(still, TopK(2), Average()), LONG, entropy=0).unscored


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
@pytest.mark.parametrize(("k", "exactly"), [(0, False), (100, True)])
def test_there_is_no_scale_where_random_choice_is_as_good_as_any(criterion, k, exactly):
    problem = Problem(problem_of(restart(), 20).arms, TopK(k, exactly=exactly), criterion, start=0)
    assert Yardstick.of(problem, Evaluation(), entropy=0).unscored.startswith("no scores: ")


def test_the_noise_holds_the_true_score_where_the_scale_is_short():
    """Two states whose bound is hardly above random choice: many evaluations, and how often each holds the mean of all."""
    arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[100])
    problem = Problem(arms, TopK(20), Average())
    policy = IndexPolicy(gain_index(problem).values)
    found = []
    for entropy in range(40):
        scale = Yardstick.of(problem, Evaluation(), entropy)
        found.append(scale.score(*Evaluation().reward(problem, policy, entropy)))
    values, noise = np.array(found).T
    assert 0.05 < values.std() < 0.15
    assert (np.abs(values - values.mean()) <= noise).mean() > 0.8


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"steps": 0}, ["steps", "0"]),
        ({"steps": 100.0}, ["steps", "100.0"]),
        ({"replicates": 0}, ["replicates"]),
        ({"burn_in": -1}, ["burn_in", "-1"]),
        ({"steps": 200, "burn_in": 200}, ["200", "nothing"]),
    ],
)
def test_bad_numbers_are_refused(numbers, words):
    with pytest.raises(ModelError) as error:
        Evaluation(**numbers)
    for word in words:
        assert word in str(error.value)

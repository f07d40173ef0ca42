"""Linear features: the tabular learner where features tell states apart, and what is lost where they do not."""

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from scipy.stats import spearmanr

from rmab._kernels.crowd import move, settle
from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.exploration import EpsilonGreedy
from rmab.learn.learner import Setting
from rmab.learn.tabular.aggregation import Aggregation
from rmab.learn.tabular.gino_q import GinoQ
from rmab.learn.tabular.linear_features import LinearQ
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem


def problem_of(criterion, n_states=6, exactly=True):
    rng = np.random.default_rng(8)
    moves = rng.dirichlet(np.ones(n_states), size=(2, 2, n_states))
    return Problem(Arms(moves, rng.normal(size=(2, 2, n_states)), [7, 12]), TopK(5, exactly=exactly), criterion)


def mentoring(n_states):
    """Up with chance .7 when acted on, else .3, otherwise down, staying at the ends; reward the root of the level reached."""
    moves = np.zeros((2, n_states, n_states))
    for action, up in enumerate((0.3, 0.7)):
        for s in range(n_states):
            moves[action, s, min(s + 1, n_states - 1)] += up
            moves[action, s, max(s - 1, 0)] += 1 - up
    rewards = np.sqrt(np.arange(1, n_states + 1) / n_states)
    return Arms(moves, [rewards, rewards], [100])


def learned(learner, problem, cuts, seed=0):
    setting = Setting.of(problem)
    learner.check(setting)
    world, crowd, memory = world_of(problem), new_crowd(problem, setting, seed), learner.memory(setting)
    for first, last in pairwise(cuts):
        learner.learn(world, crowd, memory, setting, first, last)
    return memory


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
def test_one_feature_per_state_is_the_table_bit_for_bit(criterion):
    problem = problem_of(criterion)
    table, linear = learned(GinoQ(), problem, [0, 2500]), learned(LinearQ(np.eye(6)), problem, [0, 2500])
    assert np.array_equal(table["q"][..., 0], linear["theta"].swapaxes(1, 2))
    for name in ("score", "level", "visits", "watch", "mean"):
        assert np.array_equal(table[name], linear[name]), name
    assert np.ptp(table["score"]) > 0.1


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
def test_one_feature_per_cluster_is_aggregation(criterion):
    problem, groups = problem_of(criterion), Aggregation.uniform(6, 3)
    table = learned(GinoQ(aggregation=groups), problem, [0, 1500])
    linear = learned(LinearQ(groups.features), problem, [0, 1500])
    # clusters of equal size: the mean over states is that over clusters, up to the order of sums
    assert np.abs(table["q"][..., 0] - linear["theta"].swapaxes(1, 2)).max() < 1e-10
    assert np.array_equal(table["visits"], linear["visits"])


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
def test_the_index_is_learned_in_any_coordinates(criterion):
    problem = problem_of(criterion)
    exact = gain_index(problem)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    for rows in (np.eye(6), rotation):
        memory = learned(LinearQ(rows), problem, [0, 30_000])
        assert abs(memory["watch"][1] - exact.price) < 0.2
        # advantages from -2 to 2.5
        assert np.abs(memory["mean"] - exact.values).max() < 0.3
        assert spearmanr(memory["mean"].ravel(), exact.values.ravel()).statistic > 0.98


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
def test_cuts_change_nothing(criterion):
    problem, rows = problem_of(criterion), np.random.default_rng(3).normal(size=(6, 4)) / 4
    whole, cut = (learned(LinearQ(rows), problem, cuts) for cuts in ([0, 2200], [0, 1, 700, 1024, 1025, 2200]))
    for name, values in whole.items():
        assert np.array_equal(values, cut[name]), name


def test_the_simulator_and_an_outside_environment_teach_the_same():
    problem, learner = problem_of(Average()), LinearQ(np.eye(6))
    setting = Setting.of(problem)
    world, crowd, memory = world_of(problem), new_crowd(problem, setting, 0), learner.memory(setting)
    for step in range(300):
        learner.act(crowd, memory, setting, step)
        move(world, crowd, step)
        learner.absorb(crowd, memory, setting, step)
        settle(crowd)
    inside = learned(learner, problem, [0, 300])
    for name, values in inside.items():
        assert np.array_equal(values, memory[name]), name


def test_a_budget_that_need_not_be_used_has_no_negative_price():
    arms = Arms(np.full((2, 2, 2), 0.5), [[0.0, 1.0], [-0.5, 0.5]], [10])
    learner = LinearQ(np.eye(2), warm=0)
    prices = [
        float(learned(learner, Problem(arms, TopK(8, exactly=e), Average()), [0, 3000])["level"][0]) for e in (False, True)
    ]
    assert prices[0] == 0.0 and prices[1] < -0.2


def test_residuals_tell_where_clusters_are_too_coarse():
    problem = Problem(mentoring(40), TopK(20), Discounted(0.95))
    coarse, fine = (
        LinearQ(Aggregation.uniform(40, count).features).readings(
            learned(LinearQ(Aggregation.uniform(40, count).features), problem, [0, 6000]), Setting.of(problem)
        )
        for count in (4, 40)
    )
    assert coarse["residual"] > 2 * fine["residual"]


@pytest.mark.slow
def test_finer_clusters_learn_better_indices():
    # all actions at random, so that every level is visited: without, levels that are left alone keep what they learned at first
    problem = Problem(mentoring(40), TopK(50), Discounted(0.95))
    exact = gain_index(problem).values[0]
    errors, ranks = [], []
    for count in (4, 8, 10, 20, 40):
        learner = LinearQ(Aggregation.uniform(40, count).features, exploration=EpsilonGreedy(1.0, decay=inf))
        scores = np.mean([learned(learner, problem, [0, 40_000], seed)["mean"][0] for seed in range(3)], axis=0)
        errors.append(np.abs(scores - exact).max())
        ranks.append(spearmanr(scores, exact).statistic)
    assert errors[3] < 0.6 * errors[0] and errors[4] < 0.05
    assert (np.diff(ranks) > 0).all()


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([1.0, 2.0], "shape"),
        ([[1.0], [np.nan]], "feature 0 of state 1"),
        ([[1.0], [0.0]], "state 1 are all 0"),
        ([[1.0], [2.0]], "state 1 have norm 2"),
        ([["a"]], "features"),
    ],
)
def test_bad_features_are_named(features, message):
    with pytest.raises(ModelError, match=message):
        LinearQ(features)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ModelError, match="features of 5 states"):
        LinearQ(np.eye(5)).check(Setting.of(problem_of(Average())))
    with pytest.raises(ModelError, match="table must be Steps"):
        LinearQ(np.eye(5), table=0.1)
    with pytest.raises(ModelError, match="warm"):
        LinearQ(np.eye(5), warm=-1)
    three = Problem(Arms(np.ones((3, 1, 1)), np.zeros((3, 1)), [4]), TopK(1), Average())
    with pytest.raises(ModelError, match="use MAIQL or LPQL"):
        LinearQ(np.eye(1)).check(Setting.of(three))

"""Tests of changes: the statistic against scipy, its false alarms, its delay, and what is forgotten."""

import numpy as np
import pytest
from scipy.stats import binom, chi2, chi2_contingency

from oracles.learning_arms import circulant, cohort, restart
from rmab._kernels.change_test import row_test
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.learn.change import ChangeDetection
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.learner import Setting
from rmab.learn.tabular.certainty_equivalence import CertaintyEquivalence
from rmab.learn.tabular.prior_counts import PriorCounts
from rmab.learn.tabular.thompson import Thompson
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.problem import Problem
from rmab.policies.baselines import Uniform
from rmab.policies.index import IndexPolicy
from rmab.simulation.run import simulate


def _restart(fall):
    """The restart arm with another chance to fall back."""
    moves, rewards = restart()
    wait = np.zeros((5, 5))
    wait[np.arange(5), np.minimum(np.arange(5) + 1, 4)] = 1 - fall
    wait[:, 0] += fall
    return np.array([wait, moves[1]]), rewards


def _problem(*kinds, k=20, each=100):
    return Problem(cohort(*kinds, each=each), TopK(k, exactly=True), Average())


def _begin(problem, learner, seed=0):
    setting = Setting.of(problem, entropy=3)
    return new_crowd(problem, setting, seed), learner.memory(setting), setting


def test_the_statistic_is_that_of_scipy_with_williams_correction():
    rng = np.random.default_rng(0)
    for _ in range(50):
        size = int(rng.integers(2, 6))
        earlier, recent = rng.integers(0, 30, size), rng.integers(0, 8, size)
        table = np.array([recent, earlier])
        if recent.sum() < 5 or earlier.sum() < 5:
            continue
        table = table[:, table.sum(axis=0) > 0]
        statistic, freedom = row_test(earlier + recent, recent, 5)
        plain = chi2_contingency(table, correction=False, lambda_="log-likelihood")
        assert freedom == plain.dof
        total = table.sum()
        sides = (total / table.sum(axis=1)).sum() - 1, (total / table.sum(axis=0)).sum() - 1
        correction = 1 + sides[0] * sides[1] / (6 * total * plain.dof)
        assert statistic == pytest.approx(plain.statistic / correction, rel=1e-12)


def test_rows_with_too_little_in_them_are_passed_over():
    assert row_test(np.array([100, 4]), np.array([0, 4]), 5) == (0.0, 0)
    assert row_test(np.array([4, 9]), np.array([0, 9]), 5) == (0.0, 0)
    assert row_test(np.array([100, 0]), np.array([50, 0]), 5) == (0.0, 0)
    assert row_test(np.array([100, 5]), np.array([0, 5]), 5)[1] == 1


def test_critical_values_share_the_level_among_rows():
    setting = Setting(np.array([10]), 2, 4, TopK(1), Average())
    critical = ChangeDetection(level=0.008).critical(setting)
    assert critical[0] == np.inf
    np.testing.assert_allclose(critical[1:], chi2.isf(0.001, [1, 2, 3]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every must be a whole number"),
        ({"window": 7}, "multiple of every = 5, got 7"),
        ({"level": 0.0}, "the level must lie strictly between 0 and 1"),
        ({"level": "low"}, "the level must be a number"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ModelError, match=message):
        ChangeDetection(**options)


def test_recent_counts_are_those_of_the_window():
    problem = _problem(_restart(0.1))
    learner = CertaintyEquivalence(change=ChangeDetection(window=10))
    crowd, memory, setting = _begin(problem, learner)
    world, before = world_of(problem), []
    for step in range(60):
        before.append(memory["counts"].copy())
        learner.learn(world, crowd, memory, setting, step, step + 1)
        # just after a look the oldest block has gone; just before, the window is full
        length = 5 + (step + 1) % 5
        np.testing.assert_array_equal(memory["recent"], memory["counts"] - before[max(step + 1 - length, 0)])
    np.testing.assert_array_equal(memory["ring"].sum(axis=0), memory["recent"])
    assert not memory["changes"].any()


@pytest.mark.parametrize("learner", [CertaintyEquivalence, Thompson])
def test_only_the_type_that_changed_is_forgotten(learner):
    before, after = _problem(_restart(0.1), circulant5(), each=60), _problem(_restart(0.4), circulant5(), each=60)
    prior = PriorCounts.from_arms(before.arms, 10.0)
    taught = learner(change=ChangeDetection(), prior=prior)
    crowd, memory, setting = _begin(before, taught)
    taught.learn(world_of(before), crowd, memory, setting, 0, 300)
    assert memory["changes"].tolist() == [0, 0]
    kept, means = memory["counts"].copy(), taught.rewards(memory)
    step = 300
    while not memory["changes"].any() and step < 400:
        score = memory["score"].copy()
        taught.learn(world_of(after), crowd, memory, setting, step, step + 1)
        step += 1
    assert memory["changes"].tolist() == [1, 0]
    assert not memory["counts"][0].any() and not memory["ring"][:, 0].any() and not memory["visits"][0].any()
    assert (memory["counts"][1] >= kept[1]).all()
    assert memory["trust"].tolist() == [0.0, 1.0]
    assert memory["seen"][0].max() == 1
    np.testing.assert_allclose(taught.rewards(memory)[1], means[1])
    np.testing.assert_allclose(memory["paid"][0], memory["seen"][0] * before.arms.rewards[0], rtol=1e-12)
    # the index stays until the next epoch, which is near
    np.testing.assert_array_equal(memory["score"], score)
    assert memory["due"][0] == step + 5
    assert taught.readings(memory, setting)["changes"] == 1.0


def circulant5():
    """The circulant arm with a fifth state that is never reached, so that it goes with arms of five states."""
    moves, rewards = circulant()
    larger = np.zeros((2, 5, 5))
    larger[:, :4, :4] = moves
    larger[:, 4, 0] = 1.0
    return larger, np.pad(rewards, ((0, 0), (0, 1)))


def _alarms_and_delay(window, seed, learner=CertaintyEquivalence):
    before, after = _problem(_restart(0.1)), _problem(_restart(0.2))
    taught = learner(change=ChangeDetection(window=window))
    crowd, memory, setting = _begin(before, taught, seed)
    taught.learn(world_of(before), crowd, memory, setting, 0, 300)
    false, step, world = int(memory["changes"][0]), 300, world_of(after)
    while memory["changes"][0] == false and step < 400:
        taught.learn(world, crowd, memory, setting, step, step + 5)
        step += 5
    return false, step - 300


@pytest.mark.parametrize("learner", [CertaintyEquivalence, Thompson])
def test_a_doubled_chance_to_fall_is_found_within_three_windows(learner):
    found = np.array([_alarms_and_delay(25, seed, learner) for seed in range(8)])
    assert found[:, 0].sum() == 0
    assert found[:, 1].max() <= 75


@pytest.mark.slow
@pytest.mark.parametrize(("window", "usual"), [(10, 15), (25, 20), (50, 25)])
def test_false_alarms_and_mean_delay(window, usual):
    found = np.array([_alarms_and_delay(window, seed) for seed in range(40)])
    # 60 looks of one type at a level of 1e-4
    assert found[:, 0].sum() <= binom.ppf(0.999, 40 * 60, 1e-4)
    assert found[:, 1].mean() <= usual
    assert found[:, 1].max() < 100


@pytest.mark.slow
def test_false_alarms_are_no_more_frequent_than_the_level():
    problem = _problem(circulant())
    alarms = 0
    for seed in range(10):
        learner = CertaintyEquivalence(change=ChangeDetection(window=10, level=1e-3))
        crowd, memory, setting = _begin(problem, learner, seed)
        learner.learn(world_of(problem), crowd, memory, setting, 0, 5000)
        alarms += int(memory["changes"][0])
    # looks overlap, which makes alarms come in pairs but no more frequent
    assert alarms <= binom.ppf(0.9999, 10 * 1000, 1e-3)


@pytest.mark.parametrize("learner", [CertaintyEquivalence, Thompson])
def test_a_learner_that_looks_for_changes_recovers(learner):
    moves, rewards = circulant()
    before, after = _problem((moves, rewards)), _problem((moves[::-1].copy(), rewards))
    bound, random = lagrangian_bound(after).value, simulate(after, Uniform(), steps=500, replicates=4, rng=1).mean

    def score(policy):
        return (simulate(after, policy, steps=500, burn_in=100, replicates=2, rng=2).mean - random) / (bound - random)

    scores = []
    for change in (None, ChangeDetection()):
        taught = learner(change=change)
        crowd, memory, setting = _begin(before, taught)
        taught.learn(world_of(before), crowd, memory, setting, 0, 2000)
        assert score(IndexPolicy(memory["score"])) < 0.5
        taught.learn(world_of(after), crowd, memory, setting, 2000, 2200)
        scores.append(score(IndexPolicy(memory["score"])))
    assert scores[1] >= 0.95
    # without, the index is still that of all periods together
    assert scores[0] <= 0.5

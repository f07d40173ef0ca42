"""Credible intervals: the law of the draws, their limits, and how often they hold the truth."""

import numpy as np
import pytest
from scipy.special import comb, gamma
from scipy.stats import binom

from oracles.learning_arms import circulant, cohort, restart
from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.index.whittle import whittle_index
from rmab.learn.credible import credible_index
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.learner import Setting
from rmab.learn.sparse_rows import SparseRows
from rmab.learn.tabular.certainty_equivalence import CertaintyEquivalence
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem

PROBLEMS = {
    "restart": Problem(cohort(restart(), each=100), TopK(20, exactly=True), Average()),
    "circulant": Problem(cohort(circulant(), each=100), TopK(20, exactly=True), Average()),
}


def _counts(problem, steps, seed):
    learner, setting = CertaintyEquivalence(), Setting.of(problem, entropy=11)
    memory = learner.memory(setting)
    learner.learn(world_of(problem), new_crowd(problem, setting, seed), memory, setting, 0, steps)
    return memory["counts"]


def test_supports_follow_bayes():
    counts = np.zeros((1, 2, 4, 4))
    counts[0, 0, 0], counts[0, 0, 1] = [3, 2, 0, 0], [5, 0, 0, 0]
    law = SparseRows(counts)
    for s, (n, reached) in {0: (5, 2), 1: (5, 1), 2: (0, 0)}.items():
        weight = np.zeros(4)
        for k in range(max(reached, 1), 5):
            weight[k - 1] = comb(4 - reached, k - reached) / comb(4, k) * gamma(k / 2) / gamma(k / 2 + n)
        np.testing.assert_allclose(law.chance[0, 0, s], weight / weight.sum(), rtol=1e-9)


def test_draws_have_the_posterior_mean_and_the_drawn_supports():
    counts = np.zeros((1, 2, 4, 4))
    counts[0, 0, 0], counts[0, 0, 1], counts[0, 1, 2] = [3, 2, 0, 0], [5, 0, 0, 0], [1, 1, 1, 7]
    law, n = SparseRows(counts), 20_000
    rows = law.draw(n, np.random.default_rng(0))
    np.testing.assert_allclose(rows.sum(axis=-1), 1.0)
    mean, spread = law.mean(), rows.std(axis=0)
    np.testing.assert_allclose(mean.sum(axis=-1), 1.0)
    assert (np.abs(rows.mean(axis=0) - mean) <= 5 * spread / np.sqrt(n) + 1e-12).all()
    sizes = (rows > 0).sum(axis=-1)[:, 0, 0, 1]
    for k in range(1, 5):
        p = law.chance[0, 0, 1, k - 1]
        assert abs((sizes == k).mean() - p) <= 5 * np.sqrt(p * (1 - p) / n)
    # unseen states are exchangeable
    new = (rows[:, 0, 0, 1, 1:] > 0).mean(axis=0)
    assert np.ptp(new) < 0.02
    assert (rows[:, 0, 0, 1, 0] > 0).all()


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
@pytest.mark.parametrize("budget", [None, TopK(20, exactly=True)])
def test_with_endless_data_the_interval_closes_on_the_index(criterion, budget):
    arms = PROBLEMS["circulant"].arms
    counts = np.round(1e12 * arms.transitions)
    found = credible_index(counts, arms.rewards, criterion, budget=budget, multiplicity=[100], draws=40, rng=1)
    exact = whittle_index(arms, criterion) if budget is None else gain_index(Problem(arms, budget, criterion))
    # the average index of the state of reward 1 may be anything in an interval; its limit is what is computed
    np.testing.assert_allclose(found.values, exact.values, atol=1e-4)
    np.testing.assert_allclose(found.low, exact.values, atol=1e-4)
    np.testing.assert_allclose(found.high, exact.values, atol=1e-4)
    assert (found.low <= found.mean).all() and (found.mean <= found.high).all()
    assert (found.indexable == 1.0).all()


def test_fields_are_consistent_and_runs_repeat():
    problem = PROBLEMS["circulant"]
    counts = _counts(problem, 50, 0)
    found = credible_index(counts, problem.arms.rewards, Average(), level=0.8, draws=100, rng=3)
    again = credible_index(counts, problem.arms.rewards, Average(), level=0.8, draws=100, rng=3)
    np.testing.assert_array_equal(found.draws, again.draws)
    assert found.draws.shape == (100, 1, 4)
    inside = (found.low <= found.draws) & (found.draws <= found.high)
    assert ((inside.mean(axis=0) >= 0.8) & (inside.mean(axis=0) <= 0.85)).all()
    wider = credible_index(counts, problem.arms.rewards, Average(), level=0.98, draws=100, rng=3)
    assert (wider.low <= found.low).all() and (wider.high >= found.high).all()
    text = str(found)
    assert "80% credible intervals from 100 draws" in text and "type 0, state 3" in text
    assert str(credible_index(np.zeros((30, 2, 2, 2)), np.zeros((30, 2, 2)), Discounted(0.5), rng=0)).endswith("and 40 more")


def test_gain_intervals_know_the_other_types():
    arms = cohort(circulant(), (circulant()[0], 2 * circulant()[1]), each=50)
    counts = np.round(1000 * arms.transitions)
    found = credible_index(counts, arms.rewards, Average(), budget=TopK(20), multiplicity=[50, 50], draws=30, rng=0)
    exact = gain_index(Problem(arms, TopK(20), Average()))
    assert found.kind == "gain index"
    np.testing.assert_allclose(found.mean, exact.values, atol=0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counts": np.zeros((2, 3, 3))}, "counts must have shape"),
        ({"counts": -np.ones((2, 2, 2))}, "type 0, action 0, state 0, next state 0 is -1"),
        ({"level": 1.0}, "the level must be a number strictly between 0 and 1"),
        ({"draws": 18}, "18 draws are too few for a level of 0.9; take at least 20"),
        ({"draws": 2.5}, "draws must be a whole number, at least 1"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"counts": np.ones((2, 2, 2)), "rewards": np.zeros((2, 2)), "criterion": Average()} | change
    with pytest.raises(ModelError, match=message):
        credible_index(**given)


def _coverage(problem, steps, runs, level=0.9):
    rewards, truth = problem.arms.rewards, whittle_index(problem.arms, Average()).values
    held = np.zeros(truth.shape)
    for seed in range(runs):
        found = credible_index(_counts(problem, steps, seed), rewards, Average(), level=level, rng=seed)
        held += (found.low - 1e-9 <= truth) & (truth <= found.high + 1e-9)
    return held


@pytest.mark.parametrize("name", PROBLEMS)
def test_intervals_hold_the_truth_about_as_often_as_they_say(name):
    assert (_coverage(PROBLEMS[name], 100, 40) >= binom.ppf(1e-3, 40, 0.9)).all()


@pytest.mark.slow
@pytest.mark.parametrize("steps", [20, 100, 500])
@pytest.mark.parametrize("name", PROBLEMS)
def test_coverage_with_many_repetitions(name, steps):
    # nine states of two arms at three times are looked at: 1e-3 each
    assert (_coverage(PROBLEMS[name], steps, 300) >= binom.ppf(1e-3, 300, 0.9)).all()


def test_infinite_draws_are_told_and_the_median_is_shown():
    few = [[[3, 0], [0, 3]], [[2, 0], [1, 1]]]
    found = credible_index(few, [[0.0, 1.0], [0.0, 1.0]], Average(), rng=0)
    assert np.array_equal(found.unbounded, np.isinf(found.draws).mean(axis=0)) and found.unbounded.max() > 0
    drawn = np.sort(found.draws, axis=0)
    assert np.array_equal(found.median, drawn[99]) and not np.isnan(found.median).any()
    k, s = np.argwhere(found.unbounded > 0)[0]
    (line,) = [line for line in str(found).splitlines() if f"type {k}, state {s}:" in line]
    assert line.endswith(f"median {found.median[k, s]:.6g}, infinite in {found.unbounded[k, s]:.2g} of the draws")
    known = credible_index(np.array(few) + 20, [[0.0, 1.0], [0.0, 1.0]], Average(), rng=0)
    assert not known.unbounded.any() and "infinite" not in str(known) and "mean" in str(known)

"""GINO-Q as published: one period against a plain loop, what it finds, and what it cannot do."""

from itertools import pairwise

import numpy as np
import pytest

from oracles.learning_arms import circulant, cohort, flipped, gino
from rmab._kernels.crowd import move, settle
from rmab.errors import ModelError
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.learner import Setting
from rmab.learn.tabular.published_gino_q import PublishedGinoQ
from rmab.learn.trainer import train
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem

SMALL = Problem(cohort(gino(), flipped(), each=(12, 9)), TopK(7, exactly=True), Average())
CASES = {
    "decoupled": (PublishedGinoQ(every=3, pace=0.5), True),
    "under the budget": (PublishedGinoQ(fast=1.0, slow=2.0, pace=2.0, every=1, reference=3), False),
}


@pytest.mark.parametrize("case", CASES)
def test_every_period_is_the_plain_loop(case):
    learner, decoupled = CASES[case]
    setting = Setting.of(SMALL, entropy=3, decoupled=decoupled)
    world, crowd, memory = world_of(SMALL), new_crowd(SMALL, setting, 0), learner.memory(setting)
    kind, reference = np.repeat([0, 1], [12, 9]), learner.reference
    q, d, visits = np.zeros((2, 6, 2)), np.zeros((2, 6, 2)), np.zeros((2, 6, 2))
    price, before, moved = 0.0, 21.0, 0
    for t in range(1, 151):
        s = crowd.state.copy()
        learner.learn(world, crowd, memory, setting, t - 1, t)
        for i, k in enumerate(kind):
            a, u = crowd.action[i], crowd.following[i]
            visits[k, s[i], a] += 1
            n = visits[k, s[i], a]
            best = int(np.argmax(q[k, u]))
            slow, fast = min(learner.slow / (n * np.sqrt(np.log(n + 1))), 1.0), min(learner.fast / n, 1.0)
            value = crowd.reward[i] - price * a + q[k, u].max() - q[k].mean()
            used = a + d[k, u, best] - d[k, reference].max()
            q[k, s[i], a] += slow * (value - q[k, s[i], a])
            d[k, s[i], a] += fast * (used - d[k, s[i], a])
        owed = 7 - (d[kind, reference].max(axis=1)).sum()
        if abs(owed) < abs(before) and t % learner.every == 0:
            price -= learner.pace / (t * np.log(t + 1)) * owed
            moved += 1
        before = owed
        assert memory["score"] == pytest.approx(q[:, :, 1] - q[:, :, 0] + price, rel=1e-8, abs=1e-8)
        assert memory["level"][0] == pytest.approx(price, rel=1e-9, abs=1e-9)
    assert moved > 3 and price != 0.0
    assert decoupled == (crowd.action.sum() != 7)


def test_cuts_and_environments_change_nothing():
    learner = CASES["under the budget"][0]
    setting = Setting.of(SMALL, entropy=3)
    world, results = world_of(SMALL), []
    for cuts in ((0, 120), (0, 1, 50, 120)):
        crowd, memory = new_crowd(SMALL, setting, 0), learner.memory(setting)
        for first, last in pairwise(cuts):
            learner.learn(world, crowd, memory, setting, first, last)
        results.append(memory)
    crowd, memory = new_crowd(SMALL, setting, 0), learner.memory(setting)
    for t in range(120):
        learner.act(crowd, memory, setting, t)
        move(world, crowd, t)
        learner.absorb(crowd, memory, setting, t)
        settle(crowd)
    for other in (results[1], memory):
        assert all(np.array_equal(other[name], values) for name, values in results[0].items())


def test_it_learns_arms_that_are_not_indexable_with_constants_that_suit_them():
    problem = Problem(cohort(flipped(), each=100), TopK(70, exactly=True), Average())
    learner = PublishedGinoQ(pace=0.07 * 14)  # the range of the rewards is 14
    training = train(learner, problem, steps=10_000, seeds=3, rng=0, decoupled=True)
    assert training.curves.mean[-1] > 0.9


def test_with_all_constants_1_it_fails():
    ones = PublishedGinoQ(fast=1.0, slow=1.0, pace=1.0, every=1)
    problem = Problem(cohort(circulant(), each=100), TopK(20, exactly=True), Average())
    training = train(ones, problem, steps=10_000, seeds=3, rng=0, decoupled=True, evaluation=None)
    assert np.abs(training.diagnostics["price"][:, -1] - 1.0).min() > 0.3


@pytest.mark.parametrize(
    ("learner", "criterion", "words"),
    [
        (PublishedGinoQ(), Discounted(0.9), ["Average", "use GinoQ"]),
        (PublishedGinoQ(reference=6), Average(), ["6", "from 0 to 5"]),
    ],
)
def test_what_it_does_not_know_is_refused(learner, criterion, words):
    with pytest.raises(ModelError) as error:
        train(learner, Problem(SMALL.arms, TopK(7), criterion), steps=10)
    for word in words:
        assert word in str(error.value)

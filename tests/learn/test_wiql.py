"""WIQL: one period against a plain loop, and that its warning is deserved."""

from itertools import pairwise

import numpy as np
import pytest

from oracles.learning_arms import cohort, gino, mentoring, restart
from rmab._kernels.crowd import move, settle
from rmab.errors import ModelError
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.exploration import EpsilonGreedy
from rmab.learn.learner import Setting
from rmab.learn.tabular.gino_q import GinoQ
from rmab.learn.tabular.wiql import WIQL
from rmab.learn.trainer import train
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem

SMALL = cohort(gino(), (gino()[0][:, ::-1, ::-1].copy(), gino()[1][:, ::-1].copy()), each=(12, 9))


@pytest.mark.parametrize(("criterion", "beta"), [(Average(), 0.95), (Discounted(0.8), 0.8)])
def test_every_period_is_the_plain_loop(criterion, beta):
    problem, learner = Problem(SMALL, TopK(7, exactly=True), criterion), WIQL(discount=0.95)
    setting = Setting.of(problem, entropy=3)
    world, crowd, memory = world_of(problem), new_crowd(problem, setting, 0), learner.memory(setting)
    kind = np.repeat([0, 1], [12, 9])
    q, visits = np.zeros((2, 6, 2)), np.zeros((2, 6, 2))
    for t in range(150):
        s = crowd.state.copy()
        learner.learn(world, crowd, memory, setting, t, t + 1)
        for i, k in enumerate(kind):
            a = crowd.action[i]
            visits[k, s[i], a] += 1
            target = crowd.reward[i] + beta * q[k, crowd.following[i]].max()
            q[k, s[i], a] += (target - q[k, s[i], a]) / (visits[k, s[i], a] + 1)
        assert memory["score"] == pytest.approx(q[:, :, 1] - q[:, :, 0], rel=1e-9, abs=1e-9)
    assert np.array_equal(memory["visits"], visits)


def test_cuts_and_environments_change_nothing():
    problem, learner = Problem(SMALL, TopK(7), Average()), WIQL()
    setting = Setting.of(problem, entropy=3)
    world, results = world_of(problem), []
    for cuts in ((0, 120), (0, 1, 50, 120)):
        crowd, memory = new_crowd(problem, setting, 0), learner.memory(setting)
        for first, last in pairwise(cuts):
            learner.learn(world, crowd, memory, setting, first, last)
        results.append(memory)
    crowd, memory = new_crowd(problem, setting, 0), learner.memory(setting)
    for t in range(120):
        learner.act(crowd, memory, setting, t)
        move(world, crowd, t)
        learner.absorb(crowd, memory, setting, t)
        settle(crowd)
    for other in (results[1], memory):
        assert all(np.array_equal(other[name], values) for name, values in results[0].items())


def test_the_published_exploration_falls_with_the_arms():
    setting = Setting.of(Problem(SMALL, TopK(7), Average()))
    chances = WIQL().chances(setting)
    for t in (0, 10, 1000):
        assert max(chances.floor, chances.start / (1 + t / chances.decay)) == pytest.approx(21 / (21 + t))
    assert WIQL(exploration=EpsilonGreedy(0.2)).chances(setting) == EpsilonGreedy(0.2).chances


def test_it_fails_where_the_price_matters_and_a_learner_of_the_price_does_not():
    problem = Problem(cohort(mentoring(), each=100), TopK(10, exactly=True), Average())
    scores = [train(learner, problem, steps=10_000, seeds=5, rng=0).curves.mean[-1] for learner in (WIQL(), GinoQ())]
    assert scores[0] < 0.6
    assert scores[1] > 0.9


def test_it_tends_to_the_index_at_the_price_nought():
    moves, rewards = restart()
    problem = Problem(cohort((moves, rewards), each=100), TopK(20), Discounted(0.5))
    best = np.zeros(5)
    for _ in range(100):
        q = rewards + 0.5 * moves @ best
        best = q.max(axis=0)
    training = train(WIQL(exploration=EpsilonGreedy(0.3, decay=np.inf)), problem, steps=20_000, seeds=2, rng=0, evaluation=None)
    assert np.abs(training.index - (q[1] - q[0])).max() < 0.05


def test_arms_cannot_act_for_themselves():
    with pytest.raises(ModelError, match="no price"):
        train(WIQL(), Problem(SMALL, TopK(7), Average()), steps=10, decoupled=True)

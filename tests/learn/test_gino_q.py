"""GINO-Q, improved: one period against a plain loop, and what it learns against the exact gain index."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from oracles.learning_arms import circulant, cohort, flipped, gino, restart
from oracles.numpy_world import NumpyWorld
from rmab._kernels.crowd import move, settle
from rmab.errors import ModelError
from rmab.index.gain import gain_index
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.exploration import EpsilonGreedy, UpperConfidence
from rmab.learn.learner import Setting
from rmab.learn.steps import Steps
from rmab.learn.tabular.aggregation import Aggregation
from rmab.learn.tabular.gino_q import GinoQ
from rmab.learn.trainer import train
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem


def problem_of(*kinds, each=100, k=20, exactly=True, criterion=None):
    return Problem(cohort(*kinds, each=each), TopK(k, exactly=exactly), criterion or Average())


class ByHand:
    """The learner written as plain loops, from the words of its docstrings."""

    def __init__(self, learner, problem):
        arms = problem.arms
        self.learner, self.budget, self.criterion = learner, problem.budget, problem.criterion
        self.kind = np.repeat(np.arange(len(arms.multiplicity)), arms.multiplicity)
        self.label = learner.aggregation.clusters if learner.aggregation else np.arange(arms.n_states)
        self.q = np.zeros((arms.n_types, self.label.max() + 1, 2))
        self.visits = np.zeros_like(self.q)
        self.price, self.seen, self.mean, self.mean_price = 0.0, [], 0.0, 0.0

    def period(self, t, state, action, reward, following):
        average = isinstance(self.criterion, Average)
        beta = 1.0 if average else self.criterion.beta
        s, u = self.label[state], self.label[following]
        for i, k in enumerate(self.kind):
            self.visits[k, s[i], action[i]] += 1
        size = np.vectorize(self.learner.table.at)(self.visits)
        for i, k in enumerate(self.kind):
            offset = self.q[k].mean() if average else 0.0
            target = reward[i] - self.price * action[i] + beta * self.q[k, u[i]].max() - offset
            self.q[k, s[i], action[i]] += size[k, s[i], action[i]] * (target - self.q[k, s[i], action[i]])
        gap = self.q[:, :, 1] - self.q[:, :, 0]
        eager = (gap[self.kind, s] > 0).sum()
        if t > self.learner.warm:
            after = t - self.learner.warm
            self.price -= self.learner.price.at(after) * np.ptp(self.seen) * (self.budget.k - eager) / len(self.kind)
            self.price = self.price if self.budget.exactly else max(self.price, 0.0)
        self.seen += list(reward)
        self.score = (gap + self.price)[:, self.label]
        assert self.learner.averaging == 0  # all periods weigh the same
        self.mean = (self.mean * t + self.score) / (t + 1)
        self.mean_price = (self.mean_price * t + self.price) / (t + 1)


CASES = {
    "average": (problem_of(gino(), flipped(), each=(12, 9), k=7), GinoQ(warm=3, averaging=0)),
    "discounted": (problem_of(restart(), each=15, k=4, criterion=Discounted(0.9)), GinoQ(warm=0, averaging=0)),
    "at most": (problem_of(restart(), each=15, k=4, exactly=False), GinoQ(warm=0, averaging=0, price=Steps(0.5))),
    "clusters": (problem_of(gino(), each=20, k=9), GinoQ(warm=1, averaging=0, aggregation=Aggregation([0, 1, 1, 2, 2, 2]))),
}


@pytest.mark.parametrize("case", CASES)
def test_every_period_is_the_plain_loop(case):
    problem, learner = CASES[case]
    setting = Setting.of(problem, entropy=3)
    world, crowd, memory, hand = (
        world_of(problem),
        new_crowd(problem, setting, 0),
        learner.memory(setting),
        ByHand(learner, problem),
    )
    for t in range(150):
        before = crowd.state.copy()
        learner.learn(world, crowd, memory, setting, t, t + 1)
        hand.period(t, before, crowd.action, crowd.reward, crowd.following)
        assert memory["score"] == pytest.approx(hand.score, rel=1e-9, abs=1e-9)
        assert memory["level"][0] == pytest.approx(hand.price, rel=1e-9, abs=1e-9)
        assert learner.learned(memory) == pytest.approx(hand.mean, rel=1e-9, abs=1e-9)
        assert learner.readings(memory, setting)["price"] == pytest.approx(hand.mean_price, rel=1e-9, abs=1e-9)
    assert hand.price != 0.0 or case == "at most"


def test_the_weights_of_the_mean_rise_with_their_power():
    problem, plain = CASES["average"]
    learner, setting = replace(plain, averaging=3), Setting.of(problem, entropy=3)
    world, crowd, memory = world_of(problem), new_crowd(problem, setting, 0), learner.memory(setting)
    scores = []
    for t in range(200):
        learner.learn(world, crowd, memory, setting, t, t + 1)
        scores.append(memory["score"].copy())
    # the weights of (eta + 1) / (t + 1 + eta) are proportional to (t + 1)(t + 2) ... (t + eta)
    n = np.arange(200.0)
    weight = (n + 1) * (n + 2) * (n + 3)
    assert learner.learned(memory) == pytest.approx(np.average(scores, axis=0, weights=weight), rel=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_cuts_and_environments_change_nothing(case):
    problem, learner = CASES[case]
    setting = Setting.of(problem, entropy=3)
    world, results = world_of(problem), []
    for cuts in ((0, 120), (0, 1, 50, 120)):
        crowd, memory = new_crowd(problem, setting, 0), learner.memory(setting)
        for first, last in pairwise(cuts):
            learner.learn(world, crowd, memory, setting, first, last)
        results.append(memory)
    crowd, memory = new_crowd(problem, setting, 0), learner.memory(setting)
    for t in range(120):  # as an outside environment would go about it
        learner.act(crowd, memory, setting, t)
        move(world, crowd, t)
        learner.absorb(crowd, memory, setting, t)
        settle(crowd)
    results.append(memory)
    for other in results[1:]:
        assert all(np.array_equal(other[name], values) for name, values in results[0].items())


EXACT = {
    "circulant": problem_of(circulant()),
    "restart": problem_of(restart()),
    "restart, at most": problem_of(restart(), exactly=False),
}


def errors(learner, problem, world=None):
    """Largest error of the learned index, one per seed."""
    training = train(learner, world or problem, steps=10_000, seeds=10, rng=0, evaluation=None)
    return np.abs(training.index - gain_index(problem).values).max(axis=(1, 2))


@pytest.mark.parametrize("name", EXACT)
def test_the_exact_gain_index_is_learned(name):
    assert errors(GinoQ(), EXACT[name]).max() < 0.05


@pytest.mark.parametrize("name", ["circulant", "restart"])
def test_learning_from_exchanged_actions_fails(name):
    problem = EXACT[name]
    arms = problem.arms
    exchanged = Arms(arms.transitions[:, ::-1], arms.rewards[:, ::-1], multiplicity=arms.multiplicity)
    assert errors(GinoQ(), problem, Problem(exchanged, problem.budget, problem.criterion)).min() > 0.3


def test_with_a_discount_the_index_is_that_at_the_price_of_the_long_run():
    # every arm starts where the long run would put it, so that both prices are the same
    arms = cohort(restart(), each=100)
    shares = train(GinoQ(), Problem(arms, TopK(20, exactly=True), Discounted(0.9)), steps=10_000, rng=0, evaluation=None)
    visits = shares.memories[0]["visits"][0].sum(axis=1)
    start = visits / visits.sum()
    problem = Problem(arms, TopK(20, exactly=True), Discounted(0.9), start=start / start.sum())
    training = train(GinoQ(), problem, steps=20_000, seeds=3, rng=0, evaluation=None)
    assert np.abs(training.index - gain_index(problem).values).max() < 0.05


def test_the_price_moves_per_arm_and_in_units_of_the_rewards():
    # the flipped arm, where the price is -2 at first sight of nothing: ten and a hundred arms take as many periods to near it
    paths = {}
    for arms, scale in ((10, 1.0), (100, 1.0), (1000, 1.0), (100, 1000.0)):
        moves, rewards = flipped()
        problem = problem_of((moves, scale * rewards), each=arms, k=7 * arms // 10)
        training = train(GinoQ(), problem, steps=5_000, seeds=4, rng=0, evaluation=None)
        paths[arms, scale] = training.diagnostics["price"].mean(axis=0) / scale
    assert paths[100, 1000.0] == pytest.approx(paths[100, 1.0], rel=1e-6)
    for arms in (10, 1000):
        assert np.abs(paths[arms, 1.0][5:] - paths[100, 1.0][5:]).max() < 0.5
    assert np.abs(paths[100, 1.0][-1] + 2.0) < 0.3


def test_it_learns_under_the_budget_in_an_environment():
    problem = problem_of(restart(), each=50, k=10)  # the environment checks the budget of every period
    training = train(GinoQ(exploration=EpsilonGreedy(0.3, floor=0.1)), NumpyWorld(problem), steps=3_000, rng=1)
    assert np.abs(training.index[0] - gain_index(problem).values).max() < 0.1
    assert training.curves.scores is None


def test_confidence_bounds_explore_as_well():
    assert errors(GinoQ(exploration=UpperConfidence(1.0, floor=0.2)), EXACT["restart"]).max() < 0.05


def test_decoupled_learning_finds_the_price_as_well():
    learner = GinoQ(exploration=EpsilonGreedy(0.05, decay=np.inf))
    training = train(learner, EXACT["restart"], steps=10_000, seeds=3, rng=0, decoupled=True, evaluation=None)
    assert np.abs(training.index - gain_index(EXACT["restart"]).values).max() < 0.1


def test_more_than_two_actions_are_refused():
    three = Arms(np.full((3, 2, 2), 0.5), np.zeros((3, 2)), multiplicity=[5])
    with pytest.raises(ModelError, match=r"two actions, these arms have 3; use MAIQL or LPQL"):
        train(GinoQ(), Problem(three, TopK(1), Average()), steps=10)

"""MAIQL: the Whittle index with two actions, the index of exact value iteration with three, and what is refused."""

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from scipy.stats import spearmanr

from rmab._kernels.crowd import move, settle
from rmab.errors import ModelError
from rmab.index.whittle import whittle_index
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.exploration import EpsilonGreedy, Softmax
from rmab.learn.learner import Setting
from rmab.learn.tabular.aggregation import Aggregation
from rmab.learn.tabular.maiql import MAIQL
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem


def circulant():
    up = np.roll(np.eye(4), 1, axis=1)
    return Arms([(np.eye(4) + up.T) / 2, (np.eye(4) + up) / 2], [[-1, 0, 0, 1]] * 2, [100])


def restart():
    wait = 0.1 * np.eye(5)[np.zeros(5, dtype=int)] + 0.9 * np.eye(5)[np.minimum(np.arange(5) + 1, 4)]
    return Arms([wait, np.eye(5)[np.zeros(5, dtype=int)]], [0.9 ** np.arange(1, 6), np.zeros(5)], [100])


def mentoring(n_states):
    moves = np.zeros((2, n_states, n_states))
    for action, up in enumerate((0.3, 0.7)):
        for s in range(n_states):
            moves[action, s, min(s + 1, n_states - 1)] += up
            moves[action, s, max(s - 1, 0)] += 1 - up
    return Arms(moves, [np.sqrt(np.arange(1, n_states + 1) / n_states)] * 2, [100])


def pushed_up(seed=1):
    """Two types whose actions push them up, each with less effect per unit of cost than the one before."""
    rng = np.random.default_rng(seed)
    base, rewards = rng.dirichlet(np.ones(3), size=(2, 3)), np.sort(rng.random((2, 3)), axis=1)
    up = np.eye(3)[[1, 2, 2]]
    moves = np.stack([base, 0.6 * base + 0.4 * up, 0.35 * base + 0.65 * up], axis=1)
    return Arms(moves, np.repeat(rewards[:, np.newaxis], 3, axis=1), [30, 30])


def learned(learner, problem, cuts, seed=0):
    setting = Setting.of(problem)
    learner.check(setting)
    world, crowd, memory = world_of(problem), new_crowd(problem, setting, seed), learner.memory(setting)
    for first, last in pairwise(cuts):
        learner.learn(world, crowd, memory, setting, first, last)
    return memory, setting


def exact_index(arms, beta, costs):
    """The charge at which neighbouring actions tie in their state, (K, A - 1, S), by bisection on value iteration."""
    n_types, n_actions, n_states = arms.rewards.shape
    low, high = np.full((n_types, n_actions - 1, n_states), -5.0), np.full((n_types, n_actions - 1, n_states), 5.0)
    action, state = np.divmod(np.arange((n_actions - 1) * n_states), n_states)
    for _ in range(30):
        middle = (low + high) / 2
        charges = middle.reshape(n_types, 1, 1, -1)
        q = np.zeros((n_types, n_actions, n_states, charges.shape[-1]))
        for _ in range(300):
            ahead = np.einsum("kast,ktl->kasl", arms.transitions, q.max(axis=1))
            q = arms.rewards[..., np.newaxis] - np.asarray(costs)[:, np.newaxis, np.newaxis] * charges + beta * ahead
        lane = np.arange(len(action))
        above = (q[:, action + 1, state, lane] > q[:, action, state, lane]).reshape(middle.shape)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2


@pytest.mark.parametrize("make", [circulant, restart])
@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
def test_two_actions_are_the_whittle_index(make, criterion):
    arms = make()
    memory, setting = learned(MAIQL(), Problem(arms, TopK(20, exactly=True), criterion), [0, 40_000])
    index = MAIQL().policy(memory, setting).index[:, 0]
    assert np.abs(index - whittle_index(arms, criterion).values).max() < 0.05
    assert np.array_equal(index, memory["score"])


def test_arms_with_their_actions_exchanged_are_told_apart():
    arms = circulant()
    other = Arms(arms.transitions[:, ::-1], arms.rewards[:, ::-1], [100])
    memory, _ = learned(MAIQL(), Problem(other, TopK(20, exactly=True), Average()), [0, 5_000])
    assert np.abs(memory["score"] - whittle_index(arms, Average()).values).max() > 0.5


@pytest.mark.parametrize("costs", [None, [0, 1, 1.75]])
def test_three_actions_tie_where_value_iteration_says(costs):
    arms = pushed_up()
    exact = exact_index(arms, 0.9, [0, 1, 2] if costs is None else costs)
    assert np.ptp(exact) > 0.15
    learner = MAIQL(costs)
    memory, setting = learned(learner, Problem(arms, TopK(20), Discounted(0.9)), [0, 40_000])
    assert np.abs(learner.policy(memory, setting).index - exact).max() < 0.03


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
def test_cuts_change_nothing(criterion):
    problem, learner = Problem(pushed_up(), TopK(20), criterion), MAIQL([0, 1, 2.5])
    (whole, _), (cut, _) = (learned(learner, problem, cuts) for cuts in ([0, 2100], [0, 1, 999, 1024, 2100]))
    for name, values in whole.items():
        assert np.array_equal(values, cut[name]), name


def test_seeds_differ():
    problem = Problem(pushed_up(), TopK(20), Average())
    assert not np.array_equal(learned(MAIQL(), problem, [0, 50])[0]["q"], learned(MAIQL(), problem, [0, 50], seed=1)[0]["q"])


@pytest.mark.parametrize("costs", [None, [0, 1.5, np.pi]])
def test_the_budget_is_kept_while_learning_and_an_outside_environment_teaches_the_same(costs):
    problem, learner = Problem(pushed_up(), TopK(20), Average()), MAIQL(costs, exploration=EpsilonGreedy(0.5, decay=inf))
    setting = Setting.of(problem)
    world, crowd, memory = world_of(problem), new_crowd(problem, setting, 0), learner.memory(setting)
    price = np.array([0, 1, 2] if costs is None else costs)
    most = 0.0
    for step in range(300):
        learner.act(crowd, memory, setting, step)
        spent = price[crowd.action].sum()
        assert spent <= 20 + 1e-9
        most = max(most, spent)
        move(world, crowd, step)
        learner.absorb(crowd, memory, setting, step)
        settle(crowd)
    assert most > 18
    inside, _ = learned(learner, problem, [0, 300])
    for name, values in inside.items():
        assert np.array_equal(values, memory[name]), name


def test_exploration_is_even_and_tries_all_that_is_affordable():
    problem, learner = Problem(pushed_up(), TopK(3), Average()), MAIQL(exploration=EpsilonGreedy(1.0, decay=inf))
    setting = Setting.of(problem)
    crowd, memory = new_crowd(problem, setting, 0), learner.memory(setting)
    acted, steps = np.zeros((60, 3)), 6000
    for step in range(steps):
        learner.act(crowd, memory, setting, step)
        acted[np.arange(60), crowd.action] += 1
        assert crowd.action.sum() == 3
    # the first arm takes 1 or 2; two are left: 1 and then 1, or 2; or one is left, which is taken: 2.25 arms in the mean
    assert acted[:, 1:].sum() / steps == pytest.approx(2.25, abs=0.03)
    share = acted[:, 1:].sum(axis=1) / steps
    assert np.abs(share - 2.25 / 60).max() < 5 * np.sqrt(2.25 / 60 / steps)


def test_clusters_share_the_index_of_the_arm_of_clusters():
    # all actions at random: states are visited alike, so that an arm of clusters has the mean of their laws
    arms = mentoring(40)
    problem, exact = Problem(arms, TopK(50), Discounted(0.95)), whittle_index(arms, Discounted(0.95)).values[0]
    errors, ranks = [], []
    for count in (4, 8, 10, 20):
        groups = Aggregation.uniform(40, count)
        share = groups.features.T * count / 40
        limit = Arms(share @ arms.transitions[0] @ groups.features, arms.rewards[0] @ share.T)
        biased = groups.expand(whittle_index(limit, Discounted(0.95)).values)[0]
        learner = MAIQL(aggregation=groups, exploration=EpsilonGreedy(1.0, decay=inf))
        memory, setting = learned(learner, problem, [0, 20_000])
        assert np.abs(learner.policy(memory, setting).index[0, 0] - biased).max() < 0.05
        errors.append(np.abs(biased - exact).max())
        ranks.append(spearmanr(biased, exact).statistic)
    # the bias falls with the number of clusters, and the order gets better
    assert (np.diff(errors) < 0).all() and errors[-1] < errors[0] / 2
    assert ranks[-1] > 0.9 > 0.7 > ranks[0]


def test_an_index_that_runs_away_is_reported():
    # acting always earns more, whatever it is charged up to the limit
    arms = Arms(np.full((2, 2, 2), 0.5), [[0.0, 1.0], [0.5, 1.5]], [10])
    learner = MAIQL(limit=0.1)
    problem = Problem(arms, TopK(5), Average())
    memory, setting = learned(learner, problem, [0, 3000])
    assert "type 0, action 1, state 0 has reached the limit" in learner.alarms(memory, setting)[0]
    memory, setting = learned(MAIQL(), problem, [0, 3000])
    assert MAIQL().alarms(memory, setting) == () and MAIQL().alarms(learner.memory(setting), setting) == ()


def test_readings_are_finite_numbers():
    memory, setting = learned(MAIQL(), Problem(pushed_up(), TopK(20), Average()), [0, 200])
    assert all(np.isfinite(value) for value in MAIQL().readings(memory, setting).values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"costs": [0, 2, 1]}, "action 2 costs no more"),
        ({"exploration": Softmax(0.1)}, "EpsilonGreedy"),
        ({"table": 0.1}, "table must be Steps"),
        ({"index": 0.1}, "index must be Steps"),
        ({"limit": 0.0}, "limit"),
        ({"patience": 0}, "patience"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ModelError, match=message):
        MAIQL(**options)


def test_what_does_not_fit_is_refused():
    problem = Problem(pushed_up(), TopK(20), Average())
    with pytest.raises(ModelError, match="3 costs"):
        MAIQL([0, 1]).check(Setting.of(problem))
    with pytest.raises(ModelError, match="keeps the budget"):
        MAIQL().check(Setting.of(problem, decoupled=True))
    with pytest.raises(ModelError, match="used exactly"):
        MAIQL().check(Setting.of(Problem(problem.arms, TopK(20, exactly=True), Average())))
    with pytest.raises(ModelError, match="arms have 3"):
        MAIQL(aggregation=Aggregation([0, 0])).memory(Setting.of(problem))

"""LPQL: values at every charge against value iteration, earnings against the linear program with these costs."""

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from scipy.optimize import linprog

from rmab._kernels.crowd import move, settle
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.exploration import EpsilonGreedy, UpperConfidence
from rmab.learn.learner import Setting
from rmab.learn.tabular.aggregation import Aggregation
from rmab.learn.tabular.lpql import LPQL
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem
from rmab.policies.baselines import Uniform
from rmab.policies.charged_values import ChargedValuePolicy
from rmab.simulation.run import simulate

GRID = np.linspace(0.0, 1.0, 6)


def circulant():
    up = np.roll(np.eye(4), 1, axis=1)
    return Arms([(np.eye(4) + up.T) / 2, (np.eye(4) + up) / 2], [[-1, 0, 0, 1]] * 2, [100])


def restart():
    wait = 0.1 * np.eye(5)[np.zeros(5, dtype=int)] + 0.9 * np.eye(5)[np.minimum(np.arange(5) + 1, 4)]
    return Arms([wait, np.eye(5)[np.zeros(5, dtype=int)]], [0.9 ** np.arange(1, 6), np.zeros(5)], [100])


def repairs():
    """Three types that wear out, a repair that often works, and an overhaul that costs more and works better."""
    n_states, moves = 4, np.zeros((3, 3, 4, 4))
    for k, wear in enumerate((0.2, 0.3, 0.5)):
        worn = (1 - wear) * np.eye(n_states) + wear * np.eye(n_states)[[1, 2, 3, 3]]
        fixed = np.eye(n_states)[np.zeros(n_states, dtype=int)]
        for a, works in enumerate((0.0, 0.45, 0.85)):
            moves[k, a] = works * fixed + (1 - works) * worn
    rewards = np.array([1.0, 0.8, 0.4, 0.0]) * np.array([1.0, 1.5, 2.0])[:, np.newaxis]
    return Arms(moves, np.repeat(rewards[:, np.newaxis], 3, axis=1), [40, 30, 30])


def learned(learner, problem, cuts, seed=0):
    setting = Setting.of(problem)
    learner.check(setting)
    world, crowd, memory = world_of(problem), new_crowd(problem, setting, seed), learner.memory(setting)
    for first, last in pairwise(cuts):
        learner.learn(world, crowd, memory, setting, first, last)
    return memory, setting


def values_at(problem, costs, charges):
    """Discounted values (K, A, S, L) at each charge, by value iteration."""
    arms, beta = problem.arms, problem.criterion.beta
    paid = arms.rewards[..., np.newaxis] - np.asarray(costs, dtype=float)[:, np.newaxis, np.newaxis] * charges
    q = np.zeros_like(paid)
    for _ in range(400):
        q = paid + beta * np.einsum("kast,ktl->kasl", arms.transitions, q.max(axis=1))
    return q


def linear_program(problem, costs):
    """The most that the arms earn per period if the ``costs`` need to be paid in the mean only: a bound on all policies."""
    arms, beta = problem.arms, problem.criterion.beta
    n_types, n_actions, n_states = arms.rewards.shape
    copies = arms.multiplicity[:, np.newaxis, np.newaxis]
    flow = np.zeros((n_types, n_states, n_types, n_actions, n_states))
    for k in range(n_types):
        for a in range(n_actions):
            flow[k, :, k, a, :] = np.eye(n_states) - beta * arms.transitions[k, a].T
    spent = np.broadcast_to(np.asarray(costs, dtype=float)[:, np.newaxis], (n_actions, n_states)) * copies
    program = linprog(
        -(arms.rewards * copies).ravel(),
        A_ub=spent.reshape(1, -1),
        b_ub=[problem.budget.k],
        A_eq=flow.reshape(n_types * n_states, -1),
        b_eq=(1 - beta) * problem.start_distribution.ravel(),
    )
    return -program.fun


def advantages(q):
    return q - q[:, :1]


@pytest.mark.parametrize("make", [circulant, restart])
def test_two_actions_have_the_exact_advantage_at_every_charge(make):
    problem = Problem(make(), TopK(20), Discounted(0.9))
    memory, _ = learned(LPQL(GRID), problem, [0, 40_000])
    q, exact = memory["q"].transpose(0, 2, 1, 3), values_at(problem, [0, 1], GRID)
    assert np.abs(advantages(q) - advantages(exact)).max() < 0.05
    at = memory["lane"][0]
    assert memory["level"][0] == GRID[at]
    assert np.allclose(memory["score"], advantages(q)[:, 1, :, at] + GRID[at])


@pytest.mark.parametrize("costs", [[0, 1, 2], [0, 1, 1.75]])
def test_three_actions_at_every_charge_and_what_they_earn(costs):
    problem, charges = Problem(repairs(), TopK(15), Discounted(0.9)), np.linspace(0.0, 3.0, 16)
    learner = LPQL(charges, costs)
    memory, setting = learned(learner, problem, [0, 20_000])
    q, exact = memory["q"].transpose(0, 2, 1, 3), values_at(problem, costs, charges)
    # values of next states differ by up to 8 and some cells see 1,500 visits: a standard error of 0.1 there, less elsewhere
    off = np.abs(advantages(q) - advantages(exact))
    assert np.sqrt((off**2).mean()) < 0.1 and off.max() < 0.5
    policy = learner.policy(memory, setting)
    run = {"steps": 150, "replicates": 30, "rng": 1}
    reward, random = simulate(problem, policy, **run), simulate(problem, Uniform(), **run)
    best = simulate(problem, ChargedValuePolicy(exact, charges, costs), **run)
    bound = linear_program(problem, costs)
    loose = lagrangian_bound(problem).value
    assert bound < 0.99 * loose  # which takes every action to cost 1
    assert (reward.mean - random.mean) / (bound - random.mean) > 0.85
    assert reward.mean > best.mean - 0.01 * (bound - random.mean) - (best.interval[1] - best.mean)
    assert reward.interval[0] < bound * 1.01 and best.interval[0] < bound * 1.01


def test_the_charge_of_the_present_period_is_added_back():
    """Tables as they are price this period twice and leave budget unspent."""
    problem, charges = Problem(repairs(), TopK(15), Discounted(0.9)), np.linspace(0.0, 3.0, 16)
    exact = values_at(problem, [0, 1, 2], charges)
    policy, states = ChargedValuePolicy(exact, charges), np.tile([0, 0, 1, 1], 25)
    actions = policy.actions(problem, states, rng=np.random.default_rng(0))
    at = np.flatnonzero(charges == policy.charge(problem, states))[0]
    priced = exact[problem.arms.type_of_arm, :, states, at].argmax(axis=1)
    assert actions.sum() == 15 > priced.sum()


@pytest.mark.parametrize("costs", [[0, 1, 2], [0, 1.5, np.pi]])
def test_the_budget_is_kept_while_learning_and_an_outside_environment_teaches_the_same(costs):
    problem = Problem(repairs(), TopK(15), Discounted(0.9))
    learner = LPQL(GRID, costs, exploration=EpsilonGreedy(0.5, decay=inf))
    setting = Setting.of(problem)
    world, crowd, memory = world_of(problem), new_crowd(problem, setting, 0), learner.memory(setting)
    most = 0.0
    for step in range(300):
        learner.act(crowd, memory, setting, step)
        spent = np.array(costs)[crowd.action].sum()
        assert spent <= 15 + 1e-9
        most = max(most, spent)
        move(world, crowd, step)
        learner.absorb(crowd, memory, setting, step)
        settle(crowd)
    assert most > 13
    inside, _ = learned(learner, problem, [0, 300])
    for name, values in inside.items():
        assert np.array_equal(values, memory[name]), name


def test_greedy_periods_act_as_the_policy_does():
    problem, learner = Problem(repairs(), TopK(15), Discounted(0.9)), LPQL(GRID, exploration=EpsilonGreedy(0.0, floor=0.0))
    memory, setting = learned(learner, problem, [0, 400])
    crowd, policy = new_crowd(problem, setting, 3), learner.policy(memory, setting)
    unpriced = memory["q"].transpose(0, 2, 1, 3) + GRID * np.arange(3.0)[:, np.newaxis, np.newaxis]
    rng = np.random.default_rng(0)
    for step in range(50):
        crowd.state[:] = rng.integers(0, 4, size=100)
        crowd.counts[:] = np.bincount(problem.arms.type_of_arm * 4 + crowd.state, minlength=12)
        learner.act(crowd, memory, setting, step)
        states = crowd.state.astype(np.int64)
        worth = unpriced[problem.arms.type_of_arm, :, states, memory["lane"][0]]
        expected = policy.actions(problem, states, rng=rng)
        assert memory["level"][0] == policy.charge(problem, states)
        totals = [worth[np.arange(100), chosen].sum() for chosen in (crowd.action, expected)]
        assert totals[0] == pytest.approx(totals[1], abs=1e-9)


def test_cuts_change_nothing():
    problem, learner = Problem(repairs(), TopK(15), Discounted(0.9)), LPQL(GRID, aggregation=Aggregation([0, 1, 1, 2]))
    (whole, setting), (cut, _) = (learned(learner, problem, cuts) for cuts in ([0, 2100], [0, 1, 999, 1024, 2100]))
    for name, values in whole.items():
        assert np.array_equal(values, cut[name]), name
    values = learner.policy(whole, setting).values
    assert np.array_equal(values[:, :, 1], values[:, :, 2]) and not np.array_equal(values[:, :, 0], values[:, :, 1])


def test_a_budget_used_exactly_may_have_a_negative_charge():
    arms = Arms(np.full((2, 2, 2), 0.5), [[0.0, 1.0], [-0.5, 0.5]], [10])
    learner = LPQL(np.linspace(-1.0, 1.0, 9))
    memory, _ = learned(learner, Problem(arms, TopK(8, exactly=True), Discounted(0.9)), [0, 2000])
    assert memory["level"][0] == -0.5
    with pytest.raises(ModelError, match="start at 0"):
        learner.check(Setting.of(Problem(arms, TopK(8), Discounted(0.9))))


def test_a_grid_that_ends_too_low_is_reported():
    problem = Problem(repairs(), TopK(5), Discounted(0.9))
    memory, setting = learned(LPQL([0.0, 0.05, 0.1]), problem, [0, 2000])
    assert "highest of the grid, 0.1" in LPQL([0.0, 0.05, 0.1]).alarms(memory, setting)[0]
    memory, setting = learned(LPQL(np.linspace(0, 10, 11)), problem, [0, 2000])
    assert LPQL(np.linspace(0, 10, 11)).alarms(memory, setting) == ()
    assert all(np.isfinite(value) for value in LPQL(np.linspace(0, 10, 11)).readings(memory, setting).values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"charges": [1.0, 0.5]}, "each above the last"),
        ({"charges": "abc"}, "charges"),
        ({"charges": GRID, "costs": [0, 0.5]}, "action 1 costs 0.5"),
        ({"charges": GRID, "exploration": UpperConfidence()}, "EpsilonGreedy"),
        ({"charges": GRID, "table": 1}, "table must be Steps"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ModelError, match=message):
        LPQL(**options)


def test_what_does_not_fit_is_refused():
    problem = Problem(repairs(), TopK(15), Discounted(0.9))
    with pytest.raises(ModelError, match="use MAIQL"):
        LPQL(GRID).check(Setting.of(Problem(problem.arms, TopK(15), Average())))
    with pytest.raises(ModelError, match="keeps the budget"):
        LPQL(GRID).check(Setting.of(problem, decoupled=True))
    with pytest.raises(ModelError, match="3 costs"):
        LPQL(GRID, [0, 1]).check(Setting.of(problem))
    with pytest.raises(ModelError, match="used exactly"):
        LPQL(GRID).check(Setting.of(Problem(problem.arms, TopK(15, exactly=True), Discounted(0.9))))

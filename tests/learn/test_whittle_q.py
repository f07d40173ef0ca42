"""Whittle Q-learning: one period against a loop from the formulas, exact indices, the root alarm, the safeguards."""

from math import inf

import numpy as np
import pytest

import rmab
from rmab import Arms, Average, Discounted, Problem, TopK
from rmab._kernels.crowd import move, settle
from rmab.errors import ModelError
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.exploration import EpsilonGreedy
from rmab.learn.learner import Setting
from rmab.learn.steps import Steps
from rmab.learn.tabular.aggregation import Aggregation
from rmab.learn.tabular.whittle_q import SEVERAL_ROOTS, WhittleQ

BUDGETS = {"circulant-v1": 0.2, "restart-v1": 0.2, "mentoring-v1": 0.1, "flipped-v1": 0.7, "gino-v1": 0.7}
EXACT = {
    ("circulant-v1", 1.0): (-0.5, 0.5, 1.0, -1.0),
    ("circulant-v1", 0.9): (-0.45, 0.45, 0.891089, -0.891089),
    ("restart-v1", 1.0): (-0.9, -0.729, -0.50949, -0.258787, 0.0098926),
    ("restart-v1", 0.9): (-0.9, -0.7371, -0.537346, -0.318825, -0.093914),
}


def problem(name, beta=1.0, arms=100):
    one = rmab.scenario(name).arms
    criterion = Average() if beta == 1.0 else Discounted(beta)
    return Problem(Arms(one.transitions, one.rewards, [arms]), TopK(round(BUDGETS[name] * arms), exactly=True), criterion)


def learned(learner, given, seed, *marks):
    """Memory and setting after the last of the marks, learned in chunks that end at the marks."""
    setting = Setting.of(given, entropy=5)
    learner.check(setting)
    world, crowd, memory = world_of(given), new_crowd(given, setting, seed), learner.memory(setting)
    for first, last in zip((0, *marks[:-1]), marks, strict=True):
        learner.learn(world, crowd, memory, setting, first, last)
    return memory, setting


def two_types(beta):
    random = np.random.default_rng(3)
    arms = Arms(random.dirichlet(np.ones(4), (2, 2, 4)), random.normal(size=(2, 2, 4)), [9, 6])
    return Problem(arms, TopK(5), Average() if beta == 1.0 else Discounted(beta))


def one_period_by_loops(learner, crowd, memory, setting):
    """The formulas of the module docstring, entry by entry; returns q, charge, index, score."""
    q, charge = memory["q"].copy(), memory["charge"].copy()
    index, moves, visits = memory["index"].copy(), memory["moves"], memory["visits"]
    states = setting.n_states
    span = crowd.earned[2] - crowd.earned[1]
    score = np.empty((setting.n_types, states))
    for k in range(setting.n_types):
        alpha = learner.table.scale / (1 + visits[k] / learner.table.horizon) ** learner.table.power
        for i in range(setting.first_arm[k], setting.first_arm[k + 1]):
            s, a, t = crowd.state[i], crowd.action[i], crowd.following[i]
            for lane in range(2 * states):
                mean = q[k, :, :, lane].mean() if setting.beta == 1.0 else 0.0
                aim = crowd.reward[i] - (charge[k, lane] if a == 1 else 0.0) + setting.beta * q[k, t, :, lane].max() - mean
                q[k, s, a, lane] += alpha[s, a] * (aim - q[k, s, a, lane])
        for z in range(states):
            if (visits[k, z] > memory["mark"][k, z]).all():
                b = learner.charge.scale / (1 + moves[k, z] / learner.charge.horizon) ** learner.charge.power
                for end, lane in enumerate((z, states + z)):
                    y = charge[k, lane] + b * (q[k, z, 1, lane] - q[k, z, 0, lane])
                    charge[k, lane] = np.clip(y, -learner.clip * span, learner.clip * span)
                    weight = (1 + learner.averaging) / (moves[k, z] + 1 + learner.averaging)
                    index[k, end, z] += weight * (charge[k, lane] - index[k, end, z])
                score[k, z] = index[k, :, z].mean()
            else:
                score[k, z] = index[k, :, z].mean() if moves[k, z] else learner.spread * span
    return q, charge, index, score


@pytest.mark.parametrize("beta", [1.0, 0.8])
def test_a_period_is_what_the_formulas_say(beta):
    given, learner, random = two_types(beta), WhittleQ(clip=1.0, warm=0), np.random.default_rng(0)
    setting = Setting.of(given)
    crowd, memory = new_crowd(given, setting, 0), learner.memory(setting)
    for name in ("q", "charge", "index"):
        memory[name][...] = random.normal(size=memory[name].shape)
    memory["moves"][...] = random.integers(0, 50, memory["moves"].shape)
    memory["visits"][...] = random.integers(2, 900, memory["visits"].shape)
    memory["mark"][...] = memory["visits"] - random.integers(0, 2, memory["visits"].shape)
    memory["mark"][0, 1], memory["moves"][0, 1] = memory["visits"][0, 1], 0
    if beta == 1.0:
        memory["offset"][...] = memory["q"].mean(axis=(1, 2))
    crowd.action[...] = random.integers(0, 2, 15)
    crowd.reward[...] = random.normal(size=15)
    crowd.following[...] = random.integers(0, 4, 15)
    crowd.earned[1:] = -1.0, 0.5
    expected = one_period_by_loops(learner, crowd, memory, setting)
    learner.absorb(crowd, memory, setting, 7)
    for name, values in zip(("q", "charge", "index", "score"), expected, strict=True):
        np.testing.assert_allclose(memory[name], values, atol=1e-12, err_msg=name)


def test_chunks_make_no_difference():
    given, learner = problem("restart-v1"), WhittleQ()
    whole, _ = learned(learner, given, 2, 3_000)
    for cut in (1, 20, 1_025, 2_999):
        parts, _ = learned(learner, given, 2, cut, 3_000)
        for name, values in whole.items():
            np.testing.assert_array_equal(parts[name], values, err_msg=name)


def test_absorbing_from_outside_is_learning_in_the_simulator():
    given, learner = two_types(0.9), WhittleQ()
    inside, setting = learned(learner, given, 1, 60)
    setting = Setting.of(given, entropy=5)
    world, crowd, memory = world_of(given), new_crowd(given, setting, 1), learner.memory(setting)
    for step in range(60):
        learner.act(crowd, memory, setting, step)
        move(world, crowd, step)
        learner.absorb(crowd, memory, setting, step)
        settle(crowd)
    for name, values in inside.items():
        np.testing.assert_array_equal(memory[name], values, err_msg=name)


@pytest.mark.parametrize(("name", "beta"), EXACT)
def test_the_index_is_found_in_ten_thousand_periods(name, beta):
    for seed in range(3):
        memory, setting = learned(WhittleQ(), problem(name, beta), seed, 10_000)
        assert np.abs(memory["score"] - EXACT[name, beta]).max() < 0.05
        assert WhittleQ().alarms(memory, setting) == ()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "beta"), EXACT)
def test_the_index_is_found_more_closely_in_forty_thousand(name, beta):
    for seed in range(10):
        given = problem(name, beta)
        early, _ = learned(WhittleQ(), given, seed, 10_000)
        late, setting = learned(WhittleQ(), given, seed, 40_000)
        assert np.abs(early["score"] - EXACT[name, beta]).max() < 0.05
        assert np.abs(late["score"] - EXACT[name, beta]).max() < 0.02
        assert WhittleQ().alarms(late, setting) == ()


@pytest.mark.parametrize("name", ["circulant-v1", "restart-v1"])
def test_a_learner_that_is_told_shuffled_actions_fails(name):
    given, learner, random = problem(name), WhittleQ(), np.random.default_rng(0)
    setting = Setting.of(given)
    world, crowd, memory = world_of(given), new_crowd(given, setting, 0), learner.memory(setting)
    for step in range(4_000):
        learner.act(crowd, memory, setting, step)
        move(world, crowd, step)
        random.shuffle(crowd.action)
        learner.absorb(crowd, memory, setting, step)
        settle(crowd)
    assert np.abs(memory["score"] - EXACT[name, 1.0]).max() > 0.3


def test_constant_steps_stay_near_the_index():
    learner = WhittleQ(table=Steps(0.005), charge=Steps(0.01))
    for seed in range(2):
        memory, _ = learned(learner, problem("restart-v1"), seed, 10_000)
        assert np.abs(memory["score"] - EXACT["restart-v1", 1.0]).max() < 0.05
    assert not np.array_equal(memory["index"][0, 0], memory["charge"][0, :5])


def test_one_end_without_a_mean_is_the_plain_algorithm():
    learner = WhittleQ(both_ends=False, averaging=inf)
    memory, setting = learned(learner, problem("restart-v1"), 0, 10_000)
    assert memory["q"].shape == (1, 5, 2, 5)
    np.testing.assert_array_equal(memory["score"], memory["charge"])
    assert np.abs(memory["score"] - EXACT["restart-v1", 1.0]).max() < 0.1
    assert learner.alarms(memory, setting) == ()


@pytest.mark.parametrize("seed", range(4))
def test_the_alarm_rings_where_the_arm_is_not_indexable(seed):
    learner, given = WhittleQ(), problem("flipped-v1")
    memory, setting = learned(learner, given, seed, 10_000)
    (sentence,) = learner.alarms(memory, setting)
    assert sentence.startswith("type 0, state 0: ")
    assert sorted(memory["index"][0, :, 0]) == pytest.approx([-4.0, 2.0], abs=0.6)
    assert learner.readings(memory, setting)["apart"] > 5.0


def test_where_the_alarm_rings_the_policy_fails():
    learner, given = WhittleQ(), problem("flipped-v1")
    memory, setting = learned(learner, given, 0, 10_000)
    earned = rmab.simulate(given, learner.policy(memory, setting), steps=1_200, burn_in=200, replicates=4, rng=1).mean
    random = rmab.simulate(given, rmab.Uniform(), steps=1_200, burn_in=200, replicates=4, rng=1).mean
    assert (earned - random) / (rmab.lagrangian_bound(given).value - random) < 0.3


@pytest.mark.slow
def test_the_alarm_rings_on_every_seed_there():
    for seed in range(20):
        memory, setting = learned(WhittleQ(), problem("flipped-v1"), seed, 10_000)
        assert len(WhittleQ().alarms(memory, setting)) == 1


@pytest.mark.parametrize("name", ["circulant-v1", "restart-v1", "mentoring-v1", "gino-v1"])
def test_the_alarm_is_silent_where_one_root_is_crossed(name):
    memory, setting = learned(WhittleQ(), problem(name), 1, 10_000)
    assert not [text for text in WhittleQ().alarms(memory, setting) if SEVERAL_ROOTS in text]


def test_a_state_that_is_left_at_once_and_for_good_is_said_not_to_be_learned():
    p = [[[0.9, 0.1, 0], [0.5, 0.5, 0], [0.3, 0.3, 0.4]], [[0.4, 0.6, 0], [0.1, 0.9, 0], [0.3, 0.3, 0.4]]]
    given = rmab.Problem(rmab.Arms(p, [[0, 1, 5], [0, 1, 9]], multiplicity=[50]), rmab.TopK(10), rmab.Average())
    memory, setting = learned(WhittleQ(), given, 0, 10_000)
    (sentence,) = WhittleQ().alarms(memory, setting)
    assert sentence.startswith("type 0, state 2: ") and "have not met in" in sentence


def test_what_waits_for_a_first_action_is_said_not_to_be_learned():
    given = rmab.Problem(problem("restart-v1").arms, rmab.TopK(0), rmab.Average(), start=0)
    memory, setting = learned(WhittleQ(), given, 0, 2_000)
    assert len(WhittleQ().alarms(memory, setting)) == (memory["visits"].any(axis=2)).sum() > 0


def test_the_two_ends_meet_sooner_than_the_root():
    memory, setting = learned(WhittleQ(), problem("circulant-v1"), 0, 10_000)
    apart = WhittleQ().readings(memory, setting)["apart"]
    assert apart < 0.01 * np.abs(memory["score"] - EXACT["circulant-v1", 1.0]).max()


def test_with_a_discount_no_mean_is_subtracted():
    arms = Arms(np.full((2, 2, 2), 0.5), np.ones((2, 2)), [20])
    learner = WhittleQ(table=Steps(0.5), both_ends=False)
    memory, _ = learned(learner, Problem(arms, TopK(10, exactly=True), Discounted(0.5)), 0, 500)
    assert (memory["offset"] == 0).all()
    np.testing.assert_allclose(memory["q"], 2.0, atol=1e-6)


def test_waiting_is_not_charged():
    given, learner = two_types(1.0), WhittleQ(warm=10)
    setting = Setting.of(given)
    crowd, memory = new_crowd(given, setting, 0), learner.memory(setting)
    memory["charge"][...] = np.arange(8)
    crowd.reward[...] = 1.0
    learner.absorb(crowd, memory, setting, 1)
    assert (memory["q"][..., 0, :] == memory["q"][..., 0, :1]).all() and memory["q"].any()


def test_charges_wait_until_both_actions_were_taken():
    given = problem("restart-v1")
    idle = Problem(given.arms, TopK(0), Average())
    memory, _ = learned(WhittleQ(), idle, 0, 500)
    assert not memory["moves"].any() and (memory["score"] == memory["span"]).all()
    np.testing.assert_array_equal(np.abs(memory["charge"]), memory["charge"][0, -1])


def test_charges_stay_within_the_clip():
    arms = Arms(np.full((2, 2, 2), 0.5), [[0.0, 0.0], [1.0, 3.0]], [20])
    learner = WhittleQ(clip=0.4, spread=0.4, averaging=inf)
    memory, _ = learned(learner, Problem(arms, TopK(10, exactly=True), Average()), 0, 2_000)
    np.testing.assert_allclose(memory["score"], [[1.0, 1.2]], atol=0.05)


def test_clusters_share_a_charge():
    learner = WhittleQ(aggregation=Aggregation([0, 1, 1, 2]))
    memory, _ = learned(learner, problem("circulant-v1"), 0, 2_000)
    assert memory["q"].shape == (1, 3, 2, 6)
    assert memory["score"][0, 1] == memory["score"][0, 2] != memory["score"][0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": 0.1}, "table must be Steps"),
        ({"charge": "fast"}, "charge must be Steps"),
        ({"averaging": 0}, "averaging must be a finite number above 0"),
        ({"both_ends": 1}, "both_ends must be True or False"),
        ({"warm": -1}, "warm"),
        ({"clip": 0.5}, "the clip 0.5 must be at least the spread"),
        ({"exploration": "greedy"}, "exploration must be"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ModelError, match=message):
        WhittleQ(**options)


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match="leave decoupled out"):
        WhittleQ().check(Setting.of(problem("restart-v1"), decoupled=True))
    three = Problem(Arms(np.full((3, 2, 2), 0.5), np.zeros((3, 2)), [4]), TopK(1), Average())
    with pytest.raises(ModelError, match="two actions"):
        WhittleQ(exploration=EpsilonGreedy(0.2)).check(Setting.of(three))

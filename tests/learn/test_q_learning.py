"""Q-learning in rounds: sweeps against a loop written from the formulas, exact indices, safeguards, and what diverges."""

from math import inf

import numpy as np
import pytest

import rmab
from rmab import Arms, Average, Discounted, Problem, TopK
from rmab._kernels.crowd import move, settle
from rmab._kernels.q_rounds import sweep
from rmab.errors import ModelError
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.exploration import EpsilonSoftmax, Softmax, UpperConfidence
from rmab.learn.learner import Setting
from rmab.learn.steps import Steps
from rmab.learn.tabular.charged_error import charged_error, charged_value
from rmab.learn.tabular.generalised_speedy import GeneralisedSpeedy
from rmab.learn.tabular.phased import Phased
from rmab.learn.tabular.plain_sweeps import PlainSweeps
from rmab.learn.tabular.q_learning import QLearningIndex
from rmab.learn.tabular.speedy import FORGETTING, HARMONIC, Speedy

BETA = 0.9
# J. Nino-Mora's arm of three states, of which no state is left for sure
NINO = Arms(
    [
        [[0.3629, 0.5028, 0.1343], [0.0823, 0.7534, 0.1643], [0.2460, 0.0294, 0.7246]],
        [[0.1719, 0.1749, 0.6532], [0.0547, 0.9317, 0.0136], [0.1547, 0.6271, 0.2182]],
    ],
    [[0.0, 0.0, 0.0], [0.44138, 0.8033, 0.14257]],
)
EXACT = {
    "circulant-v1": (-0.45, 0.45, 0.891089, -0.891089),
    "restart-v1": (-0.9, -0.7371, -0.537346, -0.318825, -0.093914),
    "nino": (0.183129, 0.8033, 0.571305),
}
RULES = [PlainSweeps(), Speedy(FORGETTING), GeneralisedSpeedy(steps=FORGETTING), Phased(20)]


def problem(name, arms=100):
    one = NINO if name == "nino" else rmab.scenario(name).arms
    return Problem(Arms(one.transitions, one.rewards, [arms]), TopK(arms // 5, exactly=True), Discounted(BETA))


def started(learner, given, seed=0):
    setting = Setting.of(given, entropy=5)
    learner.check(setting)
    return world_of(given), new_crowd(given, setting, seed), learner.memory(setting), setting


def learned(learner, given, seed, *marks):
    world, crowd, memory, setting = started(learner, given, seed)
    for first, last in zip((0, *marks[:-1]), marks, strict=True):
        learner.learn(world, crowd, memory, setting, first, last)
    return memory, setting


def sweep_by_loops(arrivals, paid, charge, beta, step, momentum, weight, q, before):
    """One sweep, entry by entry, from the formulas of the rules."""
    new = q.copy()
    for s, a, lane in np.ndindex(q.shape):
        if arrivals[s, a].sum() == 0:
            continue
        law = arrivals[s, a] / arrivals[s, a].sum()
        reward = paid[s, a] / arrivals[s, a].sum() - a * charge[lane]
        now, then = (
            weight * (reward + beta * law @ table[:, :, lane].max(axis=1)) + (1 - weight) * table[s, :, lane].max()
            for table in (q, before)
        )
        here = q[s, a, lane]
        new[s, a, lane] = here + step * (then - here) + (1 - step) * (now - then) if momentum else here + step * (now - here)
    return new


@pytest.mark.parametrize(("momentum", "weight", "step"), [(0.0, 1.0, 0.3), (1.0, 1.0, 0.3), (1.0, 1.2, 0.3), (0.0, 1.0, 1.0)])
def test_a_sweep_is_what_the_formulas_say(momentum, weight, step):
    random = np.random.default_rng(1)
    q, before, charge = random.normal(size=(4, 2, 5)), random.normal(size=(4, 2, 5)), random.normal(size=5)
    arrivals, paid = random.integers(0, 4, (4, 2, 4)), random.normal(size=(4, 2))
    arrivals[2, 1] = 0
    expected, was = sweep_by_loops(arrivals, paid, charge, BETA, step, momentum, weight, q, before), q.copy()
    sweep(arrivals, paid, charge, BETA, step, momentum, weight, q, before, np.zeros((4, 2)))
    np.testing.assert_allclose(q, expected, atol=1e-12)
    sampled = arrivals.sum(axis=2) > 0
    np.testing.assert_array_equal(before[sampled], was[sampled])


def learn_by_loops(learner, world, crowd, setting, periods):
    """Rounds, gate and charges for one type, in plain Python; the crowd acts on what this finds."""
    size, rule = setting.n_states, learner.rule.sweep
    memory = learner.memory(setting)
    q, before, charge = np.zeros((size, 2, size)), np.zeros((size, 2, size)), np.zeros(size)
    fresh, used, mark = {}, {}, np.zeros((size, 2))
    visits, moves, sweeps, waited = np.zeros((size, 2)), np.zeros(size), 0, 0
    for t in range(periods):
        learner.act(crowd, memory, setting, t)
        move(world, crowd, t)
        for s, a, r, after in zip(crowd.state, crowd.action, crowd.reward, crowd.following, strict=True):
            fresh.setdefault((s, a), []).append((r, after))
            visits[s, a] += 1
        waited += 1
        settle(crowd)
        short = [c for c in zip(*visits.nonzero(), strict=True) if len(fresh.get(c, [])) < rule.samples]
        if short and waited < learner.patience:
            continue
        for cell in [c for c, found in fresh.items() if len(found) >= rule.samples or c not in used]:
            used[cell] = fresh.pop(cell)
        arrivals, paid, waited = np.zeros((size, 2, size)), np.zeros((size, 2)), 0
        for cell, found in used.items():
            paid[cell] = sum(r for r, _ in found)
            for _, after in found:
                arrivals[cell][after] += 1
        new = sweep_by_loops(arrivals, paid, charge, setting.beta, rule.steps.at(sweeps), rule.momentum, rule.weight, q, before)
        q, before, sweeps = new, np.where((arrivals.sum(axis=2) > 0)[:, :, np.newaxis], q, before), sweeps + 1
        for z in range(size):
            if sweeps % learner.inner == 0 and (visits[z] > mark[z]).all():
                mark[z] = visits[z]
                charge[z] += learner.charge.at(moves[z]) * (q[z, 1, z] - q[z, 0, z])
                moves[z] += 1
        span = crowd.reward.max() - crowd.reward.min() if not moves.any() else 0.0
        memory["score"][0] = np.where(moves > 0, charge, span)
    return q, charge, sweeps


@pytest.mark.parametrize("rule", [PlainSweeps(Steps(0.3)), Speedy(FORGETTING), Phased(3)])
def test_rounds_are_what_the_formulas_say(rule):
    given = problem("nino", 30)
    learner = QLearningIndex(rule, inner=2, patience=4, averaging=inf, charge=Steps(0.1))
    world, crowd, _, setting = started(learner, given)
    # what has not moved is worth the range of rewards, which the loop does not follow: all states are to move at once
    memory, _ = learned(learner, given, 0, 60)
    q, charge, sweeps = learn_by_loops(learner, world, crowd, setting, 60)
    assert memory["sweeps"][0] == sweeps > 10
    np.testing.assert_allclose(memory["q"][0], q, atol=1e-10)
    np.testing.assert_allclose(memory["charge"][0], charge, atol=1e-10)


@pytest.mark.parametrize("rule", RULES)
def test_chunks_make_no_difference_also_within_a_round(rule):
    learner, given = QLearningIndex(rule, exploration=UpperConfidence(0.1)), problem("restart-v1", 10)
    whole, _ = learned(learner, given, 2, 400)
    for cut in (1, 7, 399):
        parts, _ = learned(learner, given, 2, cut, 400)
        for name, values in whole.items():
            np.testing.assert_array_equal(parts[name], values, err_msg=name)


def test_absorbing_from_outside_is_learning_in_the_simulator():
    learner, given = QLearningIndex(exploration=UpperConfidence(0.3)), problem("restart-v1", 10)
    inside, _ = learned(learner, given, 1, 60)
    world, crowd, memory, setting = started(learner, given, 1)
    for step in range(60):
        learner.act(crowd, memory, setting, step)
        move(world, crowd, step)
        learner.absorb(crowd, memory, setting, step)
        settle(crowd)
    for name, values in inside.items():
        np.testing.assert_array_equal(memory[name], values, err_msg=name)


def test_samples_that_are_thrown_away_stop_the_learning():
    learner, given = QLearningIndex(Phased(200), patience=1_000), problem("restart-v1", 10)
    kept, _ = learned(learner, given, 0, 2_000)
    world, crowd, memory, setting = started(learner, given)
    for first in range(0, 2_000, 50):
        learner.learn(world, crowd, memory, setting, first, first + 50)
        for name in ("arrivals", "paid", "waited"):
            memory[name][...] = 0
    assert kept["sweeps"][0] > 0 == memory["sweeps"][0]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ["circulant-v1", "restart-v1"])
def test_the_index_is_found(rule, name):
    for seed in range(3):
        memory, _ = learned(QLearningIndex(rule), problem(name), seed, 10_000)
        assert np.abs(memory["score"] - EXACT[name]).max() < (0.07 if isinstance(rule, Phased) else 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", EXACT)
def test_the_index_is_found_with_many_seeds(rule, name):
    errors = []
    for seed in range(10):
        memory, _ = learned(QLearningIndex(rule), problem(name), seed, 40_000)
        errors.append(np.abs(memory["score"] - EXACT[name]).max())
    assert max(errors) < (0.07 if isinstance(rule, Phased) else 0.025)


@pytest.mark.parametrize("exploration", [Softmax(0.5), EpsilonSoftmax(0.5, start=0.5), UpperConfidence(1.0)])
def test_every_exploration_finds_the_order(exploration):
    memory, _ = learned(QLearningIndex(exploration=exploration), problem("restart-v1"), 0, 10_000)
    assert np.abs(memory["score"] - EXACT["restart-v1"]).max() < 0.2


@pytest.mark.parametrize("width", [1.0, 100.0])
def test_starving_states_keep_finite_charges(width):
    learner = QLearningIndex(exploration=UpperConfidence(width, floor=0.0), clip=2.0)
    memory, _ = learned(learner, problem("restart-v1"), 0, 10_000)
    assert np.isfinite(memory["q"]).all() and np.abs(memory["charge"]).max() <= 2.0 * memory["span"][0]
    assert np.abs(memory["score"] - EXACT["restart-v1"]).max() < 1.0


def test_charges_wait_until_both_actions_were_taken():
    given = problem("restart-v1")
    memory, _ = learned(QLearningIndex(), Problem(given.arms, TopK(0), Discounted(BETA)), 0, 300)
    assert not memory["moves"].any() and not memory["charge"].any() and memory["sweeps"][0] == 300


def test_waiting_is_not_charged():
    q, charge = np.zeros((3, 2, 4)), np.array([0.0, 1.0, 2.0, 3.0])
    sweep(np.ones((3, 2, 3), dtype=np.int64), np.ones((3, 2)), charge, BETA, 1.0, 0.0, 1.0, q, q.copy(), np.zeros((3, 2)))
    np.testing.assert_allclose(q[:, 0], 1 / 3)
    np.testing.assert_allclose(q[:, 1], np.broadcast_to(1 / 3 - charge, (3, 4)))


def test_a_weight_that_is_not_safe_is_cut_and_told():
    learner = QLearningIndex(GeneralisedSpeedy(1.5, FORGETTING))
    for name, weight in (("circulant-v1", 2 / 1.9), ("restart-v1", 1.0)):
        memory, setting = learned(learner, problem(name), 0, 300)
        assert memory["weight"][0] == pytest.approx(weight)
        (sentence,) = learner.alarms(memory, setting)
        assert "the weight 1.5 is above" in sentence and sentence.startswith("type 0")
    widest = QLearningIndex(GeneralisedSpeedy(steps=FORGETTING))
    assert widest.alarms(*learned(widest, problem("circulant-v1"), 0, 300)) == ()


def speedy_by_arm(momentum, weight, samples):
    """A thousand synchronous sweeps of the circulant arm at the charge 0.2, with the kernel and no cut of the weight."""
    arm, random = rmab.scenario("circulant-v1").arms, np.random.default_rng(0)
    q, before = np.zeros((4, 2, 1)), np.zeros((4, 2, 1))
    paid = np.ascontiguousarray(arm.rewards[0].T)
    for k in range(samples):
        arrivals = random.multinomial(1, arm.transitions[0].swapaxes(0, 1))
        sweep(arrivals, paid, np.array([0.2]), BETA, 1 / (1 + k), momentum, weight, q, before, np.zeros((4, 2)))
    return np.abs(q).max()


def test_too_large_a_weight_diverges():
    assert speedy_by_arm(1.0, 1.0, 1_000) < 20
    assert speedy_by_arm(1.0, 1.82, 1_000) > 1e6


def test_a_previous_value_per_entry_goes_astray_and_rounds_do_not():
    """The shortcut: one entry at a time, its own value before its last update standing for the previous table."""
    random, moves = np.random.default_rng(1), NINO.transitions[0]
    q, before, times, s = np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((3, 2)), 0
    for _ in range(20_000):
        a = random.integers(2)
        t = random.choice(3, p=moves[a, s])
        times[s, a] += 1
        step, reward = 1 / (1 + times[s, a]), NINO.rewards[0, a, s]
        now, then = (reward + BETA * table[t].max() for table in (q, before))
        here = q[s, a]
        q[s, a] += step * (then - here) + (1 - step) * (now - then)
        before[s, a] = here
        s = t
    exact = charged_value(NINO, BETA, 0.0)[0]
    assert np.abs(q.max(axis=1) - exact).max() > 100 * exact.max()
    assert charged_error(NINO, Discounted(BETA), Speedy(), samples=2_000, rng=0).errors[-1, 0] < 0.2


def test_speedy_is_best_per_sample_at_a_fixed_charge():
    arms, criterion = rmab.scenario("restart-v1").arms, Discounted(BETA)
    rules = {"harmonic": PlainSweeps(HARMONIC), "plain": PlainSweeps(Steps(0.1)), "speedy": Speedy(), "phased": Phased(20)}
    error = {
        name: np.mean([charged_error(arms, criterion, rule, charge=0.2, rng=seed).errors[-1, 0] for seed in range(3)])
        for name, rule in rules.items()
    }
    assert error["speedy"] < min(error["plain"], error["phased"]) < error["harmonic"] / 5
    assert error["harmonic"] > 1.5


def test_the_comparison_reports_samples_and_cuts():
    arms = Arms(np.concatenate([NINO.transitions] * 2), np.concatenate([NINO.rewards] * 2))
    found = charged_error(arms, Discounted(BETA), Phased(20), samples=200, rng=1)
    assert found.samples.tolist() == list(range(0, 201, 20)) and found.errors.shape == (11, 2)
    assert found.status == "the rule as it is" and (found.weight == 1).all()
    cut = charged_error(arms, Discounted(BETA), GeneralisedSpeedy(3.0), samples=20, rng=1)
    assert "cut to what is safe (first: type 0, to 1.0" in str(cut)


def test_the_value_at_a_charge_solves_bellmans_equation():
    random = np.random.default_rng(0)
    arms = Arms(random.dirichlet(np.ones(6), (5, 2, 6)), random.normal(size=(5, 2, 6)))
    values = charged_value(arms, 0.97, 0.3)
    ahead = arms.rewards - np.array([0.0, 0.3])[:, np.newaxis] + 0.97 * np.einsum("kast,kt->kas", arms.transitions, values)
    np.testing.assert_allclose(ahead.max(axis=1), values, atol=1e-10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QLearningIndex("speedy"), "rule must be PlainSweeps"),
        (lambda: QLearningIndex(inner=0), "inner"),
        (lambda: QLearningIndex(fading=1.5), "fading must be a number from 0 to 1"),
        (lambda: QLearningIndex(charge=0.1), "charge must be Steps"),
        (lambda: GeneralisedSpeedy(0.9), "the weight must be a number from 1 on"),
        (lambda: Phased(0), "samples"),
        (lambda: Speedy(0.1), "steps must be Steps"),
        (lambda: charged_error("NINO", Discounted(0.9), Speedy()), "needs Arms, got str"),
        (lambda: charged_error(NINO, Average(), Speedy()), "needs two actions and Discounted"),
        (lambda: charged_error(NINO, Discounted(0.9), Phased(20), samples=10), "samples"),
        (lambda: charged_error(NINO, Discounted(0.9), Speedy(), charge=inf), "the charge must be a finite number"),
    ],
)
def test_bad_options_are_named(make, message):
    with pytest.raises(ModelError, match=message):
        make()


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match="use WhittleQ"):
        QLearningIndex().check(Setting.of(Problem(NINO, TopK(1), Average())))
    with pytest.raises(ModelError, match="leave decoupled out"):
        QLearningIndex().check(Setting.of(problem("nino"), decoupled=True))

"""Learners that count and solve, against plain loops, exact solutions, brute force and laws."""

from itertools import pairwise, permutations, product

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import beta as beta_law
from scipy.stats import binom, kstest

from oracles.learning_arms import AGES, PATROLS, circulant, cohort, flipped, gino, mentoring, restart
from rmab._kernels.crowd import move, settle
from rmab._kernels.optimism import best_row, respond_optimistically
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import ModelError, NotConverged
from rmab.index.gain import gain_index
from rmab.learn.change import ChangeDetection
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.exploration import EpsilonGreedy, UpperConfidence
from rmab.learn.learner import Setting
from rmab.learn.tabular.certainty_equivalence import CertaintyEquivalence
from rmab.learn.tabular.prior_counts import PriorCounts
from rmab.learn.tabular.thompson import Thompson, draw_rows
from rmab.learn.tabular.uc_whittle import OptimisticDual, UCWhittle, optimistic_index, radius
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem
from rmab.policies.baselines import Uniform
from rmab.simulation.run import simulate

LEARNERS = (CertaintyEquivalence, Thompson, UCWhittle)
EVERY_FAMILY = (
    CertaintyEquivalence(),
    CertaintyEquivalence(doubling=True, change=ChangeDetection(window=10)),
    Thompson(doubling=True),
    Thompson(change=ChangeDetection()),
    UCWhittle(),
    UCWhittle(exploration=UpperConfidence(0.1), doubling=True),
)


def _problem(arms, k, criterion=None):
    return Problem(arms, TopK(k, exactly=True), criterion or Average())


PROBLEMS = {
    "gino 70": _problem(cohort(gino(), each=100), 70),
    "flipped 70": _problem(cohort(flipped(), each=100), 70),
    "circulant": _problem(cohort(circulant(), each=100), 20),
    "restart": _problem(cohort(restart(), each=100), 20),
    "mentoring": _problem(cohort(mentoring(), each=100), 10),
    "patrol": _problem(cohort(*PATROLS, each=(34, 33, 33)), 30),
    "ages": _problem(cohort(*AGES, each=25), 20),
}


def _begin(problem, learner, seed=0, entropy=7):
    setting = Setting.of(problem, entropy=entropy)
    return world_of(problem), new_crowd(problem, setting, seed), learner.memory(setting), setting


def _taught(problem, learner, steps, seed=0):
    world, crowd, memory, setting = _begin(problem, learner, seed)
    learner.learn(world, crowd, memory, setting, 0, steps)
    return memory, setting


def _same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def _score(problem, policy):
    bound, random = (
        lagrangian_bound(problem).value,
        simulate(problem, Uniform(), steps=1200, replicates=8, rng=1).mean,
    )
    earned = simulate(problem, policy, steps=1200, burn_in=200, replicates=4, rng=2).mean
    return (earned - random) / (bound - random)


@pytest.mark.parametrize("learner", EVERY_FAMILY, ids=repr)
@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
def test_the_cuts_of_a_run_do_not_matter(learner, criterion):
    problem = _problem(cohort(*PATROLS, each=(5, 4, 3)), 4, criterion)
    world, crowd, whole, setting = _begin(problem, learner)
    learner.learn(world, crowd, whole, setting, 0, 200)
    other = new_crowd(problem, setting, 0)
    pieces = learner.memory(setting)
    cuts = [0, *sorted(np.random.default_rng(3).choice(np.arange(1, 200), 20, replace=False)), 200]
    for first, last in pairwise(cuts):
        # what is saved and loaded is the memory alone
        pieces = {name: array.copy() for name, array in pieces.items()}
        learner.learn(world, other, pieces, setting, int(first), int(last))
    _same(pieces, whole)
    np.testing.assert_array_equal(other.state, crowd.state)


@pytest.mark.parametrize("learner", EVERY_FAMILY, ids=repr)
def test_outside_periods_teach_the_same_and_counts_are_those_of_a_plain_loop(learner):
    problem = _problem(cohort(*PATROLS, each=(5, 4, 3)), 4)
    world, crowd, inside, setting = _begin(problem, learner)
    learner.learn(world, crowd, inside, setting, 0, 60)
    outside, crowd = learner.memory(setting), new_crowd(problem, setting, 0)
    counts, paid = np.zeros((3, 2, 6, 6), dtype=np.int64), np.zeros((3, 2, 6))
    start = np.zeros((3, 6), dtype=np.int64)
    kind = np.repeat(np.arange(3), setting.multiplicity)
    np.add.at(start, (kind, crowd.state), 1)
    for step in range(60):
        learner.act(crowd, outside, setting, step)
        assert crowd.action.sum() == 4
        move(world, crowd, step)
        for k, a, s, t, r in zip(kind, crowd.action, crowd.state, crowd.following, crowd.reward, strict=True):
            counts[k, a, s, t] += 1
            paid[k, a, s] += r
        learner.absorb(crowd, outside, setting, step)
        settle(crowd)
    _same(outside, inside)
    assert counts.sum() == 60 * 12
    np.testing.assert_array_equal(inside["start"], start)
    if not learner.watched:
        np.testing.assert_array_equal(inside["counts"], counts)
        np.testing.assert_array_equal(inside["seen"], counts.sum(axis=-1))
        np.testing.assert_allclose(inside["paid"], paid, rtol=1e-14)
        np.testing.assert_array_equal(inside["visits"].swapaxes(1, 2), counts.sum(axis=-1))


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)])
@pytest.mark.parametrize("learner", [CertaintyEquivalence(), Thompson(), UCWhittle()], ids=repr)
def test_with_endless_data_the_index_is_exact(learner, criterion):
    arms = cohort(mentoring(), each=100)
    problem = Problem(arms, TopK(10, exactly=True), criterion)
    setting = Setting.of(problem)
    memory = learner.memory(setting)
    memory["counts"][:] = np.round(1e13 * arms.transitions)
    memory["seen"][:] = 1
    memory["paid"][:] = arms.rewards
    memory["start"][:] = 10
    exact = gain_index(problem)
    found = learner.solve(memory, setting, np.random.default_rng(0))
    # the balls of the optimistic learner are of radius 4e-6 then, and values move by that times the span of the bias
    within = 1e-3 if isinstance(learner, UCWhittle) else 1e-5
    np.testing.assert_allclose(found.values, exact.values, atol=within)
    assert found.price == pytest.approx(exact.price, abs=within)
    np.testing.assert_allclose(learner.policy(memory, setting).values, exact.values, atol=1e-9)


def test_posterior_means_rewards_and_start():
    prior = PriorCounts([[[4.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]], [[2.0, 0.0], [0.0, 5.0]])
    learner = CertaintyEquivalence(1.0, prior=prior)
    setting = Setting(np.array([3]), 2, 2, TopK(1), Average())
    memory = learner.memory(setting)
    memory["counts"][0, 0, 0] = [1, 2]
    memory["seen"][0, 0, 0], memory["paid"][0, 0, 0] = 3, 30.0
    memory["start"][0] = [1, 2]
    problem = learner.estimate(memory, setting)
    np.testing.assert_allclose(problem.arms.transitions[0, 0, 0], [5.5 / 8, 2.5 / 8])
    np.testing.assert_allclose(problem.arms.transitions[0, 0, 1], [0.5, 0.5])
    # (30 + 4 * 2) / 7 is known, 5 is believed, and the best of them is hoped for elsewhere
    np.testing.assert_allclose(problem.arms.rewards[0], [[38 / 7, 38 / 7], [38 / 7, 5.0]])
    np.testing.assert_allclose(problem.start_distribution, [[1 / 3, 2 / 3]])


def test_what_a_type_never_earned_is_hoped_from_other_types():
    setting = Setting(np.array([1, 1]), 2, 2, TopK(1), Average())
    learner = CertaintyEquivalence()
    memory = learner.memory(setting)
    assert not learner.rewards(memory).any()
    memory["seen"][0, 0, 0], memory["paid"][0, 0, 0] = 2, -6.0
    assert (learner.rewards(memory) == -3.0).all()


def test_epochs_grow_geometrically_and_end_when_a_count_doubles():
    problem = PROBLEMS["restart"]
    # an epoch ends after 10, 20, 30, 45, 67, 100, 150, 225, 337, 505 and 757 periods
    for steps, epochs in ((9, 0), (10, 1), (44, 3), (45, 4), (756, 10), (757, 11), (1000, 11)):
        assert _taught(problem, CertaintyEquivalence(growth=0.5, shortest=10), steps)[0]["epochs"][0] == epochs
    doubled = _taught(problem, CertaintyEquivalence(growth=1e6, shortest=10**6, doubling=True), 1000)[0]
    # each of ten rows doubles at most log2(100,000) times, and some more than ten times
    assert 10 <= doubled["epochs"][0] <= 10 * 18


def test_an_epoch_that_cannot_be_solved_keeps_the_last_index():
    class Failing(CertaintyEquivalence):
        def best(self, memory, setting):
            if memory["counts"].sum() > 2000:
                raise NotConverged("no")
            return super().best(memory, setting)

    learner = Failing()
    memory, setting = _taught(PROBLEMS["restart"], learner, 15)
    before = memory["score"].copy()
    memory, setting = _taught(PROBLEMS["restart"], learner, 300)
    kept, _ = _taught(PROBLEMS["restart"], Failing(), 22)
    readings = learner.readings(memory, setting)
    assert readings["unsolved"] == readings["epochs"] - kept["epochs"][0] + kept["unsolved"][0] > 0
    np.testing.assert_array_equal(memory["score"], kept["score"])
    np.testing.assert_array_equal(learner.policy(memory, setting).values, memory["score"])
    assert before.any()


@pytest.mark.parametrize("learner", LEARNERS)
def test_estimates_of_arms_in_several_pieces_do_not_stop_a_run(learner):
    moves = np.array([np.eye(4), np.eye(4)])
    moves[1, 0] = [0.0, 1.0, 0.0, 0.0]
    arms = Arms(moves, [[0.0, 1.0, 2.0, 0.0], [0.5, 0.0, 0.0, 1.0]], multiplicity=[20])
    memory, setting = _taught(_problem(arms, 5), learner(), 500)
    assert np.isfinite(memory["score"]).all()
    assert learner().readings(memory, setting)["epochs"] > 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 0.0}, "the strength must be a finite number above 0"),
        ({"growth": -1.0}, "the growth must be"),
        ({"growth": 1e308}, "the growth must be at most 1e"),
        ({"shortest": 10**30}, "shortest must be at most"),
        ({"shortest": 0}, "shortest must be a whole number, at least 1"),
        ({"doubling": 1}, "doubling must be True or False"),
        ({"exploration": "ucb"}, "exploration must be"),
        ({"prior": 3.0}, "the prior must be PriorCounts"),
    ],
)
@pytest.mark.parametrize("learner", LEARNERS)
def test_bad_options_are_named(learner, options, message):
    with pytest.raises(ModelError, match=message):
        learner(**options)


def test_bad_own_options_are_named():
    with pytest.raises(ModelError, match="change must be ChangeDetection"):
        Thompson(change=True)
    with pytest.raises(ModelError, match="the confidence must lie strictly"):
        UCWhittle(confidence=1.0)
    with pytest.raises(ModelError, match="next state 1 is -1"):
        PriorCounts(-np.eye(2)[[1, 0]] * np.ones((2, 2, 2)), np.zeros((2, 2)))
    with pytest.raises(ModelError, match="rewards \\(K, A, S\\), got"):
        PriorCounts(np.zeros((2, 2, 2)), np.zeros((2, 3)))
    with pytest.raises(ModelError, match="made of Arms, got int"):
        PriorCounts.from_arms(3, 3)
    with pytest.raises(ModelError, match=r"give problem\.arms"):
        PriorCounts.from_arms(PROBLEMS["restart"], 3)
    with pytest.raises(ModelError, match="strength of a prior"):
        PriorCounts.from_arms(PROBLEMS["restart"].arms, 0.0)
    prior = PriorCounts.from_arms(PROBLEMS["restart"].arms, 3.0)
    with pytest.raises(ModelError, match="the prior is of"):
        CertaintyEquivalence(prior=prior).memory(Setting.of(PROBLEMS["circulant"]))


def test_drawn_rows_follow_the_dirichlet_law():
    concentration = np.array([0.02, 0.3, 5.0, 0.02])
    rows = draw_rows(np.broadcast_to(concentration, (40_000, 4)), np.random.default_rng(5))
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-12)
    total = concentration.sum()
    mean = concentration / total
    spread = mean * (1 - mean) / (total + 1)
    assert (np.abs(rows.mean(axis=0) - mean) < 5 * np.sqrt(spread / len(rows))).all()
    for column in (1, 2):
        law = beta_law(concentration[column], total - concentration[column])
        assert kstest(rows[:, column], law.cdf).pvalue > 1e-4
    covariance = -concentration[1] * concentration[2] / (total**2 * (total + 1))
    assert np.cov(rows[:, 1], rows[:, 2])[0, 1] == pytest.approx(covariance, rel=0.05)


def test_thompson_draws_anew_in_every_epoch_and_seed():
    problem = PROBLEMS["mentoring"]
    early, _ = _taught(problem, Thompson(), 10)
    late, _ = _taught(problem, Thompson(), 15)
    other, _ = _taught(problem, Thompson(), 10, seed=1)
    assert not np.array_equal(early["score"], late["score"])
    assert not np.array_equal(early["score"], other["score"])


# --- optimism ---------------------------------------------------------------------------------------------------------------


def test_best_row_is_the_optimum_of_the_linear_program():
    rng = np.random.default_rng(11)
    for _ in range(60):
        size = int(rng.integers(2, 6))
        centre = rng.dirichlet(np.full(size, 0.5))
        bound, values = float(rng.choice([0.0, 0.1, 0.7, 1.5, 2.0])), rng.normal(size=size)
        # p = centre + up - down, up and down at least 0, their sum at most the radius
        eye = np.eye(size)
        limits = np.block([[-eye, eye], [np.ones((1, 2 * size))]])
        best = linprog(
            -np.concatenate([values, -values]),
            A_ub=limits,
            b_ub=[*centre, bound],
            A_eq=np.concatenate([np.ones(size), -np.ones(size)])[np.newaxis],
            b_eq=[0.0],
        )
        row = np.empty(size)
        best_row(centre, bound, np.argsort(values), row)
        assert row.min() >= 0.0
        assert row.sum() == pytest.approx(1.0, abs=1e-12)
        assert np.abs(row - centre).sum() <= bound + 1e-12
        assert row @ values == pytest.approx(centre @ values - best.fun, abs=1e-9)


def _vertices(centre, bound):
    """The best rows for all orders of the states, by the definition of moving mass, without the kernel."""
    found = []
    for order in permutations(range(len(centre))):
        row = centre.copy()
        top = order[-1]
        gained = min(bound / 2, 1 - row[top])
        row[top] += gained
        for t in order[:-1]:
            lost = min(row[t], gained)
            row[t] -= lost
            gained -= lost
        found.append(row)
    return np.unique(np.round(found, 15), axis=0)


def _brute_force(centre, bounds, rewards, price, beta, start):
    """The best value per period over all policies and vertices, each evaluated by a linear system of its own."""
    size = len(start)
    choices = [[(a, row) for a in range(2) for row in _vertices(centre[a, s], bounds[a, s])] for s in range(size)]
    best = -np.inf
    for pick in product(*choices):
        moves = np.array([row for _, row in pick])
        earned = np.array([rewards[a, s] - price * a for s, (a, _) in enumerate(pick)])
        if beta < 1:
            value = (1 - beta) * start @ np.linalg.solve(np.eye(size) - beta * moves, earned)
        else:
            # Cesaro limit by the law of a chain with one recurrent class; others are no better than their best class
            system = np.vstack([np.eye(size) - moves.T, np.ones(size)])
            law, _, rank, _ = np.linalg.lstsq(system, np.append(np.zeros(size), 1.0), rcond=1e-10)
            value = law @ earned if rank == size else -np.inf
        best = max(best, value)
    return best


@pytest.mark.parametrize("beta", [0.8, 1.0])
def test_optimistic_response_equals_brute_force(beta):
    rng = np.random.default_rng(2)
    for _ in range(6):
        centre = rng.dirichlet(np.ones(3), size=(2, 3))
        bounds = rng.choice([0.05, 0.4, 1.2], size=(2, 3))
        rewards, price, start = rng.normal(size=(2, 3)), rng.normal(), rng.dirichlet(np.ones(3))
        bias, gain, value = np.zeros((3, 2)), np.zeros(2), np.zeros((2, 3))
        assert respond_optimistically(centre, bounds, rewards, price, beta, bias, gain, value)
        line = gain + (1 - beta) * start @ bias
        found = line[0] - price * line[1]
        assert found == pytest.approx(_brute_force(centre, bounds, rewards, price, beta, start), abs=1e-8)


def test_without_doubt_the_optimistic_index_is_the_gain_index():
    for name in ("circulant", "mentoring", "patrol"):
        problem = PROBLEMS[name]
        exact = gain_index(problem)
        found = optimistic_index(problem, np.zeros(problem.arms.rewards.shape))
        assert found.bound == pytest.approx(exact.bound, rel=1e-8)
        low, high = exact.price_interval
        assert low - 1e-7 <= found.price <= high + 1e-7


def test_the_optimistic_price_minimises_the_optimistic_dual():
    problem = PROBLEMS["patrol"]
    radii = np.full(problem.arms.rewards.shape, 0.2)
    found = optimistic_index(problem, radii)
    dual = OptimisticDual(problem, radii)
    for price in found.price + np.linspace(-1.0, 1.0, 21):
        tangent = dual.tangent(price)
        assert tangent.at(price) >= found.bound - 1e-7
        assert tangent.at(found.price) <= found.bound + 1e-7
    assert found.bound > lagrangian_bound(problem).value


def test_radii_hold_at_all_times_at_once():
    rng, failure, runs = np.random.default_rng(4), 0.2, 400
    rows, n = np.array([[0.5, 0.5], [0.1, 0.9]]), np.arange(1, 401)
    limits = radius(n.astype(float), len(rows), 2, failure)
    failed = 0
    for _ in range(runs):
        heads = np.cumsum(rng.random((2, len(n))) < rows[:, :1], axis=1)
        distance = 2 * np.abs(heads / n - rows[:, :1])
        failed += bool((distance > limits).any())
    assert failed <= binom.ppf(0.999, runs, failure)
    # radii are no larger than this has to cost
    assert radius(np.array([1e4]), 10, 5, 0.05)[0] < 0.1
    assert radius(np.array([0.0, 1.0]), 10, 5, 0.05).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("steps", [10, 100])
def test_the_optimistic_bound_is_above_the_true_one_as_often_as_promised(steps):
    problem = _problem(cohort(circulant(), each=20), 5)
    truth, learner, runs = lagrangian_bound(problem).value, UCWhittle(confidence=0.9), 40
    above = 0
    for seed in range(runs):
        memory, setting = _taught(problem, learner, steps, seed)
        memory["seen"][:], memory["paid"][:] = 1, problem.arms.rewards
        above += learner.optimum(memory, setting).bound >= truth
    assert above >= binom.ppf(0.001, runs, 0.9)


# --- quality ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("name", ["circulant", "restart", "flipped 70"])
def test_a_thousand_periods_are_enough_for_small_arms(learner, name):
    problem = PROBLEMS[name]
    memory, setting = _taught(problem, learner(), 1000)
    assert _score(problem, learner().policy(memory, setting)) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_scores_after_ten_thousand_periods(learner, name):
    problem = PROBLEMS[name]
    scores = []
    for seed in range(10):
        memory, setting = _taught(problem, learner(), 10_000, seed)
        scores.append(_score(problem, learner().policy(memory, setting)))
    assert np.mean(scores) >= (0.85 if name == "ages" else 0.9)


def _near(arms, error, seed):
    """Arms that reach the same states, with rows within ``error`` of those given in total variation."""
    rows = arms.transitions
    other = np.where(rows > 0, np.random.default_rng(seed).exponential(size=rows.shape), 0.0)
    other /= other.sum(axis=-1, keepdims=True)
    apart = np.abs(other - rows).sum(axis=-1, keepdims=True) / 2
    step = np.minimum(1.0, error / np.maximum(apart, 1e-12))
    return Arms(rows + step * (other - rows), arms.rewards, arms.multiplicity)


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_a_prior_that_is_nearly_right_helps_early_and_does_not_hurt_late(learner):
    early, late = [], []
    for name, seed in product(("mentoring", "ages", "flipped 70"), range(12)):
        problem, row = PROBLEMS[name], []
        for given in (None, PriorCounts.from_arms(_near(problem.arms, 0.1, seed), 10.0)):
            taught = learner(prior=given)
            world, crowd, memory, setting = _begin(problem, taught, seed)
            taught.learn(world, crowd, memory, setting, 0, 100)
            first = _score(problem, taught.policy(memory, setting))
            taught.learn(world, crowd, memory, setting, 100, 3000)
            row.append((first, _score(problem, taught.policy(memory, setting))))
        early.append(row[1][0] - row[0][0])
        late.append(row[1][1] - row[0][1])
    assert np.mean(early) > 0
    assert np.mean(np.reshape(late, (3, 12)), axis=1).min() >= -0.05


def test_a_good_prior_is_acted_on_from_the_first_period():
    problem = PROBLEMS["mentoring"]
    learner = CertaintyEquivalence(prior=PriorCounts.from_arms(problem.arms, 1e6))
    memory = learner.memory(Setting.of(problem))
    # the even prior is worth 1e-7 of the given one
    np.testing.assert_allclose(memory["score"], gain_index(problem).values, atol=1e-4)
    cold, setting = _taught(problem, CertaintyEquivalence(), 30)
    warm, _ = _taught(problem, CertaintyEquivalence(prior=PriorCounts.from_arms(problem.arms, 10.0)), 30)
    assert _score(problem, learner.policy(warm, setting)) > _score(problem, CertaintyEquivalence().policy(cold, setting))


def test_exploration_is_the_callers():
    problem = PROBLEMS["restart"]
    memory, setting = _taught(problem, CertaintyEquivalence(exploration=EpsilonGreedy(1.0, floor=1.0)), 300)
    assert CertaintyEquivalence().readings(memory, setting)["unseen"] == 0

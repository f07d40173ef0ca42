"""The gain index of each period against independent value iteration, and what solve chooses."""

import numpy as np
import pytest

from oracles import learning_arms as named
from oracles.played import drawn, published
from rmab.bound.horizon import horizon_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import InfeasiblePenalty, ModelError
from rmab.index.gain import gain_index
from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.base import PriorityPolicy
from rmab.policies.baselines import Myopic, Uniform
from rmab.policies.constrained_lagrangian import ConstrainedLagrangian
from rmab.policies.feedback_pow import FeedbackPow
from rmab.policies.mean_field import fluid_check
from rmab.policies.priced import priced_policy
from rmab.policies.randomised_pow import RandomisedPow
from rmab.policies.scored import ScoredPolicy
from rmab.policies.solve import solve
from rmab.simulation.run import compare, simulate


def example(criterion, seed=0, budget=None, multiplicity=(40, 60)):
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.ones(4), (2, 2, 4))
    return Problem(Arms(transitions, rng.normal(size=(2, 2, 4)), multiplicity), budget or TopK(20), criterion)


def charged_index(arms, beta, price):
    """The same index by plain value iteration (relative, for beta = 1)."""
    value = np.zeros((arms.n_types, arms.n_states))
    charge = np.array([0.0, price])[:, np.newaxis]
    for _ in range(5_000):
        worth = arms.rewards - charge + beta * np.einsum("kast,kt->kas", arms.transitions, value)
        value = worth.max(axis=1)
        value -= value[:, :1]
    return worth[:, 1] - worth[:, 0] + price


@pytest.mark.parametrize("criterion", [Discounted(0.9), Average()])
@pytest.mark.parametrize("seed", range(4))
def test_priced_index_is_the_advantage_at_the_price(criterion, seed):
    problem = example(criterion, seed)
    beta = criterion.beta if isinstance(criterion, Discounted) else 1.0
    expected = charged_index(problem.arms, beta, lagrangian_bound(problem).price)
    np.testing.assert_allclose(priced_policy(problem).values, expected, atol=1e-9)


def test_priced_index_orders_like_whittle_around_the_price():
    # w(s) - price and the Whittle index - price have one sign, by indexability
    problem = example(Discounted(0.9), 1)
    table = whittle_index(problem.arms, problem.criterion)
    assert table.indexable.all()
    price = lagrangian_bound(problem).price
    gap = priced_policy(problem).values - price
    clear = np.abs(gap) > 1e-9
    np.testing.assert_array_equal((gap > 0)[clear], (table.values > price)[clear])


def test_priced_index_of_a_horizon_by_hand_at_the_end():
    problem = example(Horizon(6), 2)
    values = priced_policy(problem).values
    assert values.shape == (6, 2, 4)
    r, p = problem.arms.rewards, problem.arms.transitions
    np.testing.assert_allclose(values[5], r[:, 1] - r[:, 0])
    last = np.maximum(r[:, 0], r[:, 1] - horizon_bound(problem).prices[5])
    np.testing.assert_allclose(values[4], values[5] + np.einsum("kst,kt->ks", p[:, 1] - p[:, 0], last), atol=1e-12)


@pytest.mark.parametrize("criterion", [Discounted(0.9), Average(), Horizon(15)])
def test_solve_is_close_to_the_bound_and_beats_the_baselines(criterion):
    problem = example(criterion, 3, TopK(200), multiplicity=(400, 600))
    chosen = solve(problem)
    policies = {"solve": chosen, "myopic": Myopic(), "uniform": Uniform()}
    # the start may be better than the long run, so the average needs a burn-in to be below its bound
    length = {"steps": {Discounted: 200, Average: 2_000, Horizon: None}[type(criterion)]}
    length["burn_in"] = 100 if isinstance(criterion, Average) else 0
    table = compare(problem, policies, replicates=30, rng=1, **length)
    assert table.best == "solve"
    rewards, bound = table.outcomes["solve"].rewards, lagrangian_bound(problem).value
    assert rewards.mean() <= bound + 4 * rewards.std(ddof=1) / np.sqrt(30)
    assert rewards.mean() >= bound - 0.03 * abs(bound)


def test_solve_says_why():
    assert "Whittle index" in solve(example(Average())).reason
    assert "15 periods" in solve(example(Horizon(15))).reason


def test_solve_falls_back_where_whittle_does_not_exist():
    rng = np.random.default_rng(0)
    while True:
        arms = Arms(rng.dirichlet(np.full(3, 0.15), (1, 2, 3)), rng.random((1, 2, 3)), multiplicity=[50])
        if not whittle_index(arms, Discounted(0.95)).indexable.all():
            break
    problem = Problem(arms, TopK(10), Discounted(0.95))
    chosen = solve(problem)
    assert chosen.reason.startswith("gain index: 1 of 1 types")
    np.testing.assert_array_equal(chosen.policy.values, gain_index(problem, tie_break="fluid").values)


def test_more_than_two_actions():
    arms = Arms(np.broadcast_to(np.eye(2), (1, 3, 2, 2)), np.zeros((1, 3, 2)))
    problem = Problem(arms, TopK(1), Average())
    for function in (solve, priced_policy):
        with pytest.raises(ModelError, match="two actions, these arms have 3"):
            function(problem)


def crowd(arm, k, each=100):
    return Problem(named.cohort(arm, each=each), TopK(k, exactly=True), Average())


def test_solve_takes_the_gain_index_where_it_reaches_the_bound():
    problem = crowd(named.flipped(), 70)
    chosen = solve(problem)
    assert chosen.reason.startswith("gain index: 1 of 1 types") and "loses" not in chosen.reason
    assert fluid_check(problem, chosen).passed


def test_solve_names_the_alternative_where_no_index_reaches_the_bound():
    assert "loses 42.8% of what choosing well can gain" in solve(crowd(named.flipped(), 20)).reason
    assert "VirtualAdvice" in solve(crowd(named.flipped(), 20)).reason


@pytest.mark.parametrize("k", [30, 50, 70, 90])
def test_solve_reaches_the_bound_on_the_gino_arm(k):
    """Indexable; at one half the order among ties decides."""
    problem = crowd(named.gino(), k)
    chosen = solve(problem)
    assert fluid_check(problem, chosen).passed
    assert "loses" not in chosen.reason or chosen.reason.startswith("gain index")


def test_solve_does_not_look_at_the_limit_of_very_many_types(monkeypatch):
    def too_slow(*arguments, **options):
        raise AssertionError("the fluid limit was looked at")

    monkeypatch.setattr("rmab.policies.solve.fluid_check", too_slow)
    monkeypatch.setattr("rmab.policies.solve.MOST_CHECKED", 10)
    assert solve(example(Average())).reason == "Whittle index: every type is indexable under Average()"


def test_with_penalties_on_average_it_is_feedback_pow():
    problem = published("TP4", scale=5)
    chosen = solve(problem)
    assert isinstance(chosen.policy, FeedbackPow)
    assert "feedback POW: arms keep what they owe while their multipliers are below the cap" in str(chosen)
    assert isinstance(chosen, ScoredPolicy) and not isinstance(chosen, PriorityPolicy)
    assert isinstance(solve(example(Average())), PriorityPolicy)


def test_a_choice_acts_like_its_policy():
    problem = published("TP4", scale=5)
    chosen = solve(problem)
    given = {"steps": 300, "replicates": 2, "rng": 4}
    np.testing.assert_array_equal(simulate(problem, chosen, **given).rewards, simulate(problem, chosen.policy, **given).rewards)
    first, second = np.random.default_rng(1), np.random.default_rng(1)
    states = np.zeros(20, dtype=np.int64)
    for step in range(3):
        acted = chosen.actions(problem, states, step=step, rng=first)
        # the same object keeps the meters, so a fresh policy is asked for the comparison
        if step == 0:
            other = solve(problem).policy
        np.testing.assert_array_equal(acted, other.actions(problem, states, step=step, rng=second))


def test_the_step_and_the_cap_follow_the_scale_of_the_problem():
    """In cents instead of dollars, and with costs in other units: the same policy, the same path."""
    problem = published("TP4", scale=5)
    arms = Arms(problem.arms.transitions, 100.0 * problem.arms.rewards, problem.arms.multiplicity)
    cost = Penalty(7.0 * problem.penalties.cost, 7.0 * problem.penalties.bound)
    scaled = Problem(arms, problem.budget, Average(), cost, problem.start)
    outcomes = [simulate(each, solve(each), steps=500, replicates=2, rng=4) for each in (problem, scaled)]
    np.testing.assert_allclose(100.0 * outcomes[0].mean, outcomes[1].mean, rtol=2e-2)
    np.testing.assert_allclose(7.0 * outcomes[0].violation, outcomes[1].violation, atol=2e-2)


def test_no_cap_binds():
    """A floor that is worth little costs much more than the rewards' range to keep."""
    p = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.99, 0.01]]])
    arms = Arms(p, [[0.0, 1.0], [0.0, 1.0]], multiplicity=[10])
    problem = Problem(arms, TopK(10), Average(), Penalty([[0.0, 0.0], [-0.01, -0.01]], -0.004), start=1)
    chosen = solve(problem)
    assert not chosen.policy.capped.any()


def test_with_penalties_discounted_it_is_randomised_pow_where_arms_are_indexable():
    chosen = solve(published("TP4", criterion=Discounted(0.9)))
    assert isinstance(chosen.policy, RandomisedPow)
    assert "every type acts less at a higher charge" in chosen.reason
    other = solve(published("SR4", criterion=Discounted(0.95)))
    assert isinstance(other.policy, ConstrainedLagrangian)
    assert "type 0 does not act less at a higher charge" in other.reason


def test_with_too_many_penalties_it_is_the_constrained_lagrangian_index():
    chosen = solve(drawn(1, penalties=4))
    assert isinstance(chosen.policy, ConstrainedLagrangian)
    assert "4 penalties are too many" in chosen.reason


def test_without_an_index_at_some_multiplier_it_is_the_constrained_lagrangian_index():
    rng = np.random.default_rng(0)
    while True:
        arms = Arms(rng.dirichlet(np.full(3, 0.15), (1, 2, 3)), rng.random((1, 2, 3)), multiplicity=[50])
        if not whittle_index(arms, Average()).indexable.all():
            break
    chosen = solve(Problem(arms, TopK(10), Average(), Penalty([[0.0] * 3, [1.0] * 3], 0.5)))
    assert isinstance(chosen.policy, ConstrainedLagrangian)
    assert "no index at" in chosen.reason


def test_with_penalties_a_horizon_is_refused():
    with pytest.raises(ModelError, match=r"use Average\(\)"):
        solve(published("TP4", criterion=Horizon(20)))


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9)], ids=repr)
def test_requirements_that_cannot_be_met_are_refused_under_every_criterion(criterion):
    arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    floor = Penalty([[0.0, 0.0], [-1.0, -1.0]], -0.3)
    with pytest.raises(InfeasiblePenalty, match="infeasible together under the budget of at most 2 of 10 arms"):
        solve(Problem(arms, TopK(2), criterion, penalties=floor))

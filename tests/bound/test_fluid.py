"""The fluid bound on problems whose answer is known without it."""

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rmab.bound import program
from rmab.bound.fluid import fluid_bound
from rmab.bound.horizon import horizon_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.errors import NotConverged
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem

PUBLISHED = {
    name: entry
    for name, entry in json.loads((Path(__file__).parents[1] / "data" / "arms.json").read_text()).items()
    if "average_lp_bound_per_arm" in entry
}
# the published value of an arm with several recurrent classes is for the best start: here, anywhere but dropped out
BEST_START = {"dropout3": 1}
BOUNDS = [fluid_bound, lagrangian_bound]


def published_problem(name, exactly):
    entry = PUBLISHED[name]
    share = Fraction(entry["activation_fraction"]).limit_denominator(1000)
    arms = Arms(entry["transitions"], entry["rewards"], multiplicity=[share.denominator])
    return Problem(arms, TopK(share.numerator, exactly=exactly), Average(), start=BEST_START.get(name, 0))


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_values(name, bound):
    """The published programs use every activation."""
    problem = published_problem(name, exactly=True)
    value = bound(problem).value / problem.arms.n_arms
    assert value == pytest.approx(PUBLISHED[name]["average_lp_bound_per_arm"], abs=1e-8)


@pytest.mark.parametrize("bound", BOUNDS)
def test_an_activation_that_only_costs_is_not_used(bound):
    """In ``restart5`` a fifth of the activations is worth less than nothing, so "at most" earns more than "exactly"."""
    at_most, exactly = (bound(published_problem("restart5", sense)) for sense in (False, True))
    assert at_most.value > exactly.value + 1e-3
    assert at_most.price == 0 and exactly.price < 0
    assert at_most.activation[0] < 0.2 and exactly.activation[0] == pytest.approx(0.2)


@pytest.mark.parametrize("bound", BOUNDS)
def test_an_absorbing_start_is_not_talked_away(bound):
    """From the dropped-out state nothing is earned, whatever the best start would earn."""
    arms = Arms(PUBLISHED["dropout3"]["transitions"], PUBLISHED["dropout3"]["rewards"], multiplicity=[5])
    for share, start in ((0.0, [1.0, 0.0, 0.0]), (2 / 3, [1 / 3, 1 / 3, 1 / 3])):
        assert bound(Problem(arms, TopK(1), Average(), start=start)).value == pytest.approx(5 * share, abs=1e-9)


@pytest.mark.parametrize("bound", BOUNDS)
def test_more_than_two_actions_cost_one_unit_each(bound):
    """Arms that stand still: the best of actions 1 and 2 in the best arms."""
    gains = np.array([1.0, 4.0, 2.0])
    rewards = np.zeros((3, 3, 1))
    rewards[:, 1, 0], rewards[:, 2, 0] = gains / 2, gains
    problem = Problem(Arms(np.ones((3, 3, 1, 1)), rewards, multiplicity=[1, 2, 3]), TopK(4), Discounted(0.9))
    result = bound(problem)
    assert result.value == pytest.approx(4 * 2 + 2 * 2)
    assert result.price == pytest.approx(2.0)
    np.testing.assert_allclose(result.activation, [0, 1, 2 / 3], atol=1e-12)


@pytest.mark.parametrize("bound", [*BOUNDS, horizon_bound])
@pytest.mark.parametrize("seed", range(5))
def test_the_price_is_the_slope_of_the_value_in_the_budget(bound, seed, random_problem):
    rng = np.random.default_rng([seed, 1])
    criterion = Horizon(4) if bound is horizon_bound else (Average(), Discounted(0.9))[seed % 2]
    drawn = random_problem(rng, structure=("dense", "blocks")[seed % 2], criterion=criterion, copies=(2, 5))
    for exactly in (False, True):
        for k in range(1, drawn.arms.n_arms):
            less, here, more = (
                bound(Problem(drawn.arms, TopK(k + d, exactly), criterion, start=drawn.start)) for d in (-1, 0, 1)
            )
            assert more.value - here.value <= here.price + 1e-8
            assert here.price <= here.value - less.value + 1e-8


@pytest.mark.parametrize("bound", [*BOUNDS, horizon_bound])
def test_twice_the_arms_and_the_budget_are_worth_twice_as_much(bound, random_problem):
    criterion = Horizon(3) if bound is horizon_bound else Average()
    drawn = random_problem(np.random.default_rng(3), criterion=criterion)
    shares = drawn.start_distribution
    doubled = Arms(drawn.arms.transitions, drawn.arms.rewards, 2 * drawn.arms.multiplicity)
    one = bound(Problem(drawn.arms, TopK(3), criterion, start=shares))
    two = bound(Problem(doubled, TopK(6), criterion, start=shares))
    assert two.value == pytest.approx(2 * one.value, rel=1e-10)
    assert two.price == pytest.approx(one.price, rel=1e-8)


def test_a_horizon_is_passed_on(random_problem):
    problem = random_problem(np.random.default_rng(4), criterion=Horizon(5))
    expected = horizon_bound(problem)
    for bound in BOUNDS:
        assert bound(problem).value == expected.value
        np.testing.assert_array_equal(bound(problem).prices, expected.prices)


def test_a_failing_solver_is_reported_in_its_own_words(monkeypatch, random_problem):
    monkeypatch.setattr(program, "linprog", lambda *_, **__: SimpleNamespace(status=1, message="out of patience"))
    with pytest.raises(NotConverged, match="out of patience"):
        fluid_bound(random_problem(np.random.default_rng(5)))

"""The classes of the program, the order within them, and where priorities reach the bound and where they do not."""

import numpy as np
import pytest

from oracles.lp_cases import drawn, named, run
from rmab.bound.fluid import fluid_bound
from rmab.bound.horizon import horizon_bound
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.lp_priority import LpPriority
from rmab.simulation.run import simulate

CRITERIA = (Average(), Discounted(0.9), Horizon(12))


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_the_budget_is_kept(criterion, exactly, seed):
    problem = drawn(seed, exactly=exactly, criterion=criterion)
    run(problem, LpPriority(problem), 12, seed)


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_classes_follow_the_occupancies_and_come_in_order(criterion, exactly, seed):
    problem = drawn(seed, exactly=exactly, criterion=criterion)
    policy, x = LpPriority(problem), fluid_bound(problem).occupancy
    waits, acts = np.moveaxis(x, -2, 0) > 1e-6
    assert (policy.classes[acts & ~waits] == 2).all()
    assert (policy.classes[acts & waits] == 1).all()
    assert (policy.classes[waits & ~acts] == 0).all()
    tables = zip(np.atleast_3d(policy.classes.T).T, np.atleast_3d(policy.priority.T).T, strict=True)
    for classes, priority in tables:
        for low, high in ((0, 1), (1, 2), (0, 2)):
            if (classes == low).any() and (classes == high).any():
                assert priority[classes == low].max() < priority[classes == high].min()


@pytest.mark.parametrize("name", ["restart5", "mentoring10", "gast20_1"])
def test_on_an_indexable_arm_the_classes_split_the_whittle_order_at_the_price(name):
    # the gain index and the Whittle index lie on the same side of the price
    problem = named(name, 100)
    policy, price = LpPriority(problem), fluid_bound(problem).price
    published = {
        "restart5": [-0.9, -0.729, -0.50949, -0.258787, 0.0098926],
        "mentoring10": [0.450075, 0.766806, 0.866840, 0.900645, 0.915012, 0.925435, 0.935849, 0.937759, 0.459081, 0.053742],
        "gast20_1": [0.7223, 0.3083, 0.1995],
    }
    side = np.sign(np.round(np.array(published[name]) - price, 3))
    np.testing.assert_array_equal(policy.classes[0] - 1, side)


def test_ties_at_the_price_go_by_class():
    # two types that are alike tie everywhere; the program acts on one of them and leaves the other alone
    arms = Arms(np.ones((2, 2, 1, 1)), [[[0.0], [1.0]], [[0.0], [1.0]]], multiplicity=[5, 5])
    policy = LpPriority(Problem(arms, TopK(5), Average()))
    assert sorted(policy.classes[:, 0]) == [0, 2]
    assert policy.priority[policy.classes[:, 0] == 2, 0] > policy.priority[policy.classes[:, 0] == 0, 0]


def test_negative_worth_is_left_alone_under_at_most_only():
    arms = Arms(np.full((2, 2, 2), 0.5), [[0.0, 0.0], [2.0, -1.0]], multiplicity=[6])
    states = np.array([0, 0, 1, 1, 1, 1])
    for exactly, used in ((False, 2), (True, 5)):
        problem = Problem(arms, TopK(5, exactly=exactly), Average())
        acted = LpPriority(problem).actions(problem, states, rng=np.random.default_rng(0))
        assert acted[:2].sum() == 2
        assert acted.sum() == used


def test_reaches_the_bound_where_there_is_an_attractor():
    for name in ("restart5", "mentoring10", "maternal_g1", "circulant4"):
        problem = named(name, 1000)
        outcome = simulate(problem, LpPriority(problem), steps=2_000, replicates=4, burn_in=200, rng=0)
        assert outcome.engine == "counts"
        assert abs(1 - outcome.mean / fluid_bound(problem).value) < 0.01


@pytest.mark.parametrize(("name", "least"), [("flipped", 0.9), ("conveyor_action_gap8", 0.9), ("gast20_2", 0.06)])
def test_stays_away_from_the_bound_where_there_is_none(name, least):
    for n in (100, 1000, 10_000):
        problem = named(name, n)
        outcome = simulate(problem, LpPriority(problem), steps=1_500, replicates=4, burn_in=500, rng=0)
        assert 1 - outcome.mean / fluid_bound(problem).value > least


def test_both_engines_agree():
    problem = drawn(2, exactly=True, copies=(20, 40))
    outcomes = [simulate(problem, LpPriority(problem), steps=300, replicates=40, rng=1, engine=e) for e in ("arms", "counts")]
    widths = [o.rewards.std(ddof=1) / np.sqrt(40) for o in outcomes]
    assert abs(outcomes[0].mean - outcomes[1].mean) < 4 * np.hypot(*widths)


@pytest.mark.parametrize("seed", range(3))
def test_over_a_horizon_it_is_close_to_the_bound_of_the_horizon(seed):
    problem = drawn(seed, exactly=True, criterion=Horizon(12), copies=(900, 1100))
    policy = LpPriority(problem)
    assert policy.priority.shape == (12, 3, 4)
    outcome = simulate(problem, policy, replicates=20, rng=0)
    bound = horizon_bound(problem).value
    assert outcome.mean <= bound + 4 * outcome.rewards.std(ddof=1) / np.sqrt(20)
    assert outcome.mean > bound - 0.02 * abs(bound)


def test_errors():
    problem = drawn(0, exactly=True)
    other = drawn(1, exactly=True)
    with pytest.raises(ModelError, match="made for other arms"):
        LpPriority(problem).rule(other)
    with pytest.raises(ModelError, match="two actions"):
        LpPriority(Problem(Arms(np.ones((1, 3, 1, 1)), np.zeros((1, 3, 1))), TopK(1), Average()))

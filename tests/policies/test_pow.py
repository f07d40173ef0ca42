"""POW and randomised POW: closed forms, what a single arm does at any charge against a linear program, published numbers."""

import numpy as np
import pytest

from oracles.penalty_lp import PenaltyLp
from oracles.played import FLUID, drawn, published, single_arm
from rmab.bound.fluid import fluid_bound
from rmab.errors import CapWarning, ModelError
from rmab.index.penalty import penalty_index
from rmab.index.whittle import whittle_index
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.base import PriorityPolicy
from rmab.policies.pow import Pow
from rmab.policies.randomised_pow import RandomisedPow
from rmab.policies.scored import ScoredPolicy
from rmab.simulation.run import simulate


def test_floors_on_channels_in_closed_form():
    """The level r(x) itself, the cap more for the levels that the floor takes, both at the critical level."""
    problem = published("TP4")
    pays, floors, cap = problem.arms.rewards[:, 1], [0.35, 0.35, 0.05, 0.05], 7.0
    upper, lower = Pow(problem, cap=cap).values, Pow(problem, cap=cap, ties="lower").values
    for k, floor in enumerate(floors):
        above = 0.1 * np.arange(9, -1, -1)  # chance of a better level
        np.testing.assert_allclose(upper[k], pays[k] + cap * (above < floor - 1e-9), atol=1e-6)
        np.testing.assert_allclose(lower[k], pays[k] + cap * (above + 0.1 <= floor + 1e-9), atol=1e-6)


def acting(policy, problem, charge):
    """Chance (K, S) with which an arm's drawn index is at least the charge."""
    rule = policy.rule(problem)
    steps = np.diff(rule.chance, axis=-1, prepend=0.0)
    return (steps * (rule.levels >= charge)).sum(axis=-1)


@pytest.mark.parametrize("criterion", [Average(), Discounted(0.95)])
@pytest.mark.parametrize("variant", ["TP4", "RS4", "RS8"])
def test_a_single_arm_is_the_relaxed_optimum_at_any_charge(variant, criterion):
    problem = published(variant, criterion=criterion)
    policy = RandomisedPow(problem)
    beta = criterion.beta if isinstance(criterion, Discounted) else None
    arms, excess = problem.arms, problem.excess_costs[0]
    for charge in (-1.234, 0.1237, 0.5432, 1.4321):
        reward, acts, owed = single_arm(problem, acting(policy, problem, charge), beta=beta)
        assert owed.max() < 1e-6
        for k in range(arms.n_types):
            start = problem.start_distribution[k]
            oracle = PenaltyLp(arms.transitions[k], arms.rewards[k], excess[k], beta or 1, 10.0, start).solve(charge)
            assert reward[k] - charge * acts[k] == pytest.approx(oracle.value, abs=1e-6)


def test_random_arms_whose_chance_of_acting_falls_with_the_charge():
    """For these the drawn index gives the relaxed optimum at any charge; being indexable does not suffice."""
    kept, failed = 0, 0
    for seed in range(16):
        problem = drawn(seed, types=2, states=5)
        policy = RandomisedPow(problem, cap=100.0)
        for k in range(2):
            arm = problem.arms.transitions[k], problem.arms.rewards[k], problem.excess_costs[0, k]
            oracle, worst = PenaltyLp(*arm, 1, 100.0), 0.0
            paths = policy.index.paths
            begins = paths.charge[paths.first[k] : paths.first[k + 1]]
            for charge in begins[np.isfinite(begins)] + 1e-4:
                reward, acts, owed = single_arm(problem, acting(policy, problem, charge))
                # what the cap leaves owing is paid for
                value = reward[k] - charge * acts[k] - 100.0 * max(owed[0, k], 0.0)
                worst = max(worst, oracle.solve(charge).value - value)
            if policy.monotone[k]:
                assert policy.index.indexable[k]
                assert worst < 1e-6
                kept += 1
            elif policy.index.indexable[k]:
                failed += worst > 1e-6
    assert kept >= 6
    assert failed >= 1


def test_the_index_belongs_to_the_arm():
    """One index serves every budget and scale."""
    small, large = published("TP4"), published("TP4", scale=7, k=2, exactly=False)
    first = Pow(small)
    second = Pow(large, index=first.index)
    np.testing.assert_array_equal(second.values, Pow(large).values)
    assert RandomisedPow(large, index=first.index).rule(large).levels.shape[:2] == (4, 10)
    with pytest.raises(ModelError, match="shape"):
        Pow(published("RS4"), index=first.index)
    with pytest.raises(ModelError, match="shape"):
        first.rule(published("RS4"))


def test_start_matters_to_a_discounted_requirement():
    problem = published("RS4", criterion=Discounted(0.9))
    arms, penalties = problem.arms, problem.penalties
    index = penalty_index(arms, penalties, Discounted(0.9), start=problem.start_distribution)
    np.testing.assert_array_equal(Pow(problem).values, index.upper)
    assert not np.allclose(index.upper, penalty_index(arms, penalties, Discounted(0.9)).upper)


def test_kinds():
    problem = published("TP4")
    assert isinstance(Pow(problem), PriorityPolicy)
    assert isinstance(RandomisedPow(problem), ScoredPolicy)


def test_randomised_pow_meets_two_level_channels_at_scale_200():
    problem = published("TP4", scale=200, levels=2)
    bound = fluid_bound(problem).value
    outcome = simulate(problem, RandomisedPow(problem), steps=4_000, replicates=1, rng=1)
    assert abs(outcome.mean - bound) < 0.005 * bound
    assert outcome.excess.max() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 5, 10, 20, 100])
@pytest.mark.parametrize("variant", ["TP4", "TP6"])
def test_randomised_pow_at_scale_200(variant, levels):
    problem = published(variant, scale=200, levels=levels)
    bound = fluid_bound(problem).value
    # an arm that keeps its floor f by independent draws misses it over T periods by 0.4 sqrt(f (1 - f) / T) on average
    outcome = simulate(problem, RandomisedPow(problem), steps=40_000, replicates=1, rng=1)
    assert abs(outcome.mean - bound) < 0.005 * bound
    assert outcome.mean_violation < 1e-3
    assert outcome.excess.max() < 1e-3


@pytest.mark.parametrize(
    ("variant", "ties", "gap", "violation"),
    [
        ("TP4", "upper", -0.035, 0.005),
        ("TP4", "lower", 0.071, 0.025),
        ("TP4", None, -0.008, 0.003),
        ("TP6", "upper", -0.001, 0.003),
        ("RS4", None, -0.004, 0.0004),
        ("RS8", None, -0.004, 0.0004),
        ("SR4", "upper", -0.050, 0.0),
        ("SR6", "upper", -0.013, 0.0),
    ],
)
def test_measured_before_at_scale_20(variant, ties, gap, violation):
    """Against another implementation of the index and of the simulation."""
    problem = published(variant, scale=20)
    policy = RandomisedPow(problem) if ties is None else Pow(problem, ties=ties)
    bound = fluid_bound(problem).value
    assert bound / 20 == pytest.approx(FLUID[variant], abs=6e-6)
    outcome = simulate(problem, policy, steps=10_000, replicates=4, rng=1)
    assert (outcome.mean - bound) / abs(bound) == pytest.approx(gap, abs=0.003)
    assert outcome.mean_violation == pytest.approx(violation, abs=5e-4)


def test_an_optimum_that_need_not_mix_leaves_nothing_to_tie():
    """Arm 2 of RS4 meets its budget of .1 exactly by acting from age 16 on; an index of discounted means misses that."""
    problem = published("RS4", scale=20)
    bound = fluid_bound(problem).value
    exact, near = Pow(problem), Pow(problem, index=nearly_average(problem))
    assert (exact.index.upper - exact.index.lower).max(axis=1) == pytest.approx([10, 10, 0, 10], abs=1e-6)
    assert (near.index.upper - near.index.lower).max(axis=1) == pytest.approx([10, 10, 10, 10], abs=1e-6)
    for policy, gap, violation in ((exact, 0.0, 0.0011), (near, 0.016, 0.0020)):
        outcome = simulate(problem, policy, steps=10_000, replicates=4, rng=1)
        assert (outcome.mean - bound) / abs(bound) == pytest.approx(gap, abs=0.003)
        assert outcome.mean_violation == pytest.approx(violation, abs=5e-4)


def nearly_average(problem):
    """The index of another implementation, which has no average criterion."""
    return penalty_index(problem.arms, problem.penalties, Discounted(0.9999), start=problem.start)


@pytest.mark.parametrize("policy", [Pow, RandomisedPow])
def test_a_cap_that_binds_is_reported(policy):
    problem = published("RS4", scale=5)
    assert not policy(problem).capped.any()
    with pytest.warns(CapWarning, match=r"2 of 4 types pay the cap of 1 instead of keeping their bounds \(first: type 2\)"):
        assert policy(problem, cap=1.0).capped.tolist() == [False, False, True, True]


def test_without_a_deterministic_optimum_pow_is_not_optimal_in_the_limit():
    """Two levels: the upper tie misses the requirement for good and the lower one too, randomised POW does not."""
    problem = published("TP4", scale=200, levels=2)
    bound = fluid_bound(problem).value
    upper = simulate(problem, Pow(problem), steps=2_000, replicates=2, rng=1)
    assert abs(upper.mean - bound) > 0.05 * bound
    assert upper.excess.max() > 0.05


@pytest.mark.parametrize("policy", [Pow, RandomisedPow])
def test_what_does_not_suit_is_refused(policy):
    problem = drawn(0)
    with pytest.raises(ModelError, match="has no penalties"):
        policy(Problem(problem.arms, TopK(3), Average()))
    with pytest.raises(ModelError, match="needs Average"):
        policy(Problem(problem.arms, TopK(3), Horizon(4), problem.penalties))
    with pytest.raises(ModelError, match="cap"):
        policy(problem, cap=-1.0)
    with pytest.raises(ModelError, match="unknown ties"):
        Pow(problem, ties="middle")


def test_several_penalties():
    for seed in range(40):
        problem = drawn(seed, penalties=2, types=2, states=3, copies=1000)
        policy = RandomisedPow(problem, cap=50.0)
        if policy.monotone.all() and (policy.index.multiplier(fluid_bound(problem).price) > 1e-3).any(axis=1).all():
            break
    bound = fluid_bound(problem)
    outcome = simulate(problem, policy, steps=4_000, replicates=2, rng=1)
    assert policy.monotone.all()
    assert abs(outcome.mean - bound.value) < 0.02 * abs(bound.value)
    assert outcome.excess.max() < 0.02


@pytest.mark.parametrize("policy", [Pow, RandomisedPow])
def test_an_index_of_another_kind_or_for_other_penalties_is_refused(policy):
    problem, other = published("TP4"), published("TP4", levels=10)
    looser = Problem(
        problem.arms, problem.budget, problem.criterion, Penalty(problem.penalties.cost, problem.penalties.bound + 0.1)
    )
    with pytest.raises(ModelError, match="must be the result of penalty_index, got IndexTable"):
        policy(problem, index=whittle_index(problem.arms, problem.criterion))
    with pytest.raises(ModelError, match="for other penalties"):
        policy(looser, index=policy(problem).index)
    with pytest.raises(ModelError, match="for other penalties"):
        policy(problem).rule(looser)
    assert policy(other, index=policy(problem).index).index is not None

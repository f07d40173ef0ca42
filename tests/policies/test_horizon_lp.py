"""The finite-horizon LP policy below the joint optimum below the bound, and close to it with many arms."""

import numpy as np
import pytest

from oracles.lp_cases import drawn, run
from rmab.bound.horizon import horizon_bound
from rmab.bound.joint import joint_optimum
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Horizon
from rmab.models.problem import Problem
from rmab.policies.horizon_lp import HorizonLp, act_in_shares, worth_of_acting
from rmab.policies.lp_priority import LpPriority
from rmab.simulation.run import simulate


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_budget_is_kept(exactly, seed):
    problem = drawn(seed, exactly=exactly, criterion=Horizon(15))
    for run_seed in range(5):
        run(problem, HorizonLp(problem), 15, run_seed)


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_policy_below_optimum_below_bound(exactly, seed):
    problem = drawn(seed, exactly=exactly, criterion=Horizon(5), copies=(1, 2), types=2, states=3, share=0.5)
    optimum, bound = joint_optimum(problem).value, horizon_bound(problem).value
    outcome = simulate(problem, HorizonLp(problem), replicates=4_000, rng=seed)
    error = outcome.rewards.std(ddof=1) / np.sqrt(4_000)
    assert optimum <= bound + 1e-9
    assert outcome.mean <= optimum + 4 * error
    # with a few arms the plan is still a good one: most of what the optimum gains over doing nothing clever
    plain = simulate(problem, LpPriority(problem), replicates=4_000, rng=seed)
    assert outcome.mean > plain.mean - 0.15 * abs(bound) - 4 * error


@pytest.mark.parametrize("exactly", [True, False])
def test_the_gap_vanishes_with_the_number_of_arms(exactly):
    gaps = []
    for copies in (10, 4_000):
        problem = drawn(3, exactly=exactly, criterion=Horizon(12), copies=(copies, copies))
        outcome = simulate(problem, HorizonLp(problem), replicates=400 if copies == 10 else 12, rng=0)
        gaps.append((horizon_bound(problem).value - outcome.mean) / problem.arms.n_arms)
    assert -1e-3 < gaps[1] < 0.004
    assert gaps[1] < 0.3 * gaps[0]


def test_several_neutral_cells_share_as_planned():
    # two types, alike: nothing separates them, so the plan may split either way; what matters is that its split is kept
    arms = drawn(5, exactly=True).arms
    twin = Arms(arms.transitions[[0, 0]], arms.rewards[[0, 0]], [2_000, 2_000])
    problem = Problem(twin, TopK(1_200, exactly=True), Horizon(10))
    policy = HorizonLp(problem)
    acted = np.zeros((10, 2, 4))

    def watch(t, states, actions):
        np.add.at(acted[t], (twin.type_of_arm[actions == 1], states[actions == 1]), 1)

    run(problem, policy, 10, 0, watch=watch)
    planned = horizon_bound(problem).occupancy[:, :, 1] * 2_000
    assert np.abs(acted - planned).max() < 6 * np.sqrt(2_000)


def slow_fit(quota, counts, advantage, worth, budget):
    """One activation at a time."""
    quota = quota.copy()
    while quota.sum() > budget.k:
        quota[min((c for c in range(len(quota)) if quota[c] > 0), key=lambda c: advantage[c])] -= 1
    while quota.sum() < budget.k:
        free = [c for c in range(len(quota)) if quota[c] < counts[c] and (budget.exactly or worth[c] > 0)]
        if not free:
            break
        quota[max(free, key=lambda c: advantage[c])] += 1
    return quota


@pytest.mark.parametrize("seed", range(40))
def test_shares_are_brought_to_the_budget_one_by_one(seed):
    rng = np.random.default_rng(seed)
    arms = Arms(np.full((2, 2, 3, 3), 1 / 3), np.zeros((2, 2, 3)), multiplicity=[9, 7])
    problem = Problem(arms, TopK(int(rng.integers(0, 17)), exactly=bool(seed % 2)), Average())
    states = rng.integers(0, 3, size=16)
    share = rng.integers(0, 2, size=(2, 3)).astype(float)  # whole cells, so that nothing is rounded
    advantage, worth = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    actions = act_in_shares(problem, states, share, advantage, worth, rng)
    cells = arms.type_of_arm * 3 + states
    counts = np.bincount(cells, minlength=6)
    expected = slow_fit((counts * share.ravel()).astype(int), counts, advantage.ravel(), worth.ravel(), problem.budget)
    np.testing.assert_array_equal(np.bincount(cells[actions == 1], minlength=6), expected)


def test_shares_have_the_right_mean():
    arms = Arms(np.full((1, 2, 2, 2), 0.5), np.zeros((1, 2, 2)), multiplicity=[10])
    problem = Problem(arms, TopK(10), Average())
    states, rng, zero = np.array([0] * 7 + [1] * 3), np.random.default_rng(0), np.zeros((1, 2))
    acted = np.array([act_in_shares(problem, states, np.array([[0.4, 0.3]]), zero, zero, rng) for _ in range(4_000)])
    np.testing.assert_allclose(acted[:, :7].mean(axis=0), 0.4, atol=4 * 0.5 / np.sqrt(4_000))
    np.testing.assert_allclose(acted[:, 7:].mean(axis=0), 0.3, atol=4 * 0.5 / np.sqrt(4_000))
    assert set(acted.sum(axis=1)) == {3, 4}


def test_worth_of_acting_by_hand():
    arms = drawn(0, exactly=True).arms
    problem = Problem(arms, TopK(1), Average())
    end, prices = np.random.default_rng(0).normal(size=(3, 4)), np.array([0.3, 0.1])
    worth = worth_of_acting(problem, prices, 0.9, end)
    p, r = arms.unit_rows, arms.rewards
    last = r + 0.9 * np.einsum("kast,kt->kas", p, end)
    np.testing.assert_allclose(worth[1], last[:, 1] - last[:, 0])
    value = np.maximum(last[:, 0], last[:, 1] - 0.1)
    first = r + 0.9 * np.einsum("kast,kt->kas", p, value)
    np.testing.assert_allclose(worth[0], first[:, 1] - first[:, 0])


def test_errors():
    problem = drawn(0, exactly=True, criterion=Horizon(3))
    states = np.zeros(problem.arms.n_arms, dtype=int)
    with pytest.raises(ModelError, match="beyond the horizon of 3"):
        HorizonLp(problem).actions(problem, states, step=3)
    with pytest.raises(ModelError, match="LpUpdate"):
        HorizonLp(drawn(0, exactly=True))
    with pytest.raises(ModelError, match="made for other arms"):
        HorizonLp(problem).actions(drawn(1, exactly=True), states)

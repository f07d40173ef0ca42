"""FaWT against plain bookkeeping, period by period, and its published numbers."""

import numpy as np
import pytest

from oracles.played import drawn, periods, published
from rmab.bound.fluid import fluid_bound
from rmab.errors import InfeasiblePenalty, ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.fawt import FaWT
from rmab.simulation.run import simulate


def check_order(period, rank, index, budget, barred=None):
    """The acting arms are those of highest (rank, index), both (N,), as the budget asks; ties may fall either way."""
    order = np.lexsort((-index, -rank))[: budget.k]
    if not budget.exactly:
        free = (rank > 0) | (index >= 0) if barred is None else ~barred & (index >= 0)
        order = order[free[order]]
    acted = np.flatnonzero(period.actions)
    expected = sorted(zip(rank[order], index[order], strict=True))
    assert sorted(zip(rank[acted], index[acted], strict=True)) == expected


@pytest.mark.parametrize("direction", ["first", "eligible"])
@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_running_against_bookkeeping(seed, exactly, direction):
    problem = drawn(seed, exactly=exactly)
    policy = FaWT(problem, direction=direction)
    kind = problem.arms.type_of_arm
    seen = set()
    for period in periods(problem, policy, 300, seed):
        behind = period.owed[0] > 1e-9
        index = policy.index.values[kind, period.states]
        sign = 1 if direction == "first" else -1
        check_order(period, sign * behind.astype(int), index, problem.budget, None if sign > 0 else behind)
        seen |= set(behind)
    assert seen == {False, True}


@pytest.mark.parametrize("exactly", [True, False])
def test_several_requirements(exactly):
    problem = drawn(4, penalties=3, exactly=exactly)
    policy = FaWT(problem)
    kind = problem.arms.type_of_arm
    assert 0 < policy.eligible.sum() < policy.eligible.size
    for period in periods(problem, policy, 200, seed=0):
        behind = period.owed > 1e-9
        barred = behind & policy.eligible[:, kind]
        rank = (behind & ~policy.eligible[:, kind]).sum(axis=0) - 4 * barred.sum(axis=0)
        index = policy.index.values[kind, period.states]
        order = np.lexsort((-index, -rank))[: problem.budget.k]
        if not exactly:
            order = order[(rank[order] > 0) | ((rank[order] == 0) & (index[order] >= 0))]
        acted = np.flatnonzero(period.actions)
        assert sorted(zip(rank[acted], index[acted], strict=True)) == sorted(zip(rank[order], index[order], strict=True))


@pytest.mark.parametrize(
    ("variant", "eligible"), [("TP4", False), ("RS4", True), ("RS8", True), ("SR4", False), ("SR6", False)]
)
def test_the_direction_follows_from_the_cost(variant, eligible):
    assert (FaWT(published(variant)).eligible == eligible).all()


def test_sums_that_return_to_zero_do_not_count_as_positive():
    """Ten periods of a tenth each, less one: zero but for rounding; then the arm is not behind."""
    arms = Arms(np.ones((2, 1, 1)), [[0.0], [1.0]], multiplicity=[10])
    problem = Problem(arms, TopK(1, exactly=True), Average(), Penalty([[0.0], [-1.0]], -0.1))
    policy = FaWT(problem)
    for period in periods(problem, policy, 500, seed=0):
        if period.step % 10 == 0:
            assert np.abs(period.owed).max() < 1e-9
        behind = period.owed[0] > 1e-9
        assert not behind.any() or (period.actions[behind].sum() == 1)


def windows(problem, policy, steps, seed):
    """Each period with the periods (N,) since every arm was acted on, the start counting as an activation."""
    since = np.zeros(problem.arms.n_arms, dtype=int)
    for period in periods(problem, policy, steps, seed):
        yield period, since
        since = np.where(period.actions == 1, 0, since + 1)


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("window", [4, 9, [3, 6, 40]])
def test_window_against_bookkeeping(window, exactly):
    problem = drawn(2, exactly=exactly)
    policy = FaWT(problem, mode="window", window=window)
    kind = problem.arms.type_of_arm
    limit = np.broadcast_to(window, 3)[kind]
    worst = 0
    for period, since in windows(problem, policy, 300, seed=1):
        due = since >= limit - 1
        check_order(period, due.astype(int), policy.index.values[kind, period.states], problem.budget)
        worst = max(worst, int((since + 1 - limit).max()))
    assert worst <= problem.arms.n_arms / problem.budget.k


def test_a_window_of_one_means_always():
    problem = drawn(2)
    policy = FaWT(problem, mode="window", window=[1, 30, 30])
    for period in periods(problem, policy, 40, seed=1):
        assert period.actions[:4].all()


def test_windows_follow_from_a_least_share():
    np.testing.assert_array_equal(FaWT(published("TP6"), mode="window").window, [5, 5, 10, 10, 20, 20])
    problem = published("TP4")
    some = Penalty(problem.penalties.cost, [-0.5, np.inf, 0.0, -0.2])
    relaxed = FaWT(Problem(problem.arms, TopK(1), Average(), some), mode="window")
    np.testing.assert_array_equal(relaxed.window, [2, np.inf, np.inf, 5])


def test_windows_that_the_budget_cannot_meet():
    problem = drawn(0, copies=4)  # 12 arms, 6 activations
    FaWT(problem, mode="window", window=2)
    with pytest.raises(InfeasiblePenalty, match="takes 12 activations per period, the budget allows 6"):
        FaWT(problem, mode="window", window=1)
    channel = published("TP4")  # at least 0.35 is once in two periods, and twice half is one
    with pytest.raises(InfeasiblePenalty, match=r"takes 1.1 activations per period, the budget allows 1"):
        FaWT(channel, mode="window")
    over = Problem(channel.arms, channel.budget, Average(), Penalty(channel.penalties.cost, -1.5))
    with pytest.raises(InfeasiblePenalty, match=r"type 0 must be acted on in 150.0%"):
        FaWT(over, mode="window")


def test_windows_need_a_least_share():
    with pytest.raises(ModelError, match="that of type 0 is not one"):
        FaWT(published("RS4"), mode="window")
    with pytest.raises(ModelError, match="that of type 0 is not one"):
        FaWT(published("SR4"), mode="window")
    with pytest.raises(ModelError, match="several penalties"):
        FaWT(drawn(0, penalties=2), mode="window")
    FaWT(published("SR4"), mode="window", window=12)


@pytest.mark.parametrize(
    ("variant", "low", "high", "violation"),
    [("TP4", -0.20, -0.18, 1e-4), ("RS4", -0.16, -0.13, 1e-4), ("SR6", -0.13, -0.10, 1e-4)],
)
def test_feasible_but_far_from_the_bound(variant, low, high, violation):
    problem = published(variant, scale=20)
    bound = fluid_bound(problem).value
    outcome = simulate(problem, FaWT(problem), steps=6_000, replicates=2, rng=1)
    assert low < (outcome.mean - bound) / abs(bound) < high
    assert outcome.mean_violation < violation


def test_regularity_of_sr4_is_missed():
    problem = published("SR4", scale=20)
    outcome = simulate(problem, FaWT(problem), steps=6_000, replicates=2, rng=1)
    assert 0.015 < outcome.mean_violation < 0.035


def test_options_that_do_not_fit_are_refused():
    problem = drawn(0)
    for wrong, text in (
        ({"mode": "both"}, "unknown mode"),
        ({"direction": "last"}, "direction must be one of"),
        ({"mode": "window", "window": 9, "direction": "first"}, "running"),
        ({"window": 9}, "a window is for"),
        ({"mode": "window", "window": 2.5}, "whole number"),
        ({"mode": "window", "window": 0}, "whole number"),
        ({"mode": "window", "window": [3, 3]}, "whole number"),
    ):
        with pytest.raises(ModelError, match=text):
            FaWT(problem, **wrong)
    with pytest.raises(ModelError, match="has no penalties"):
        FaWT(Problem(problem.arms, TopK(3), Average()))
    with pytest.raises(ModelError, match="needs Average"):
        FaWT(Problem(problem.arms, TopK(3), Horizon(4), problem.penalties))

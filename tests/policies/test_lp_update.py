"""Planning again from the present state: below the optimum, near the bound, and better than a plan that is never revised."""

import numpy as np
import pytest

from oracles.lp_cases import drawn, named, run
from rmab.bound.fluid import fluid_bound
from rmab.bound.horizon import horizon_bound, horizon_program
from rmab.bound.joint import joint_optimum
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.horizon_lp import HorizonLp
from rmab.policies.lp_update import LpUpdate
from rmab.simulation.run import simulate


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("criterion", [Average(), Discounted(0.9), Horizon(14)], ids=str)
def test_the_budget_is_kept(criterion, exactly):
    for seed in range(3):
        problem = drawn(seed, exactly=exactly, criterion=criterion)
        run(problem, LpUpdate(problem, window=8, every=3), 14, seed)


@pytest.mark.parametrize("seed", range(2))
def test_over_a_horizon_it_is_below_the_optimum_and_above_the_plan_made_once(seed):
    problem = drawn(seed, exactly=True, criterion=Horizon(5), copies=(1, 2), types=2, states=3, share=0.5)
    optimum = joint_optimum(problem).value
    again = simulate(problem, LpUpdate(problem, every=1, window=1), replicates=60, rng=seed)
    once = simulate(problem, HorizonLp(problem), replicates=60, rng=seed)
    error = again.rewards.std(ddof=1) / np.sqrt(60)
    assert again.mean <= optimum + 4 * error
    assert again.mean >= once.mean - 4 * (again.rewards - once.rewards).std(ddof=1) / np.sqrt(60)
    assert optimum <= horizon_bound(problem).value + 1e-9


@pytest.mark.parametrize("seed", range(2))
def test_discounted_it_comes_near_the_bound_that_keeps_the_budget_in_every_period(seed):
    problem = drawn(seed, exactly=True, criterion=Discounted(0.9), copies=(700, 900))
    steps = 120
    weight = 0.9 ** np.arange(steps)
    rewards = weight[:, np.newaxis, np.newaxis, np.newaxis] * problem.arms.rewards
    bound = 0.1 * horizon_program(problem, problem.start_distribution, rewards)[0] * problem.arms.n_arms
    outcome = simulate(problem, LpUpdate(problem), steps=steps, replicates=6, rng=0)
    error = outcome.rewards.std(ddof=1) / np.sqrt(6)
    assert outcome.mean <= bound + 4 * error + outcome.truncation
    assert outcome.mean > bound - 0.01 * abs(bound) - 4 * error


@pytest.mark.parametrize(("name", "most"), [("flipped", 0.12), ("conveyor_action_gap8", 0.05), ("gast20_2", 0.02)])
def test_on_average_it_needs_no_attractor(name, most):
    problem = named(name, 1000)
    outcome = simulate(problem, LpUpdate(problem), steps=400, replicates=1, burn_in=100, rng=0)
    assert abs(1 - outcome.mean / fluid_bound(problem).value) < most


def test_the_end_of_the_window_is_worth_something():
    # reward comes one period after acting: a window of one period sees it only through the worth of states
    p = [[[1, 0], [1, 0]], [[0, 1], [0, 1]]]
    arms = Arms(p, [[0.0, 1.0], [0.0, 1.0]], multiplicity=[20])
    for criterion in (Average(), Discounted(0.9)):
        problem = Problem(arms, TopK(5), criterion, start=0)
        policy = LpUpdate(problem, window=1, every=1)
        counts = np.zeros(2)

        def watch(_step, states, _actions, policy=policy, counts=counts):
            counts[:] = np.bincount(states, minlength=2)
            assert policy._plan[0][0, 0] @ counts == pytest.approx(5)

        assert run(problem, policy, 6, 0, watch=watch).tolist() == [0, 5, 5, 5, 5, 5]


def test_what_comes_later_is_discounted():
    # acting on type 0 earns 1 at once; on type 1, 3 after three periods, which is worth 3/8 now
    shift = np.roll(np.eye(4), 1, axis=1)
    stay = np.vstack([np.eye(4)[:1], shift[1:]])
    home = np.tile(np.eye(4)[0], (4, 1))
    rewards = [[[0, 0, 0, 0], [1, 0, 0, 0]], [[0, 0, 0, 3], [0, 0, 0, 3]]]
    arms = Arms([[home, home], [stay, shift]], rewards, multiplicity=[10, 10])
    problem = Problem(arms, TopK(10), Discounted(0.5), start=0)
    assert run(problem, LpUpdate(problem), 12, 0).tolist() == [10] * 12


def test_a_run_leaves_no_trace_in_the_next():
    problem = named("gast20_1", 40)
    used = LpUpdate(problem, window=6, every=4)
    run(problem, used, 7, 5)
    np.testing.assert_array_equal(run(problem, used, 12, 6), run(problem, LpUpdate(problem, window=6, every=4), 12, 6))


def test_errors():
    problem = drawn(0, exactly=True, criterion=Horizon(3))
    states = np.zeros(problem.arms.n_arms, dtype=int)
    for size, message in (({"every": 0}, "every must be"), ({"window": 4, "every": 5}, "window must be .* at least 5")):
        with pytest.raises(ModelError, match=message):
            LpUpdate(problem, **size)
    with pytest.raises(ModelError, match="in order, from 0"):
        LpUpdate(problem).actions(problem, states, step=2)
    policy = LpUpdate(problem, every=1, window=1)
    seen = []
    with pytest.raises(ModelError, match="beyond the horizon of 3"):
        run(problem, policy, 4, 0, watch=lambda t, *_: seen.append(t))
    assert seen == [0, 1, 2]

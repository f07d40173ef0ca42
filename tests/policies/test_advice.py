"""Virtual twins: their law, their coupling, the notes, and the distance to the bound where priorities fail."""

import numpy as np
import pytest
from scipy import stats

from oracles.lp_cases import drawn, named, run
from rmab.bound.fluid import fluid_bound
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.advice import VirtualAdvice
from rmab.simulation.run import simulate


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_budget_is_kept(exactly, seed):
    problem = drawn(seed, exactly=exactly)
    run(problem, VirtualAdvice(problem), 150, seed)


def test_twins_move_by_the_single_arm_chain_whatever_the_budget_does():
    problem = named("gast20_3", 60)
    policy = VirtualAdvice(problem)
    counts, last = np.zeros((3, 2, 3)), []

    def watch(_step, _states, _actions):
        virtual, advice = policy._virtual.copy(), policy._advice.astype(int)
        if last:
            np.add.at(counts, (last[-1][0], last[-1][1], virtual), 1)
        last.append((virtual, advice))

    run(problem, policy, 1_500, 3, watch=watch)
    p, act = problem.arms.transitions[0], policy.plan.act[0]
    for s in range(3):
        taken = counts[s].sum(axis=1)
        assert stats.binomtest(int(taken[1]), int(taken.sum()), act[s]).pvalue > 1e-4
        for a in (0, 1):
            if taken[a] > 0:
                assert stats.chisquare(counts[s, a], taken[a] * p[a, s]).pvalue > 1e-4


def test_twins_that_agree_and_act_alike_stay_together():
    problem = named("flipped", 50)
    policy = VirtualAdvice(problem)
    last, apart = [], []

    def watch(_step, states, actions):
        if last:
            together = last[-1]
            np.testing.assert_array_equal(policy._virtual[together], states[together])
        else:
            np.testing.assert_array_equal(policy._virtual, states)
        last.append((policy._virtual == states) & (policy._advice == actions))
        apart.append(~last[-1])

    run(problem, policy, 200, 0, watch=watch)
    assert np.any(apart)


def test_arms_that_agree_are_served_before_the_others():
    problem = named("flipped", 200)
    policy = VirtualAdvice(problem)
    refused = []

    def watch(_step, states, actions):
        agrees, wish = policy._virtual == states, policy._advice
        turned_away = wish & (actions == 0)
        if (turned_away & agrees).any():
            assert not (wish & ~agrees & (actions == 1)).any()
        refused.append(turned_away.sum())

    run(problem, policy, 200, 1, watch=watch)
    assert sum(refused) > 0


def test_a_run_leaves_no_trace_in_the_next():
    problem = named("flipped", 40)
    used = VirtualAdvice(problem)
    run(problem, used, 33, 5)
    np.testing.assert_array_equal(run(problem, used, 50, 6), run(problem, VirtualAdvice(problem), 50, 6))


def test_replicates_do_not_depend_on_those_before():
    problem = named("gast20_2", 50)
    policy = VirtualAdvice(problem)
    many = simulate(problem, policy, steps=40, replicates=3, rng=4)
    again = simulate(problem, VirtualAdvice(problem), steps=40, replicates=3, rng=4)
    one = simulate(problem, policy, steps=40, replicates=1, rng=4)
    np.testing.assert_array_equal(many.rewards, again.rewards)
    assert one.rewards[0] == many.rewards[0]


def test_a_start_that_the_relaxed_optimum_never_visits():
    # state 0 is left for good, and yet every arm starts there
    wait, act = [[0, 0.5, 0.5], [0, 0.2, 0.8], [0, 0.7, 0.3]], [[0, 1, 0], [0, 0.9, 0.1], [0, 0.6, 0.4]]
    arms = Arms([wait, act], [[0, 1, 0], [5, 1, 0]], multiplicity=[20])
    problem = Problem(arms, TopK(6, exactly=True), Average(), start=0)
    policy = VirtualAdvice(problem)
    assert policy.plan.occupancy[0, 0] == pytest.approx(0, abs=1e-9)
    assert policy.plan.act[0, 0] == 1.0  # worth 5 at once
    visited = []
    run(problem, policy, 60, 0, watch=lambda *_: visited.append(policy._virtual.copy()))
    assert (visited[0] == 0).all()
    assert (np.array(visited[1:]) > 0).all()


def test_out_of_order():
    problem = named("gast20_1", 20)
    policy, states = VirtualAdvice(problem), np.zeros(20, dtype=int)
    with pytest.raises(ModelError, match="asked for period 3 after no period at all"):
        policy.actions(problem, states, step=3)
    policy.actions(problem, states, step=0)
    policy.actions(problem, states, step=1)
    with pytest.raises(ModelError, match="asked for period 4 after period 1"):
        policy.actions(problem, states, step=4)
    policy.actions(problem, states, step=0)


def test_states_that_cannot_follow():
    problem = named("flipped", 5)
    policy = VirtualAdvice(problem)
    # state 0 leads to 1 after waiting and to 2 after acting, never to 5
    elsewhere = np.where(policy.actions(problem, np.zeros(5, dtype=int), step=0) == 1, 2, 1)
    elsewhere[2] = 5
    with pytest.raises(ModelError, match="arm 2 is in state 5, which cannot follow"):
        policy.actions(problem, elsewhere, step=1)


@pytest.mark.parametrize(("criterion", "other"), [(Horizon(5), "HorizonLp"), (Discounted(0.9), "LpUpdate")])
def test_other_criteria_are_refused_with_the_way_out(criterion, other):
    with pytest.raises(ModelError, match=other):
        VirtualAdvice(drawn(0, exactly=True, criterion=criterion))


def gap(name, n_arms, *, steps=1_500, burn_in=300):
    problem = named(name, n_arms)
    outcome = simulate(problem, VirtualAdvice(problem), steps=steps, replicates=2, burn_in=burn_in, rng=0)
    return 1 - outcome.mean / fluid_bound(problem).value


@pytest.mark.parametrize(("name", "most"), [("flipped", 0.12), ("conveyor_action_gap8", 0.07), ("gast20_2", 0.03)])
def test_comes_near_the_bound_at_a_thousand_arms(name, most):
    assert 0 < gap(name, 1000) < most


def test_published_gap_of_the_flipped_arm():
    # measured elsewhere: 0.096 of 0.13 per arm at 100 arms, 0.117 at 1000
    assert gap("flipped", 100) == pytest.approx(1 - 0.096 / 0.13, abs=0.06)
    assert gap("flipped", 1000) == pytest.approx(1 - 0.117 / 0.13, abs=0.03)


@pytest.mark.slow
def test_within_five_percent_of_the_bound_at_four_thousand_arms():
    assert 0 < gap("flipped", 4000, steps=4_000, burn_in=500) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gast20_1", "gast20_2", "gast20_3"])
def test_the_gap_shrinks_like_the_root_of_the_number_of_arms(name):
    small, large = gap(name, 100, steps=4_000), gap(name, 1600, steps=4_000)
    assert 0.15 < large / small < 0.45

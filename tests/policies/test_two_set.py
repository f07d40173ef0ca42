"""Local control against the mean dynamics, its feasible region, and gaps that vanish faster than the root of N."""

import numpy as np
import pytest

from oracles.lp_cases import drawn, named, run
from rmab.bound.fluid import fluid_bound
from rmab.errors import ModelError
from rmab.models.budget import TopK
from rmab.models.criterion import Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.randomised_lp import single_arm_plan
from rmab.policies.set_expansion import SetExpansion
from rmab.policies.two_set import LocalControl, TwoSet
from rmab.simulation.run import simulate


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_budget_is_kept(exactly, seed):
    problem = drawn(seed, exactly=exactly, copies=(1, 60))
    run(problem, TwoSet(problem), 150, seed)


def controlled_mean(problem, plan, counts, due):
    """Mean counts (K, S) one period on under local control, cell by cell."""
    neutral = plan.occupancy * problem.arms.multiplicity[:, np.newaxis] * plan.act * (1 - plan.act)
    acting = counts * plan.act + neutral / neutral.sum() * (due - (counts * plan.act).sum())
    p = problem.arms.unit_rows
    return np.einsum("ks,kst->kt", counts - acting, p[:, 0]) + np.einsum("ks,kst->kt", acting, p[:, 1])


@pytest.mark.parametrize("seed", range(5))
def test_dynamics_are_those_of_the_controlled_mean(seed):
    problem = drawn(seed, exactly=True, copies=(50, 90))
    plan = single_arm_plan(problem)
    control = LocalControl(problem, plan)
    assert np.isfinite(control.radius)
    e = np.random.default_rng(seed).normal(size=plan.act.shape)
    e -= e.mean(axis=1, keepdims=True)
    moved = controlled_mean(problem, plan, control.target + e, problem.budget.k) - control.target
    np.testing.assert_allclose(e.ravel() @ control._dynamics(problem, plan), moved.ravel(), atol=1e-6)


@pytest.mark.parametrize("name", ["circulant4", "mentoring10", "restart5", "maternal_g1"])
@pytest.mark.parametrize("change", [0, 20, -20])
def test_the_region_of_control_is_feasible_and_no_larger_one_is(name, change):
    problem = named(name, 1000)
    problem = Problem(problem.arms, TopK(problem.budget.k + change, exactly=True), problem.criterion)
    plan = single_arm_plan(problem)
    control = LocalControl(problem, plan)
    rng = np.random.default_rng(0)
    e = rng.normal(size=(20_000, plan.act.size))
    e *= control.eta / np.linalg.norm(e @ control._root, axis=1, keepdims=True)
    counts = control.target.ravel() + e
    neutral = control.weight > 0
    acting = (
        counts * control.act + control.weight * (control.target.ravel() @ control.act - counts @ control.act)[:, np.newaxis]
    )
    slack = np.minimum(acting, counts - acting)[:, neutral]
    assert slack.min() >= -1e-6
    # steepest direction: the linear function that binds first is tight on the ellipsoid
    inverse = np.linalg.inv(control._root @ control._root.T)
    tight = np.inf
    for c in np.flatnonzero(neutral):
        lower = control.weight[c] * control.act - control.act[c] * np.eye(plan.act.size)[c]
        upper = np.eye(plan.act.size)[c] + lower
        for slope, room in (
            (lower, control.target.flat[c] * control.act[c]),
            (upper, control.target.flat[c] * (1 - control.act[c])),
        ):
            steepest = np.sqrt(slope @ inverse @ slope)
            extreme = control.eta * (inverse @ slope) / steepest if steepest > 1e-6 else 0.0 * slope
            tight = min(tight, room - slope @ extreme)
    assert tight == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "stable"), [("circulant4", True), ("maternal_g1", True), ("gast20_1", False), ("flipped", False)]
)
def test_local_stability(name, stable):
    problem = named(name, 100)
    control = LocalControl(problem, single_arm_plan(problem))
    assert (control.radius < 1) == stable
    assert (control.eta > 0) == stable


def test_activations_are_rounded_to_their_mean():
    problem = named("circulant4", 100)
    control = LocalControl(problem, single_arm_plan(problem))
    rng = np.random.default_rng(0)
    counts = np.array([20, 30, 27, 20])
    drawn_ = np.array([control.activations(counts, rng) for _ in range(4_000)])
    wanted = counts * control.act + control.weight * (0.2 * counts.sum() - counts @ control.act)
    np.testing.assert_allclose(drawn_.mean(axis=0), wanted, atol=4 * 0.5 / np.sqrt(4_000))
    assert set(drawn_.sum(axis=1)) == {19, 20}


@pytest.mark.parametrize("name", ["circulant4", "maternal_g1"])
def test_beats_arm_by_arm_wishes_where_locally_stable(name):
    problem = named(name, 200)
    bound = fluid_bound(problem).value
    gaps = {}
    for policy in (TwoSet(problem), SetExpansion(problem)):
        outcome = simulate(problem, policy, steps=3_000, replicates=1, burn_in=300, rng=0)
        gaps[type(policy)] = 1 - outcome.mean / bound
    assert gaps[TwoSet] < 0.01
    assert gaps[TwoSet] < 0.4 * gaps[SetExpansion]


@pytest.mark.parametrize("name", ["flipped", "gast20_2", "conveyor_action_gap8"])
def test_is_the_set_expansion_policy_where_control_is_not_stable(name):
    problem = named(name, 100)
    np.testing.assert_array_equal(run(problem, TwoSet(problem), 200, 0), run(problem, SetExpansion(problem), 200, 0))


def test_all_arms_come_under_control_and_a_run_starts_anew():
    problem = named("maternal_g1", 300)
    policy = TwoSet(problem)
    sizes = []
    run(problem, policy, 300, 0, watch=lambda *_: sizes.append(int(policy.controlled.sum())))
    assert sizes[0] < 300
    assert np.mean(np.array(sizes[100:]) == 300) > 0.9
    np.testing.assert_array_equal(run(problem, policy, 50, 6), run(problem, TwoSet(problem), 50, 6))


def test_no_arm_is_in_both_sets():
    problem = named("restart5", 300, start=0)
    policy = TwoSet(problem)
    sizes = []

    def watch(*_):
        assert not (policy.controlled & policy.focused).any()
        sizes.append((policy.controlled.sum(), policy.focused.sum()))

    run(problem, policy, 300, 0, watch=watch)
    together = np.array(sizes)
    assert (together > 0).all(axis=1).any()
    # arms go over from the focus set to the controlled one
    grew = np.diff(together, axis=0)
    assert ((grew[:, 0] > 0) & (grew[:, 1] < 0)).any()


def test_several_types_under_at_most():
    problem = drawn(4, exactly=False, copies=(300, 500), share=0.1)
    bound = fluid_bound(problem)
    assert bound.price > 0
    policy = TwoSet(problem)
    assert policy.control.eta > 0
    outcome = simulate(problem, policy, steps=600, replicates=2, burn_in=200, rng=0)
    assert policy.controlled.any()
    assert 1 - outcome.mean / bound.value < 0.01


@pytest.mark.parametrize(("criterion", "other"), [(Horizon(5), "HorizonLp"), (Discounted(0.9), "LpUpdate")])
def test_other_criteria_are_refused_with_the_way_out(criterion, other):
    with pytest.raises(ModelError, match=other):
        TwoSet(drawn(0, exactly=True, criterion=criterion))

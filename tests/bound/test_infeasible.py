"""Requirements that cannot be met: who is in the way, and by how much."""

import re

import numpy as np
import pytest

from rmab.bound.fluid import fluid_bound
from rmab.bound.horizon import horizon_bound
from rmab.errors import InfeasibleBudget, InfeasiblePenalty
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.scenarios.registry import scenario

CRITERIA = (Average(), Discounted(0.9), Horizon(8))
ACT = np.array([[0.0], [1.0]])


def owing(bounds, cost=ACT, *, k=1, exactly=False, criterion=None, multiplicity=None):
    """Arms of one state that owe activations, at most (cost 1 each) or at least (cost -1 each)."""
    n = len(bounds)
    arms = Arms(np.ones((n, 2, 1, 1)), np.broadcast_to(ACT, (n, 2, 1)), multiplicity)
    return Problem(arms, TopK(k, exactly), criterion or Average(), Penalty(np.broadcast_to(cost, (n, 2, 1)), bounds))


@pytest.mark.parametrize("criterion", [*CRITERIA[:2], Horizon(20)], ids=str)
def test_energy_that_does_not_suffice_for_exactly_two(criterion):
    """RS8 has energy for 1.5 activations per period in all; two must be made."""
    problem = scenario("remote-sensing-v1", variant="RS8", k=2, criterion=criterion)
    with pytest.raises(InfeasiblePenalty, match="infeasible together under the budget of exactly 2 of 8 arms") as caught:
        fluid_bound(problem)
    assert "by 0.5 over all arms" in str(caught.value) and "write TopK(2) if not all" in str(caught.value)
    assert isinstance(caught.value, InfeasibleBudget)
    fluid_bound(scenario("remote-sensing-v1", variant="RS8", k=2, exactly=False, criterion=criterion))


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_energy_that_just_suffices(criterion):
    """RS4 has energy for 0.9 + 0.9 + 0.1 + 0.1 activations per period: exactly two, with rounding."""
    bound = fluid_bound(scenario("remote-sensing-v1", variant="RS4", k=2, criterion=criterion))
    np.testing.assert_allclose(bound.activation, [0.9, 0.9, 0.1, 0.1], atol=1e-8)


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("exactly", [True, False])
def test_floors_above_the_budget(criterion, exactly):
    problem = owing([-0.5, -0.25, -0.5], -ACT, exactly=exactly, criterion=criterion, multiplicity=[1, 4, 2])
    with pytest.raises(InfeasiblePenalty) as caught:
        fluid_bound(problem)
    text = str(caught.value)
    sense = "exactly" if exactly else "at most"
    assert f"infeasible together under the budget of {sense} 1 of 7 arms per period" in text
    assert "by 1.5 over all arms" in text
    # what the message names adds up to what it says in total
    named = re.findall(r"type (\d) exceeds its bound of (-[\d.]+) by ([\d.]+)", text)
    assert sum([1, 4, 2][int(k)] * float(excess) for k, _, excess in named) == pytest.approx(1.5, rel=1e-3)
    assert ("TopK(1)" in text) == exactly


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("missing", [1e-3, 1e-7])
def test_the_edge_is_found(criterion, missing):
    floors = np.array([-0.2, -0.3, -0.5])
    assert fluid_bound(owing(floors, -ACT, criterion=criterion)).value == pytest.approx(1.0)
    with pytest.raises(InfeasiblePenalty, match=f"by {missing:.6g} over all arms"):
        fluid_bound(owing(floors - [0, missing, 0], -ACT, criterion=criterion))


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_a_type_that_cannot_meet_its_bound_is_named_first(criterion):
    """Type 1 is asked to be acted on in more than all periods; that no budget allows type 2 is not told before."""
    with pytest.raises(InfeasiblePenalty) as caught:
        fluid_bound(owing([-0.1, -1.5, -3.0], -ACT, criterion=criterion))
    assert str(caught.value) == (
        "the penalty is infeasible for type 1, whatever the budget: its mean cost is at least -1 per period, above the bound "
        "of -1.5; raise the bound"
    )


def test_the_least_mean_cost_is_that_of_the_best_policy():
    """Age that can be reset with probability 0.4 has mean 2.5 at least."""
    ages = 60
    p = np.zeros((2, ages, ages))
    older = np.minimum(np.arange(ages) + 1, ages - 1)
    p[0, np.arange(ages), older] = 1.0
    p[1, np.arange(ages), older] = 0.6
    p[1, :, 0] += 0.4
    cost = np.broadcast_to(np.arange(1.0, ages + 1), (2, ages))
    with pytest.raises(InfeasiblePenalty, match=r"mean cost is at least 2.5 per period, above the bound of 2.25"):
        fluid_bound(Problem(Arms(p, np.zeros((2, ages))), TopK(1), Average(), Penalty(cost, 2.25)))


def test_an_absorbed_arm_cannot_recover():
    """From the start the arm is lost with probability one half, whatever is done, and then costs 1 for ever."""
    p = np.zeros((2, 3, 3))
    p[:, 0, 1:] = 0.5
    p[:, 1, 1] = p[:, 2, 2] = 1.0
    cost = np.broadcast_to([0.0, 1.0, 0.0], (2, 3))
    arms = Arms(p, np.zeros((2, 3)), multiplicity=[3])
    with pytest.raises(InfeasiblePenalty, match=r"at least 0.5 per period, above the bound of 0.4"):
        fluid_bound(Problem(arms, TopK(1), Average(), Penalty(cost, 0.4), start=0))
    assert fluid_bound(Problem(arms, TopK(1), Average(), Penalty(cost, 0.5), start=0)).value == 0


def test_penalties_that_contradict_each_other():
    arms = Arms(np.ones((2, 2, 1, 1)), np.zeros((2, 2, 1)))
    floor, cap = Penalty([-ACT, -ACT], [np.inf, -0.5]), Penalty([ACT, ACT], [np.inf, 0.25])
    with pytest.raises(InfeasiblePenalty) as caught:
        fluid_bound(Problem(arms, TopK(2), Average(), [floor, cap]))
    assert "the penalties of type 1 are infeasible together, whatever the budget" in str(caught.value)
    assert re.search(
        r"type 1 exceeds its bound of penalty [01] of -?0\.2?5+ by 0\.25; raise one of its bounds", str(caught.value)
    )


def test_the_penalty_is_named_where_there_are_several():
    arms = Arms(np.ones((2, 2, 1, 1)), np.zeros((2, 2, 1)))
    loose, asked = Penalty([ACT, ACT], 1.0), Penalty([-ACT, -ACT], [-0.5, -2.0])
    with pytest.raises(InfeasiblePenalty, match="penalty 1 is infeasible for type 1"):
        fluid_bound(Problem(arms, TopK(2), Average(), [loose, asked]))


def test_only_the_first_are_listed():
    with pytest.raises(
        InfeasiblePenalty, match=r"type 0 .*, type 1 .*, type 2 .* and 7 more do; raise these bounds or the budget"
    ):
        fluid_bound(owing([-0.5] * 10, -ACT, k=0))


def test_a_knapsack_is_named_by_its_capacity():
    arms = Arms(np.ones((2, 2, 1, 1)), np.zeros((2, 2, 1)))
    with pytest.raises(InfeasiblePenalty, match=r"under the budget of at most 1 per period"):
        fluid_bound(Problem(arms, Knapsack(1.0, [1.0, 3.0]), Average(), Penalty([-ACT, -ACT], -0.5)))


@pytest.mark.parametrize(("cost_unit", "copies"), [(1e-6, 1), (1e6, 1), (1.0, 10**6)])
def test_the_verdict_depends_on_no_unit(cost_unit, copies):
    for bound, feasible in ((-0.249, True), (-0.251, False)):
        problem = owing([bound * cost_unit] * 4, -ACT * cost_unit, k=copies, multiplicity=[copies] * 4)
        if feasible:
            assert fluid_bound(problem).value == pytest.approx(copies)
        else:
            with pytest.raises(InfeasiblePenalty, match=f"by {0.004 * cost_unit * copies:.6g} over all arms"):
                fluid_bound(problem)


@pytest.mark.parametrize("steps", [5, 20, 40])
def test_all_arms_can_always_be_acted_on(steps):
    """The program's numbers then add up but for rounding, which is no contradiction."""
    problem = scenario("remote-sensing-v1", variant="RS8", k=8)
    free = Problem(problem.arms, problem.budget, Horizon(steps), start=problem.start)
    at = problem.start_distribution
    total = 0.0
    for _ in range(steps):
        total += (at * problem.arms.rewards[:, 1]).sum()
        at = np.einsum("ks,kst->kt", at, problem.arms.transitions[:, 1])
    assert horizon_bound(free).value == pytest.approx(total / steps, rel=1e-9)

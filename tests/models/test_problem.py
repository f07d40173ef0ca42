"""Budgets, criteria and problems: what is refused and what is kept."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from rmab.errors import InfeasibleBudget, ModelError, RmabError
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem


@pytest.fixture
def arms():
    """Two types of two and three arms, two states."""
    p = np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]])
    return Arms(np.stack([p, p]), np.zeros((2, 2, 2)), multiplicity=[2, 3])


@pytest.mark.parametrize("k", [1.0, "3", None, True, 2.5])
def test_budget_of_another_kind(k):
    with pytest.raises(ModelError, match="budget must be a whole number of arms per period, got"):
        TopK(k)


def test_negative_budget():
    with pytest.raises(InfeasibleBudget, match="must not be negative, got -1; use 0"):
        TopK(-1)


def test_budget_above_the_cohort(arms):
    TopK(5).check(5)
    with pytest.raises(InfeasibleBudget, match="budget of 6 arms per period is above the cohort of 5; lower it to at most 5"):
        Problem(arms, TopK(6), Average())


def test_budgets_are_plain_values():
    assert TopK(np.int64(3)) == TopK(3)
    assert type(TopK(np.int64(3)).k) is int
    assert TopK(3) != TopK(3, exactly=True)
    assert issubclass(InfeasibleBudget, RmabError)


@pytest.mark.parametrize("beta", [0, 1.5, -0.1, float("nan"), float("inf")])
def test_discount_outside(beta):
    with pytest.raises(ModelError, match="discount must lie strictly between 0 and 1"):
        Discounted(beta)


def test_discount_of_one():
    with pytest.raises(ModelError, match=r"use Average\(\)"):
        Discounted(1)


@pytest.mark.parametrize("beta", ["0.9", None, True, 0.5j])
def test_discount_of_another_kind(beta):
    with pytest.raises(ModelError, match="discount must be a number between 0 and 1, got"):
        Discounted(beta)


@pytest.mark.parametrize("steps", [0, -3, 2.0, "5", True, None])
def test_horizon_of_another_kind(steps):
    with pytest.raises(ModelError, match="horizon is a whole number of periods, at least 1, got"):
        Horizon(steps)


def test_criteria_are_plain_values():
    assert Discounted(np.float64(0.5)) == Discounted(0.5)
    assert type(Discounted(np.float64(0.5)).beta) is float
    assert type(Horizon(np.int32(4)).steps) is int
    assert Average() == Average()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arms": "arms"}, "arms must be an Arms, got str"),
        ({"budget": 3}, r"budget must be a TopK, got 3; write TopK\(3\)"),
        ({"criterion": 0.9}, r"criterion must be Discounted\(beta\), Average\(\) or Horizon\(T\), got 0.9"),
        ({"criterion": Average}, "criterion must be"),
        ({"penalties": 1}, r"penalties must be a Penalty\(cost, bound\) or a list of them, got 1"),
    ],
)
def test_parts_of_another_kind(arms, change, words):
    with pytest.raises(ModelError, match=words):
        Problem(**{"arms": arms, "budget": TopK(1), "criterion": Average(), **change})


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ([0, 1], r"start states must have shape \(5,\), one per arm, got \(2,\); give probabilities as floats"),
        ([0, 1, 0, 2, -1], "arm 3 starts in state 2, but states run from 0 to 1"),
        (2, "arm 0 starts in state 2"),
        (-1, "arm 0 starts in state -1"),
        ([0.5, 0.25, 0.25], r"start distribution must have shape \(2, 2\) or \(2,\), got \(3,\)"),
        ([[0.5, 0.5], [0.5, 0.4]], "start distribution of type 1 is .*; it must be probabilities that sum to 1"),
        ([1.5, -0.5], "start distribution of type 0"),
        ([float("nan"), 1.0], "start distribution of type 0"),
        ("good", "start must be states .* or probabilities, got 'good'"),
        ([True, False, True, False, True], "start must be states"),
    ],
)
def test_bad_starts(arms, start, words):
    with pytest.raises(ModelError, match=words):
        Problem(arms, TopK(1), Average(), start=start)


@pytest.mark.parametrize(
    ("start", "states", "distribution"),
    [
        (None, None, [[0.5, 0.5], [0.5, 0.5]]),
        (1, [1, 1, 1, 1, 1], [[0, 1], [0, 1]]),
        ([0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [[0.5, 0.5], [1 / 3, 2 / 3]]),
        ([0.25, 0.75], None, [[0.25, 0.75], [0.25, 0.75]]),
        ([[0.25, 0.75], [1.0, 0.0]], None, [[0.25, 0.75], [1.0, 0.0]]),
    ],
)
def test_starts(arms, start, states, distribution):
    problem = Problem(arms, TopK(1), Average(), start=start)
    np.testing.assert_allclose(problem.start_distribution, distribution, rtol=1e-15)
    assert (None if problem.start_states is None else problem.start_states.tolist()) == states
    with pytest.raises(ValueError, match="read-only"):
        problem.start[...] = 0


def test_one_row_of_start_probabilities_serves_every_type_contiguously():
    arms = Arms(np.full((3, 2, 2, 2), 0.5), np.zeros((3, 2, 2)))
    start = Problem(arms, TopK(1), Average(), start=[0.25, 0.75]).start
    assert start.flags.c_contiguous
    np.testing.assert_array_equal(start, np.tile([0.25, 0.75], (3, 1)))


def test_a_common_state_of_too_many_arms_is_refused_with_the_remedy():
    arms = Arms(np.full((2, 2, 2), 0.5), np.zeros((2, 2)), multiplicity=[2**52])
    with pytest.raises(ModelError, match="give probabilities"):
        Problem(arms, TopK(1), Average(), start=0)
    assert Problem(arms, TopK(1), Average(), start=[1.0, 0.0]).start_distribution.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("capacity", [0, -1.0, float("inf"), float("nan"), "3", True])
def test_capacity_of_another_kind(capacity):
    with pytest.raises(ModelError, match="the capacity must be a finite number above 0, got"):
        Knapsack(capacity, [1.0])


@pytest.mark.parametrize("cost", [0, -1.0, float("inf"), float("nan"), None])
def test_cost_of_another_kind(cost):
    with pytest.raises(ModelError, match="the cost of type 1 must be a finite number above 0, got"):
        Knapsack(3.0, [1.0, cost])


def test_a_knapsack_has_one_cost_per_type(arms):
    with pytest.raises(ModelError, match="has 3 costs, but there are 2 types"):
        Problem(arms, Knapsack(3.0, [1.0, 2.0, 3.0]), Average())
    problem = Problem(arms, Knapsack(3, np.array([1, 2])), Average())
    assert problem.budget == Knapsack(3.0, (1.0, 2.0)) and not problem.budget.exactly
    np.testing.assert_array_equal(problem.costs, [1, 2])
    assert problem.capacity == 3.0


def test_a_count_is_a_knapsack_of_ones(arms):
    problem = Problem(arms, TopK(2), Average())
    np.testing.assert_array_equal(problem.costs, [1, 1])
    assert problem.capacity == 2.0 and type(problem.capacity) is float


def test_one_resource_is_the_same_however_it_is_written(arms):
    plain = Knapsack(3.0, [1.0, 2.0])
    assert Knapsack([3.0], [[1.0, 2.0]]) == plain == Knapsack(np.array([3.0]), np.array([[1, 2]]))
    assert repr(plain) == "Knapsack(capacity=3.0, costs=(1.0, 2.0))" and plain.n_resources == 1


def test_several_resources(arms):
    budget = Knapsack(np.array([3, 4]), np.array([[1, 2], [0, 1]]))
    assert repr(budget) == "Knapsack(capacity=(3.0, 4.0), costs=((1.0, 2.0), (0.0, 1.0)))"
    assert asdict(budget) == {"capacity": (3.0, 4.0), "costs": ((1.0, 2.0), (0.0, 1.0))}
    # what a file in JSON makes of it
    assert Knapsack(**json.loads(json.dumps(asdict(budget)))) == budget
    problem = Problem(arms, budget, Average())
    np.testing.assert_array_equal(problem.resource_costs, [[1, 2], [0, 1]])
    np.testing.assert_array_equal(problem.capacities, [3, 4])
    for ask in (lambda: problem.costs, lambda: problem.capacity, lambda: budget.k):
        with pytest.raises(ModelError, match=r"a Knapsack of 2 resources.* use fluid_bound, and simulate KnapsackPolicy"):
            ask()


def test_every_budget_has_resources(arms):
    for budget, costs, capacity in ((TopK(2), [[1, 1]], [2]), (Knapsack(3.0, [0.5, 2.0]), [[0.5, 2]], [3])):
        problem = Problem(arms, budget, Average())
        np.testing.assert_array_equal(problem.resource_costs, costs)
        np.testing.assert_array_equal(problem.capacities, capacity)


@pytest.mark.parametrize(
    ("capacity", "costs", "words"),
    [
        ([], [], "a knapsack of 0 resources needs 0 rows"),
        ([1.0, 2.0], [1.0, 2.0], "a knapsack of 2 resources needs 2 rows of costs"),
        ([1.0, 2.0], [[1.0, 2.0]], "a knapsack of 2 resources needs 2 rows of costs"),
        ([1.0, 2.0], 3.0, "a knapsack of 2 resources needs 2 rows of costs"),
        ([1.0, 0.0], [[1.0], [1.0]], "the capacity of resource 1 must be a finite number above 0, got 0.0"),
        ([1.0, "2"], [[1.0], [1.0]], "the capacity of resource 1 must be a finite number above 0, got '2'"),
        ([1.0, 2.0], [[1.0, 1.0], [1.0]], "resource 0 has 2 costs, but resource 1 has 1; give one cost per type"),
        ([1.0, 2.0], [[1.0, 1.0], [1.0, -1.0]], "cost of type 1 of resource 1 must be a finite number from 0 on, got -1.0"),
        ([1.0, 2.0], [[1.0, 0.0], [1.0, 0.0]], "type 1 costs nothing of any resource; every type must use some"),
        ([1.0], [[1.0, 0.0]], "must be a finite number above 0, got 0|type 1 costs nothing"),
        (np.array(1.0), [1.0], "the capacity must be a finite number above 0"),
        (1.0, [[1.0], [2.0]], "the cost of type 0 must be a finite number above 0"),
        (1.0, "1", "needs a list of costs"),
    ],
)
def test_resources_that_make_no_sense(capacity, costs, words):
    with pytest.raises(ModelError, match=words):
        Knapsack(capacity, costs)


def test_resources_need_one_cost_per_type(arms):
    with pytest.raises(ModelError, match="has 3 costs, but there are 2 types"):
        Problem(arms, Knapsack([1.0, 2.0], np.ones((2, 3))), Average())


def test_what_is_spent():
    count = Knapsack([3.0, 4.0], [[1.0, 2.0], [0.0, 1.0]])
    count.check_spent([3, 0], 0)
    count.check_spent(np.array([1, 1]), 0)
    Knapsack(0.3, [0.1]).check_spent([3], 0)  # 3 * 0.1 is above 0.3, by rounding
    with pytest.raises(InfeasibleBudget, match="in period 7 the policy spends 4 of resource 0, but the budget is at most 3"):
        count.check_spent([2, 1], 7)
    with pytest.raises(InfeasibleBudget, match="in period 7 the policy spends 8, but the budget is at most 4"):
        Knapsack(4.0, [1.0, 2.5]).check_spent([3, 2], 7)


@pytest.mark.parametrize("exactly", ["no", None, 2, 0.0])
def test_exactly_is_a_truth_value(exactly):
    with pytest.raises(ModelError, match="exactly must be True or False, got"):
        TopK(2, exactly=exactly)

"""The bound by table look-up against the linear program, and what it refuses."""

import numpy as np
import pytest

from rmab.bound.fluid import fluid_bound
from rmab.bound.path_bound import PathBound
from rmab.errors import InfeasibleBudget, InfeasiblePenalty, ModelError
from rmab.index.penalty import penalty_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.scenarios.registry import scenario

VARIANTS = [
    ("throughput-activation-v1", "TP4"),
    ("throughput-activation-v1", "TP6"),
    ("remote-sensing-v1", "RS4"),
    ("remote-sensing-v1", "RS8"),
    ("throughput-regularity-v1", "SR4"),
    ("throughput-regularity-v1", "SR6"),
]


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_scenarios_have_the_bound_of_the_program(name, variant, exactly):
    problem = scenario(name, variant=variant, scale=3, exactly=exactly)
    found, expected = _by_paths(problem, cap=100.0), fluid_bound(problem)
    assert found.value == pytest.approx(expected.value, rel=1e-6)
    assert found.price == pytest.approx(expected.price, abs=1e-6)
    assert found.multipliers == pytest.approx(expected.multipliers, abs=1e-6)
    assert found.activation @ problem.arms.multiplicity == pytest.approx(3)
    assert found.status == "optimal"


def random_problem(rng, criterion, exactly):
    """Types with two requirements each, which may be out of reach."""
    k, s = int(rng.integers(1, 5)), int(rng.integers(2, 7))
    arms = Arms(rng.dirichlet(np.ones(s), (k, 2, s)), rng.normal(size=(k, 2, s)), multiplicity=rng.integers(1, 9, k))
    penalties = [Penalty(rng.random((k, 2, s)), rng.uniform(0.55, 0.8, k)) for _ in range(2)]
    start = rng.dirichlet(np.ones(s), k)
    return Problem(arms, TopK(int(rng.integers(0, arms.n_arms + 1)), exactly), criterion, penalties, start)


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("criterion", [Discounted(0.9), Average()], ids=repr)
def test_random_cohorts_have_the_bound_of_the_program(criterion, exactly):
    rng, compared = np.random.default_rng(11), 0
    for _ in range(40):
        problem = random_problem(rng, criterion, exactly)
        try:
            expected = fluid_bound(problem)
        except InfeasiblePenalty:
            continue
        compared, found = compared + 1, _by_paths(problem, cap=1e3)
        assert found.value == pytest.approx(expected.value, rel=1e-6, abs=1e-7)
        assert found.activation @ problem.arms.multiplicity <= problem.budget.k + 1e-6
    assert compared > 20


def test_a_sweep_of_capacities_is_concave_and_goes_through_the_single_bounds():
    problem = scenario("remote-sensing-v1", variant="RS4", scale=5)
    cohort = PathBound(penalty_index(problem.arms, problem.penalties, problem.criterion), problem.arms.multiplicity)
    capacity = np.arange(21)
    values = cohort.values(capacity)
    assert (np.diff(values, 2) <= 1e-9).all()
    assert (np.diff(values) >= -1e-9).all()
    for k in capacity:
        assert values[k] == pytest.approx(cohort.bound(TopK(int(k))).value, abs=1e-9)
    assert cohort.values(capacity, exactly=True) == pytest.approx([cohort.bound(TopK(int(k), True)).value for k in capacity])


def test_the_price_is_what_one_more_activation_is_worth():
    problem = scenario("throughput-activation-v1", variant="TP4")
    cohort = PathBound(penalty_index(problem.arms, problem.penalties, problem.criterion))
    slope = (cohort.values(1.3) - cohort.values(1.2)) / 0.1
    assert slope == pytest.approx(cohort.prices(1.25), rel=1e-9)


def test_a_requirement_that_cannot_be_met_is_reported_as_paid_for():
    problem = scenario("remote-sensing-v1", variant="RS8", k=2)
    bound = _by_paths(problem, cap=10.0)
    assert bound.status.startswith("optimal; type ")
    assert "pays its cap instead of keeping its bound" in bound.status


def test_what_does_not_fit_is_refused():
    problem = scenario("throughput-activation-v1", variant="TP4")
    index = penalty_index(problem.arms, problem.penalties, problem.criterion)
    with pytest.raises(ModelError, match="needs the result of penalty_index, got Problem"):
        PathBound(problem)
    with pytest.raises(ModelError, match="4 whole numbers of arms, one per type"):
        PathBound(index, [1, 2])
    with pytest.raises(ModelError, match="4 whole numbers of arms, one per type"):
        PathBound(index, [1, 2, 0, 1])
    with pytest.raises(InfeasibleBudget, match="between 0 and the 4 arms, got 5"):
        PathBound(index).values(5)
    with pytest.raises(ModelError, match=r"needs a TopK\(k\), got 3"):
        PathBound(index).bound(3)


def _by_paths(problem, cap):
    index = penalty_index(problem.arms, problem.penalties, problem.criterion, cap, start=problem.start)
    return PathBound(index, problem.arms.multiplicity).bound(problem.budget)

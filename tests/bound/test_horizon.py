"""The finite-horizon bound on problems whose answer is known without it."""

import numpy as np
import pytest

from rmab.bound.fluid import fluid_bound
from rmab.bound.horizon import horizon_bound
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem


def test_one_step_is_a_sort():
    """Over one step from known states the best choice is the ``k`` largest advantages."""
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(4), size=(3, 2, 4))
    arms = Arms(p, rng.normal(size=(3, 2, 4)), multiplicity=[2, 3, 4])
    start = rng.integers(0, 4, size=9)
    kinds = np.repeat([0, 1, 2], [2, 3, 4])
    idle, gained = arms.rewards[kinds, 0, start], (arms.rewards[:, 1] - arms.rewards[:, 0])[kinds, start]
    best = np.sort(gained)[::-1]
    for k in range(10):
        exactly = horizon_bound(Problem(arms, TopK(k, exactly=True), Horizon(1), start=start)).value
        at_most = horizon_bound(Problem(arms, TopK(k), Horizon(1), start=start)).value
        assert exactly == pytest.approx(idle.sum() + best[:k].sum(), abs=1e-9)
        assert at_most == pytest.approx(idle.sum() + np.maximum(best[:k], 0).sum(), abs=1e-9)


def test_the_budget_is_kept_at_every_step():
    """One activation a period cannot be saved up for the only period in which it earns."""
    chain = np.eye(3)[[1, 2, 2]]
    rewards = np.zeros((2, 3))
    rewards[1, 1] = 1.0
    problem = Problem(Arms([chain, chain], rewards, multiplicity=[3]), TopK(1), Horizon(3), start=0)
    bound = horizon_bound(problem)
    assert bound.value == pytest.approx(1 / 3)
    np.testing.assert_allclose(bound.prices, [0, 1, 0], atol=1e-12)
    assert bound.price == pytest.approx(1 / 3)


def test_a_long_horizon_tends_to_the_average(random_problem):
    drawn = random_problem(np.random.default_rng(2), types=(2, 2), states=(3, 3), criterion=Average())
    limit = fluid_bound(drawn).value
    gaps = [abs(horizon_bound(drawn, steps).value - limit) for steps in (10, 100, 1000)]
    assert gaps[1] < gaps[0] / 5 and gaps[2] < gaps[1] / 5


def test_steps_replace_the_criterion(random_problem):
    drawn = random_problem(np.random.default_rng(3), criterion=Horizon(7))
    expected = horizon_bound(drawn).value
    for criterion in (Average(), Discounted(0.9), Horizon(2)):
        problem = Problem(drawn.arms, drawn.budget, criterion, start=drawn.start)
        bound = horizon_bound(problem, steps=7)
        assert bound.value == expected
        assert bound.prices.shape == (7,)
        assert bound.activation @ drawn.arms.multiplicity <= drawn.budget.k + 1e-9


def test_a_problem_without_horizon_needs_steps(random_problem):
    problem = random_problem(np.random.default_rng(4), criterion=Average())
    with pytest.raises(ModelError, match="say how many steps"):
        horizon_bound(problem)
    with pytest.raises(ModelError, match="at least 1, got 0"):
        horizon_bound(problem, 0)

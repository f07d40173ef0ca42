"""The one-price bound against the horizon's linear program and against simulation from a good start."""

import numpy as np
import pytest

from rmab import Arms, Average, Horizon, IndexPolicy, ModelError, Problem, TopK, simulate, whittle_index
from rmab.bound.horizon import horizon_bound
from rmab.bound.lagrangian import lagrangian_bound
from rmab.bound.one_price import one_price_bound


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("steps", [1, 3, 20])
def test_is_above_the_linear_program_and_tends_to_the_long_run(seed, steps):
    rng = np.random.default_rng(seed)
    arms = Arms(rng.dirichlet(np.ones(4), (3, 2, 4)), rng.normal(size=(3, 2, 4)), multiplicity=[2, 5, 1])
    problem = Problem(arms, TopK(int(rng.integers(0, 9)), exactly=bool(seed % 2)), Average(), start=int(rng.integers(4)))
    assert one_price_bound(problem, steps).value >= horizon_bound(problem, steps).value - 1e-9
    far = one_price_bound(problem, 20_000).value if steps == 20 else None
    if far is not None:
        assert far == pytest.approx(lagrangian_bound(problem).value, abs=0.02)


def test_price_is_that_of_the_long_run_and_one_arm_is_exact():
    rng = np.random.default_rng(1)
    arms = Arms(rng.dirichlet(np.ones(3), (2, 3)), rng.normal(size=(2, 3)))
    free = Problem(arms, TopK(1), Average(), start=2)
    assert one_price_bound(free, 7).price == 0
    assert one_price_bound(free, 7).value == pytest.approx(horizon_bound(free, 7).value, abs=1e-9)


def test_a_short_run_from_a_good_start_stays_below_it_but_not_below_the_long_run():
    arms = Arms([[[0.99, 0.01], [0.2, 0.8]], [[0.6, 0.4], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[200])
    problem = Problem(arms, TopK(10), Average(), start=1)
    policy = IndexPolicy(whittle_index(arms, Average()))
    outcome = simulate(problem, policy, steps=10, replicates=200, rng=3)
    assert outcome.interval[0] > lagrangian_bound(problem).value
    assert outcome.interval[0] < one_price_bound(problem, 10).value
    exact = horizon_bound(Problem(arms, TopK(10), Horizon(10), start=1)).value
    assert outcome.interval[0] < exact <= one_price_bound(problem, 10).value + 1e-9


def test_steps_must_be_positive():
    arms = Arms([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[0, 1], [0, 1]])
    with pytest.raises(ModelError, match="at least 1"):
        one_price_bound(Problem(arms, TopK(1), Average()), 0)

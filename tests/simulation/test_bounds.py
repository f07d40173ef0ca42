"""No policy is seen above the bound from the true start."""

import numpy as np
import pytest

from rmab import (
    Arms,
    Average,
    Discounted,
    Horizon,
    Myopic,
    NoAction,
    Problem,
    RoundRobin,
    TopK,
    Uniform,
    compare,
    horizon_bound,
    lagrangian_bound,
    one_price_bound,
    solve,
)

STEPS = 40


def random_problem(seed, criterion):
    rng = np.random.default_rng(seed)
    sharp = 0.3 if seed % 2 else 1.0
    arms = Arms(rng.dirichlet(np.full(4, sharp), (3, 2, 4)), rng.normal(size=(3, 2, 4)), multiplicity=[8, 3, 13])
    start = [None, int(rng.integers(4)), rng.integers(4, size=24)][seed % 3]
    return Problem(arms, TopK(int(rng.integers(1, 24))), criterion, start=start)


def policies(problem):
    return {"solve": solve(problem), "myopic": Myopic(), "uniform": Uniform(), "turn": RoundRobin(), "none": NoAction()}


@pytest.mark.parametrize("seed", range(12))
def test_average_over_the_first_periods(seed):
    problem = random_problem(seed, Average())
    table = compare(problem, policies(problem), steps=STEPS, replicates=200, rng=seed)
    for bound in (horizon_bound(problem, STEPS), one_price_bound(problem, STEPS)):
        for name, outcome in table.outcomes.items():
            assert outcome.interval[0] <= bound.value, (name, bound)


@pytest.mark.parametrize("seed", range(12))
def test_horizon(seed):
    problem = random_problem(seed, Horizon(STEPS))
    table = compare(problem, policies(problem), replicates=200, rng=seed)
    bound = lagrangian_bound(problem)
    assert all(outcome.interval[0] <= bound.value for outcome in table.outcomes.values())


@pytest.mark.parametrize("seed", range(12))
def test_discounted(seed):
    problem = random_problem(seed, Discounted(0.8))
    table = compare(problem, policies(problem), steps=100, replicates=200, rng=seed)
    bound = lagrangian_bound(problem)
    assert all(outcome.interval[0] <= bound.value + outcome.truncation for outcome in table.outcomes.values())

"""Values of plans: never above the arm, at any charge, and near it where there are many."""

import numpy as np
import pytest

from oracles.hidden_arms import charged_value, random_hidden, random_modes
from oracles.published_arms import levels, server, spectrum
from rmab.bound.point_based import blind, point_based
from rmab.errors import ModelError
from rmab.models.criterion import Average, Discounted


@pytest.mark.parametrize("make", [random_hidden, random_modes])
def test_blind_plans_earn_what_a_simulation_of_their_law_adds_up_to(make):
    hidden, beta = make(np.random.default_rng(1), 3, 2), 0.8
    plans = blind(hidden, Discounted(beta))
    for p, (y, a) in enumerate((y, a) for a in range(2) for y in range(hidden.n_modes)):
        for s in range(3):
            law, reward, acts = np.zeros((hidden.n_modes, 3)), 0.0, 0.0
            law[y, s] = 1.0
            for t in range(200):
                moves = np.zeros_like(law)
                for x in range(hidden.n_modes):
                    chosen = a if hidden.allowed[x, a] else 0
                    reward += beta**t * law[x] @ hidden.rewards[chosen, x]
                    acts += beta**t * law[x].sum() * (chosen > 0)
                    moves += np.einsum("s,xzst->xt", law[x], hidden.kernel[chosen, x])
                law = moves
            assert plans.reward[p, s] == pytest.approx(reward, rel=1e-12)
            assert plans.activation[p, s] == pytest.approx(acts, rel=1e-12)


@pytest.mark.parametrize("make", [random_hidden, random_modes])
@pytest.mark.parametrize("seed", range(4))
def test_below_the_arm_at_every_charge_and_close_at_their_own(seed, make):
    rng = np.random.default_rng(seed)
    hidden, beta, steps = make(rng), 0.5, 8
    points = np.concatenate([np.eye(2), rng.dirichlet(np.ones(2), 40)])
    modes = np.tile(np.arange(hidden.n_modes), 42)[:42]
    for y in range(hidden.n_modes):
        modes[rng.permutation(42)[:21]] = y
    plans = point_based(hidden, 0.2, Discounted(beta), beliefs=points, modes=modes)
    beliefs = rng.dirichlet(np.ones(2), 5)
    for y in range(hidden.n_modes):
        for charge in (-0.3, 0.2, 0.7):
            for b, found in zip(beliefs, plans.value(beliefs, [y] * 5, charge=charge), strict=True):
                low, high = charged_value(hidden, charge, beta, b, y, steps)
                assert found <= high + 1e-12
                if charge == 0.2:
                    assert found >= low - 1e-3


def test_published_lower_values():
    """Lower values of the belief-space table, which more rounds of backups may only raise."""
    for arm, charge, merge, floor, known in (
        (spectrum, 0.64, 0.002, 6.400, 6.41553),
        (levels, 0.96, 0.01, 9.6000, 9.60383),
        (server, 1.6, 0.05, 16.0, 16.01387),
    ):
        hidden, criterion = arm(), Discounted(0.9)
        start = hidden.stationary()[np.newaxis]
        space = hidden.reachable(start, depth=20, merge=merge)
        assert blind(hidden, criterion).value(start, charge=charge)[0] + charge / 0.1 == pytest.approx(floor, abs=1e-9)
        plans = point_based(hidden, charge, criterion, beliefs=space.nodes)
        assert plans.value(start, charge=charge)[0] + charge / 0.1 >= known - 2e-5


def test_plans_are_never_worse_than_those_they_begin_with():
    hidden, criterion = levels(), Discounted(0.95)
    points = hidden.reachable(hidden.stationary(), depth=4, merge=0.05).nodes
    near = point_based(hidden, 0.9, criterion, beliefs=points)
    warm = point_based(hidden, 1.0, criterion, beliefs=points, start=near)
    assert (warm.value(points, charge=1.0) >= near.value(points, charge=1.0) - 1e-12).all()


def test_the_average_is_refused():
    with pytest.raises(ModelError, match="discount near 1"):
        point_based(spectrum(), 0.1, Average(), beliefs=[[0.5, 0.5]])

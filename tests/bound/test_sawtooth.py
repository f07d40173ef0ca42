"""Upper values: interpolation on a chain, sawtooth, and how all bounds of one arm are ordered."""

import numpy as np
import pytest

from oracles.hidden_arms import charged_value, random_hidden, random_modes
from oracles.published_arms import levels, server, spectrum
from rmab.bound.informed import fib, informed_value, qmdp
from rmab.bound.point_based import blind, point_based
from rmab.bound.sawtooth import sawtooth
from rmab.bound.upper import Chain
from rmab.errors import ModelError
from rmab.models.criterion import Average, Discounted


def bounds(hidden, charge, beta, space, beliefs, modes):
    """All bounds on the value of some beliefs, lowest first; not times 1 - beta."""
    criterion, where = Discounted(beta), {"beliefs": space.nodes, "modes": space.node_modes}
    chain = Chain(space, beta).solve(charge).per_period / (1 - beta)
    tooth = sawtooth(hidden, charge, criterion, **where).per_period(beliefs, modes) / (1 - beta)
    return [
        blind(hidden, criterion).value(beliefs, modes, charge=charge),
        point_based(hidden, charge, criterion, **where).value(beliefs, modes, charge=charge),
        space.interpolate(chain, beliefs, modes),
        tooth,
        informed_value(fib(hidden, charge, criterion), beliefs, modes),
        informed_value(qmdp(hidden, charge, criterion), beliefs, modes),
    ]


@pytest.mark.parametrize("make", [random_hidden, random_modes])
@pytest.mark.parametrize("seed", range(4))
def test_all_bounds_are_on_their_side_of_the_arm(seed, make):
    rng = np.random.default_rng(seed)
    hidden, beta, charge = make(rng), 0.5, 0.2
    space = hidden.reachable(rng.dirichlet(np.ones(2)), depth=12, merge=0.05)
    beliefs = np.concatenate([space.nodes, rng.dirichlet(np.ones(2), 4)])
    modes = np.concatenate([space.node_modes, np.full(4, space.node_modes[-1])])
    found = bounds(hidden, charge, beta, space, beliefs, modes)
    rough, plans, linear, tooth, delayed, revealed = found
    assert (rough <= plans + 1e-12).all() and (tooth <= delayed + 1e-9).all() and (delayed <= revealed + 1e-9).all()
    assert (plans <= np.minimum(linear, tooth) + 1e-12).all()
    for i in range(0, len(beliefs), 3):
        low, high = charged_value(hidden, charge, beta, beliefs[i], int(modes[i]), 8)
        assert plans[i] <= high + 1e-12
        assert low <= min(linear[i], tooth[i]) + 1e-12


@pytest.mark.parametrize(
    ("arm", "charge", "merge", "linear"),
    [(spectrum, 0.64, 0.01, 6.41685), (levels, 0.96, 0.01, 9.6065), (server, 1.6, 0.05, 16.047)],
)
def test_order_and_published_upper_values(arm, charge, merge, linear):
    hidden = arm()
    start = hidden.stationary()[np.newaxis]
    space = hidden.reachable(start, depth=20, merge=merge, closure="linear")
    found = [value[0] + charge / 0.1 for value in bounds(hidden, charge, 0.9, space, start, None)]
    assert found == sorted(found)
    # the table gives these sizes, not how its nodes were found; nodes of the same number may do a little better or worse
    assert found[2] == pytest.approx(linear, abs=4e-3)


@pytest.mark.parametrize("seed", range(3))
def test_freudenthal_and_sawtooth_bound_arms_with_five_states(seed):
    rng = np.random.default_rng(seed)
    hidden = random_hidden(rng, 5, 2)
    start = rng.dirichlet(np.ones(5))
    space = hidden.reachable(start, depth=3, merge=0.34, closure="freudenthal")
    found = bounds(hidden, 0.3, 0.5, space, start[np.newaxis], None)
    low, high = charged_value(hidden, 0.3, 0.5, start, 0, 8)
    assert found[1][0] <= high and found[0][0] <= found[1][0]
    assert all(low <= value[0] for value in found[2:])
    assert found[3][0] <= found[4][0] + 1e-12 and found[4][0] <= found[5][0] + 1e-12


def test_more_points_lower_the_sawtooth():
    hidden = levels()
    fine = hidden.reachable(hidden.stationary(), depth=20, merge=0.02).beliefs
    for criterion in (Discounted(0.9), Average()):
        values = [
            sawtooth(hidden, 0.96, criterion, beliefs=fine[:n]).per_period([hidden.stationary()])[0] for n in (2, 10, len(fine))
        ]
        assert values[0] >= values[1] >= values[2]
        assert values[2] < values[0]


def test_an_unfinished_iteration_is_still_an_upper_value():
    hidden = random_hidden(np.random.default_rng(3))
    space = hidden.reachable([0.5, 0.5], depth=12, merge=0.02)
    rough, fine = (Chain(space, 0.9).solve(0.2, tolerance) for tolerance in (1.0, 1e-11))
    assert rough.sweeps < fine.sweeps
    assert (rough.per_period >= fine.per_period).all() and rough.per_period[0] > fine.per_period[0]


def test_average_gain_of_the_chain_is_that_of_the_linear_program():
    from rmab.bound.lagrangian import lagrangian_bound
    from rmab.models.budget import TopK
    from rmab.models.problem import Problem

    hidden = random_hidden(np.random.default_rng(5), 3, 2)
    space = hidden.reachable(hidden.stationary(), depth=10, merge=0.1)
    exact = lagrangian_bound(Problem(space.arms, TopK(1), Average(), start=0))  # one arm, as it likes
    found = Chain(space, 1.0).solve(0.0)
    assert found.per_period[0] == pytest.approx(exact.value, rel=1e-9)
    assert found.per_period[0] >= exact.value - 1e-12


def test_the_nearest_closure_is_refused():
    space = spectrum().reachable([0.4, 0.6], depth=6, merge=0.05, closure="nearest")
    with pytest.raises(ModelError, match="keep the mean"):
        Chain(space, 0.9)

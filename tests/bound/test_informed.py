"""QMDP and the fast informed bound against loops, published figures, and the rule that they are."""

import numpy as np
import pytest

from oracles.hidden_arms import charged_value, informed_loops, random_hidden, random_modes
from oracles.published_arms import levels, server, spectrum
from rmab.bound.informed import fib, informed_value, qmdp
from rmab.errors import ModelError
from rmab.models.criterion import Average, Discounted, Horizon


@pytest.mark.parametrize(
    ("arm", "charge", "known", "delayed"),
    [(spectrum, 0.64, 7.804, 6.832), (levels, 0.96, 11.631, 10.449), (server, 1.6, 19.20, 17.81)],
)
def test_published_values_at_the_stationary_belief(arm, charge, known, delayed):
    hidden, criterion = arm(), Discounted(0.9)
    start = [hidden.stationary()]
    subsidy = charge / 0.1  # the table pays for waiting instead of charging for acting
    digits = 3 if charge < 1 else 2
    assert round(informed_value(qmdp(hidden, charge, criterion), start)[0] + subsidy, digits) == known
    assert round(informed_value(fib(hidden, charge, criterion), start)[0] + subsidy, digits) == delayed


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [random_hidden, random_modes])
def test_fixed_points_are_those_of_plain_loops(seed, make):
    hidden = make(np.random.default_rng(seed), 3, 2)
    for solve, delayed in ((qmdp, False), (fib, True)):
        q, plain = solve(hidden, 0.2, Discounted(0.7)), informed_loops(hidden, 0.2, 0.7, 90, delayed)
        may = np.broadcast_to(hidden.allowed.T[:, :, np.newaxis], q.shape)
        np.testing.assert_allclose(q[may], plain[may], rtol=0, atol=1e-11)
        assert (q[~may] == -np.inf).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [random_hidden, random_modes])
def test_value_below_delayed_below_revealed(seed, make):
    rng = np.random.default_rng(seed)
    hidden, criterion = make(rng), Discounted(0.6)
    beliefs = rng.dirichlet(np.ones(2), 6)
    revealed, delayed = (informed_value(solve(hidden, 0.1, criterion), beliefs) for solve in (qmdp, fib))
    assert (delayed <= revealed + 1e-12).all()
    for b, above in zip(beliefs, delayed, strict=True):
        assert charged_value(hidden, 0.1, 0.6, b, 0, 7)[0] <= above + 1e-12


@pytest.mark.parametrize("criterion", [Discounted(0.95), Average()])
@pytest.mark.parametrize("seed", range(3))
def test_both_are_myopic_where_the_moves_do_not_depend_on_the_action(seed, criterion):
    hidden = random_hidden(np.random.default_rng(seed), 3, 3, one_law=True)
    for solve in (qmdp, fib):
        q = solve(hidden, 0.3, criterion)
        np.testing.assert_allclose(q[1] - q[0], hidden.rewards[1] - hidden.rewards[0] - 0.3, rtol=0, atol=1e-12)


def test_relative_values_on_average_are_the_limit_of_discounted_ones():
    hidden = random_hidden(np.random.default_rng(8), 3, 2)
    near, limit = fib(hidden, 0.2, Discounted(1 - 1e-6)), fib(hidden, 0.2, Average())
    np.testing.assert_allclose(near - near[:, 0, 0].max(), limit, atol=1e-4)
    assert limit[:, 0, 0].max() == 0


def test_a_horizon_is_refused():
    with pytest.raises(ModelError, match="Discounted"):
        qmdp(random_hidden(np.random.default_rng(0)), 0.0, Horizon(3))

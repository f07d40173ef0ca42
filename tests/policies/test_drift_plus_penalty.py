"""Drift plus penalty: scores by hand, queues path by path, and the published trade-off."""

import numpy as np
import pytest

from oracles.played import drawn, periods, published
from rmab.bound.fluid import fluid_bound
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.drift_plus_penalty import DriftPlusPenalty
from rmab.simulation.run import simulate


def test_look_ahead_by_hand():
    # waiting moves 0 -> 1 -> 1, acting moves to 0; reward and cost are those of the state
    arms = Arms([[[0, 1], [0, 1]], [[1, 0], [1, 0]]], [[3, 1], [2.5, 1]], multiplicity=[2])
    problem = Problem(arms, TopK(1), Average(), Penalty([[0.0, 4.0], [0.0, 4.0]], 1.0))
    policy = DriftPlusPenalty(problem)
    np.testing.assert_allclose(policy.gain, [[-0.5 + 2, 2]])
    np.testing.assert_allclose(policy.excess, [[[-4, -4]]])
    discounted = DriftPlusPenalty(Problem(arms, TopK(1), Discounted(0.5), problem.penalties))
    np.testing.assert_allclose(discounted.gain, [[-0.5 + 1, 1]])
    np.testing.assert_allclose(discounted.excess, [[[-2, -2]]])


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("penalties", [1, 2, 3])
def test_queues_scores_and_the_bound_on_what_is_owed(penalties, exactly):
    problem = drawn(3, penalties=penalties, exactly=exactly)
    policy = DriftPlusPenalty(problem, trade_off=7.0)
    kind, k = problem.arms.type_of_arm, problem.budget.k
    queues = np.zeros((penalties, len(kind)))
    for period in periods(problem, policy, 200, seed=2):
        assert (period.owed <= queues + 1e-9).all()
        score = 7.0 * policy.gain[kind, period.states] - (queues * policy.excess[:, kind, period.states]).sum(axis=0)
        wanted = np.sort(score)[::-1][:k]
        wanted = wanted if exactly else wanted[wanted >= 0]
        np.testing.assert_allclose(np.sort(score[period.actions == 1])[::-1], wanted, atol=1e-8)
        queues = np.maximum(queues + period.incurred, 0)
    assert queues.max() > 2  # far beyond the grid points 0 and 1


@pytest.mark.parametrize(
    ("variant", "low", "high"), [("TP4", (-0.19, -0.16), 0.01), ("RS4", (-0.21, -0.19), 0.015), ("SR4", (-0.025, -0.012), 0.01)]
)
def test_the_published_trade_off(variant, low, high):
    """V = 1 keeps requirements at a loss, V = 100 comes near the bound and misses them by little."""
    problem = published(variant, scale=20)
    bound = fluid_bound(problem).value
    cautious, keen = (
        simulate(problem, DriftPlusPenalty(problem, trade_off=v), steps=10_000, replicates=2, rng=1) for v in (1, 100)
    )
    assert low[0] < (cautious.mean - bound) / abs(bound) < low[1]
    assert cautious.mean_violation < 2e-4
    assert abs(keen.mean - bound) / abs(bound) < high
    assert 5e-4 < keen.mean_violation < 4e-3


def test_what_does_not_suit_is_refused():
    problem = drawn(0)
    with pytest.raises(ModelError, match="has no penalties"):
        DriftPlusPenalty(Problem(problem.arms, TopK(3), Average()))
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ModelError, match="trade-off"):
            DriftPlusPenalty(problem, trade_off=wrong)
    with pytest.raises(ModelError, match="another budget"):
        DriftPlusPenalty(problem).rule(Problem(problem.arms, TopK(1), Average(), problem.penalties))

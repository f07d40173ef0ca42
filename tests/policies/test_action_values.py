"""The knapsack of action values against brute force, and the charge chosen on a grid."""

from itertools import product

import numpy as np
import pytest

from rmab._kernels import action_plan
from rmab._kernels.action_plan import plan_by_gain, plan_exactly
from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.problem import Problem
from rmab.policies.action_values import ActionValuePolicy, action_costs, in_units
from rmab.policies.base import Policy
from rmab.policies.charged_values import ChargedValuePolicy
from rmab.simulation.run import simulate


def problem_of(multiplicity, n_actions, n_states, budget, criterion=None, seed=0, stay=0.0):
    rng = np.random.default_rng(seed)
    moves = rng.dirichlet(np.ones(n_states), size=(len(multiplicity), n_actions, n_states))
    moves = stay * np.eye(n_states) + (1 - stay) * moves
    rewards = rng.normal(size=(len(multiplicity), n_actions, n_states))
    return Problem(Arms(moves, rewards, multiplicity), TopK(budget), criterion or Average())


def best_total(worth, costs, budget):
    """The largest total over all choices for arms with ``worth`` (N, A)."""
    choices = np.array(list(product(range(worth.shape[1]), repeat=len(worth))))
    spent = costs[choices].sum(axis=1)
    return worth[np.arange(len(worth)), choices].sum(axis=1)[spent <= budget + 1e-9].max()


@pytest.mark.parametrize("costs", [None, [0, 1, 3], [0, 2, 3], [0, 1, 2.5], [0, 3.25, 3.5], [0, 1, 7]])
def test_choices_are_the_best_of_all(costs):
    rng = np.random.default_rng(5)
    for trial in range(60):
        multiplicity = rng.multinomial(4, [0.5, 0.5]) + 1
        problem = problem_of(multiplicity, 3, 2, int(rng.integers(0, 7)), seed=trial)
        # few values, so that ties and whole cells in one situation are frequent
        values = rng.integers(-3, 4, size=(2, 3, 2)).astype(float) if trial % 2 else rng.normal(size=(2, 3, 2))
        policy = ActionValuePolicy(values, costs)
        states = rng.integers(0, 2, size=problem.arms.n_arms)
        actions = policy.actions(problem, states, rng=rng)
        worth = values[problem.arms.type_of_arm, :, states]
        assert policy.costs[actions].sum() <= problem.budget.k
        total = worth[np.arange(len(states)), actions].sum()
        assert total == pytest.approx(best_total(worth, policy.costs, problem.budget.k), abs=1e-12)


def dynamic_program(counts, worth, units, room):
    """The largest total by the textbook program over what is spent, arm by arm."""
    best = np.zeros(room + 1)
    for row, count in zip(worth, counts, strict=True):
        for _ in range(count):
            options = [(np.append(np.full(u, -np.inf), best + v))[: room + 1] for u, v in zip(units, row, strict=True)]
            best = np.max(options, axis=0)
    return best.max()


@pytest.mark.parametrize("units", [[0, 1, 2], [0, 1, 4], [0, 2, 5], [0, 3, 4, 9], [0, 1, 2, 3, 4]])
def test_plans_of_many_arms_are_exact(units):
    rng = np.random.default_rng(sum(units))
    cost = np.array(units, dtype=float)
    for trial in range(40):
        cells = int(rng.integers(1, 7))
        counts = rng.integers(1, 30, size=cells)
        worth = np.concatenate(
            [np.zeros((cells, 1)), rng.normal(0.2, 1.0, size=(cells, len(units) - 1)).cumsum(axis=1)], axis=1
        )
        worth = np.round(worth, 1) if trial % 3 == 0 else worth
        room = int(rng.integers(0, counts.sum() * units[-1] // 2 + 1))
        plan, greedy = np.empty(worth.shape, dtype=np.int64), np.empty(worth.shape, dtype=np.int64)
        assert plan_exactly(counts, worth, cost, float(room), plan)
        plan_by_gain(counts, worth, cost, float(room), greedy)
        best = dynamic_program(counts, worth, units, room)
        for chosen in (plan, greedy):
            assert np.array_equal(chosen.sum(axis=1), counts) and (chosen >= 0).all() and (chosen @ cost).sum() <= room
        assert (plan * worth).sum() == pytest.approx(best, abs=1e-9)
        assert (greedy * worth).sum() >= best - worth.max() - 1e-9


def test_search_near_the_fractional_optimum_needs_no_more_than_it_is_given(monkeypatch):
    """Both dynamic programs, near the fractional optimum and over all that is spent, find one value."""
    rng = np.random.default_rng(1)
    cost = np.array([0.0, 2.0, 3.0])
    for _ in range(200):
        counts = rng.integers(5, 40, size=4)
        worth = np.concatenate([np.zeros((4, 1)), rng.random((4, 2))], axis=1)
        room = float(rng.integers(1, 60))
        totals = []
        for window in ((5, 9, 9), (int(room) // 2 + 1, 0, int(room))):
            plan = np.empty(worth.shape, dtype=np.int64)
            left, broken = action_plan._climb(counts, worth, cost, room, True, plan)
            if not broken:
                continue
            if window[1] == 0:
                action_plan.plan_zero(counts, plan)
                left = room
            action_plan._improve(worth, cost, int(left), window, plan)
            assert (plan @ cost).sum() <= room
            totals.append((plan * worth).sum())
        assert len(totals) == 0 or totals[0] == pytest.approx(totals[1], abs=1e-12)


def test_costs_without_a_common_unit_stay_within_the_budget():
    problem = problem_of([20, 30], 3, 4, 17)
    costs = np.array([0.0, 1.0, np.pi])
    assert in_units(costs, 17)[0] is None
    rng = np.random.default_rng(3)
    for _ in range(50):
        policy = ActionValuePolicy(rng.normal(size=(2, 3, 4)), costs)
        actions = policy.actions(problem, rng.integers(0, 4, size=50), rng=rng)
        assert costs[actions].sum() <= 17 + 1e-9


def test_arms_of_a_cell_are_treated_alike():
    problem = problem_of([6], 3, 1, 3)
    policy = ActionValuePolicy([[[0.0], [1.0], [1.5]]])
    rng = np.random.default_rng(0)
    counts = sum(policy.actions(problem, np.zeros(6, dtype=int), rng=rng) for _ in range(4000))
    # three of six arms get action 1: each is acted on in half of the periods, with a standard error of 32
    assert np.abs(counts - 2000).max() < 150


def test_a_budget_used_exactly_is_used():
    arms = problem_of([5], 2, 2, 3).arms
    problem = Problem(arms, TopK(3, exactly=True), Average())
    policy = ActionValuePolicy([[[0.0, 0.0], [-1.0, -2.0]]])
    assert isinstance(policy, Policy)
    assert np.array_equal(policy.actions(problem, np.array([0, 1, 0, 1, 0])), [1, 0, 1, 0, 1])
    outcome = simulate(problem, policy, steps=20, replicates=2, rng=0)
    assert (outcome.activations == 3).all()


def test_tiny_and_huge_costs():
    problem = problem_of([3], 2, 1, 2)
    assert ActionValuePolicy([[[0.0], [1.0]]], [0, 3]).actions(problem, np.zeros(3, dtype=int)).sum() == 0
    assert ActionValuePolicy([[[0.0], [1.0]]], [0, 1e6]).actions(problem, np.zeros(3, dtype=int)).sum() == 0


@pytest.mark.parametrize(
    ("values", "costs", "message"),
    [
        (np.zeros((2, 3)), None, "shape"),
        (np.zeros((1, 1, 3)), None, "at least two actions"),
        ([[[0.0], [np.nan]]], None, "type 0, action 1, state 0"),
        (np.zeros((1, 3, 2)), [0, 1], "3 costs"),
        (np.zeros((1, 3, 2)), [1, 2, 3], "that of action 0 must be 0"),
        (np.zeros((1, 3, 2)), [0, 0.5, 1], "action 1 costs 0.5"),
        (np.zeros((1, 3, 2)), [0, 2, 2], "action 2 costs no more than action 1"),
        (np.zeros((1, 3, 2)), [0, 1, np.inf], "finite"),
        (np.zeros((1, 3, 2)), "ab", "costs of actions"),
    ],
)
def test_bad_values_and_costs_are_named(values, costs, message):
    with pytest.raises(ModelError, match=message):
        ActionValuePolicy(values, costs)


def test_what_does_not_fit_the_problem_is_refused():
    problem = problem_of([3], 3, 2, 2)
    with pytest.raises(ModelError, match="the problem needs"):
        ActionValuePolicy(np.zeros((1, 2, 2))).actions(problem, np.zeros(3, dtype=int))
    with pytest.raises(ModelError, match="arm 1 is in state 5"):
        ActionValuePolicy(np.zeros((1, 3, 2))).actions(problem, np.array([0, 5, 0]))
    exact = Problem(problem.arms, TopK(2, exactly=True), Average())
    with pytest.raises(ModelError, match="use TopK"):
        ActionValuePolicy(np.zeros((1, 3, 2))).actions(exact, np.zeros(3, dtype=int))
    knapsack = Problem(problem.arms, Knapsack(2.0, [1.0]), Average())
    with pytest.raises(ModelError, match="counts activations"):
        ActionValuePolicy(np.zeros((1, 3, 2))).actions(knapsack, np.zeros(3, dtype=int))


def values_at(problem, costs, charges):
    """Discounted values (K, A, S, L) at each charge, by value iteration."""
    arms, beta = problem.arms, problem.criterion.beta
    paid = arms.rewards[..., np.newaxis] - np.asarray(costs, dtype=float)[:, np.newaxis, np.newaxis] * charges
    q = np.zeros_like(paid)
    for _ in range(2000):
        q = paid + beta * np.einsum("kast,ktl->kasl", arms.transitions, q.max(axis=1))
    return q


def test_the_charge_is_where_the_dual_is_least():
    problem = problem_of([8, 12], 3, 3, 9, Discounted(0.9), seed=4, stay=0.9)
    charges = np.linspace(0.0, 5.0, 101)
    values = values_at(problem, [0, 1, 2], charges)
    policy = ChargedValuePolicy(values, charges)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(30):
        states = rng.choice(3, size=20, p=rng.dirichlet([0.3] * 3))
        total = values.max(axis=1)[problem.arms.type_of_arm, states].sum(axis=0)
        slope = np.diff(total) / np.diff(charges)
        first = np.flatnonzero(np.append(slope >= -9 / 0.1, True))[0]  # the rule of the paper
        assert policy.charge(problem, states) == charges[first]
        actions = policy.actions(problem, states, rng=rng)
        worth = (values + charges * np.arange(3.0)[:, np.newaxis, np.newaxis])[problem.arms.type_of_arm, :, states, first]
        assert actions.sum() <= 9
        plain = ActionValuePolicy(values[..., first] + charges[first] * np.arange(3.0)[:, np.newaxis])
        other = plain.actions(problem, states, rng=rng)
        assert worth[np.arange(20), actions].sum() == pytest.approx(worth[np.arange(20), other].sum(), abs=1e-10)
        seen.add(int(first))
    assert len(seen) > 1


def test_bad_charges_are_named():
    with pytest.raises(ModelError, match="each above the last"):
        ChargedValuePolicy(np.zeros((1, 2, 2, 2)), [1.0, 1.0])
    with pytest.raises(ModelError, match="one for each charge"):
        ChargedValuePolicy(np.zeros((1, 2, 2, 3)), [0.0, 1.0])
    with pytest.raises(ModelError, match="at charge 1 is not finite"):
        ChargedValuePolicy(np.full((1, 2, 2, 2), [0.0, np.inf]), [0.0, 1.0])
    policy = ChargedValuePolicy(np.zeros((1, 3, 2, 2)), [0.0, 1.0])
    with pytest.raises(ModelError, match="discounted values"):
        policy.actions(problem_of([3], 3, 2, 2), np.zeros(3, dtype=int))


def test_default_costs_count_actions():
    assert np.array_equal(action_costs(None, 4), [0, 1, 2, 3])

"""Both engines against exact laws: matrix powers, joint chains of tiny problems, and each other."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.base import PriorityPolicy, PriorityRule
from rmab.policies.baselines import NoAction, RoundRobin, Uniform
from rmab.policies.index import IndexPolicy
from rmab.simulation.run import simulate

ENGINES = ["arms", "counts"]


class Copy:
    """A priority policy hidden behind its actions, as a user's own policy would be."""

    def __init__(self, policy: PriorityPolicy) -> None:
        self.policy = policy

    def actions(self, problem, states, *, step=0, rng=None):
        return self.policy.actions(problem, states, step=step, rng=rng)


def random_arms(seed, types, states, multiplicity):
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.full(states, 0.7), (types, 2, states))
    return Arms(transitions, rng.normal(size=(types, 2, states)), multiplicity=multiplicity)


def joint_curve(problem, rule, steps):
    """Exact mean reward per period from the joint chain, ties at the cut uniform: enumeration of states and of choices."""
    arms, budget = problem.arms, problem.budget
    kind = arms.type_of_arm
    joint = list(product(range(arms.n_states), repeat=arms.n_arms))
    share = np.array([np.prod([problem.start_distribution[k, s] for k, s in zip(kind, x, strict=True)]) for x in joint])
    chain, gain = np.zeros((len(joint), len(joint))), np.zeros(len(joint))
    for i, x in enumerate(joint):
        priority = rule.priority[kind, list(x)]
        allowed = np.ones(len(x), dtype=bool) if budget.exactly else priority >= rule.threshold
        size = min(budget.k, allowed.sum())
        options = list(combinations(np.flatnonzero(allowed), size))
        totals = [sorted(priority[list(c)], reverse=True) for c in options]
        best = [c for c, total in zip(options, totals, strict=True) if total == max(totals)]
        for chosen in best:
            action = np.isin(np.arange(len(x)), chosen).astype(int)
            gain[i] += sum(arms.rewards[k, a, s] for k, a, s in zip(kind, action, x, strict=True)) / len(best)
            row = np.ones(1)
            for k, a, s in zip(kind, action, x, strict=True):
                row = np.kron(row, arms.transitions[k, a, s])
            chain[i] += row / len(best)
    curve = []
    for _ in range(steps):
        curve.append(share @ gain)
        share = share @ chain
    return np.array(curve)


def standard_error(outcome):
    return outcome.rewards.std(ddof=1) / np.sqrt(outcome.replicates)


@pytest.mark.parametrize("engine", ENGINES)
def test_hand_computed_deterministic_arms(engine):
    # waiting stays, acting moves 0 -> 1 -> 0; reward 1 in state 1; one activation per period, first the arms in state 0
    arms = Arms([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[0, 1], [0, 1]], multiplicity=[2])
    problem = Problem(arms, TopK(1, exactly=True), Average(), start=[0, 0])
    outcome = simulate(problem, IndexPolicy([[1.0, 0.0]]), steps=5, replicates=3, rng=0, engine=engine)
    np.testing.assert_array_equal(outcome.curve, [0, 1, 2, 1, 2])
    np.testing.assert_array_equal(outcome.states[:, 1], [0, 0.5, 1, 0.5, 1])
    np.testing.assert_array_equal(outcome.activations, np.ones(5))
    assert outcome.mean == 1.2
    assert outcome.interval == (1.2, 1.2)


@pytest.mark.parametrize("engine", [*ENGINES, "custom"])
def test_one_table_per_period(engine):
    # acting pays 1 for type 0 and 10 for type 1; the tables prefer type 1, then type 0 for good
    stay = np.ones((2, 2, 1, 1))
    problem = Problem(Arms(stay, [[[0], [1]], [[0], [10]]], multiplicity=[2, 3]), TopK(2), Average(), start=0)
    policy = IndexPolicy([[[0.0], [1.0]], [[1.0], [0.0]]])
    if engine == "custom":
        outcome = simulate(problem, Copy(policy), steps=4, replicates=2, rng=0)
    else:
        outcome = simulate(problem, policy, steps=4, replicates=2, rng=0, engine=engine)
    np.testing.assert_array_equal(outcome.curve, [20, 2, 2, 2])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fixed", [True, False])
def test_uncontrolled_occupancy_is_the_matrix_power(engine, fixed):
    arms = random_arms(3, 2, 4, [30, 50])
    start = np.arange(80) % 4 if fixed else np.array([[0.1, 0.2, 0.0, 0.7], [0.4, 0.1, 0.5, 0.0]])
    problem = Problem(arms, TopK(0), Average(), start=start)
    replicates, steps = 400, 6
    outcome = simulate(problem, NoAction(), steps=steps, replicates=replicates, rng=1, engine=engine)
    share = problem.start_distribution.copy()
    for t in range(steps):
        expected = arms.multiplicity @ share / 80
        # each arm is in a state or not, independently: the variance is at most p (1 - p) per arm
        error = np.sqrt(expected * (1 - expected) / (80 * replicates)) + 1e-12
        assert (np.abs(outcome.states[t] - expected) < 4.5 * error).all()
        share = np.einsum("ks,kst->kt", share, arms.transitions[:, 0])
    assert (outcome.activations == 0).all()


@pytest.mark.parametrize("engine", [*ENGINES, "custom"])
@pytest.mark.parametrize(
    ("seed", "multiplicity", "budget", "tied"),
    [
        (1, [2, 1], TopK(1), False),
        (2, [1, 2], TopK(2, exactly=True), False),
        (3, [3, 1], TopK(2), True),
        (4, [4], TopK(2, exactly=True), True),
    ],
)
def test_discounted_value_is_that_of_the_joint_chain(engine, seed, multiplicity, budget, tied):
    arms = random_arms(seed, len(multiplicity), 2, multiplicity)
    rng = np.random.default_rng(seed)
    priority = rng.integers(0, 2, (len(multiplicity), 2)).astype(float) if tied else rng.normal(size=(len(multiplicity), 2))
    start = rng.dirichlet(np.ones(2), len(multiplicity))
    problem = Problem(arms, budget, Discounted(0.8), start=start)
    policy = IndexPolicy(priority)
    steps = 12
    weights = 0.2 * 0.8 ** np.arange(steps)
    curve = joint_curve(problem, PriorityRule(priority), steps)
    if engine == "custom":
        outcome = simulate(problem, Copy(policy), steps=steps, replicates=1_500, rng=seed)
    else:
        outcome = simulate(problem, policy, steps=steps, replicates=40_000, rng=seed, engine=engine)
    assert abs(outcome.mean - weights @ curve) < 4 * standard_error(outcome)
    band = (outcome.curve_interval[:, 1] - outcome.curve_interval[:, 0]) / 2 / 1.96
    assert (np.abs(outcome.curve - curve) < 4.5 * band + 1e-12).all()


@pytest.mark.parametrize("seed", range(10))
def test_engines_agree_in_law(seed):
    rng = np.random.default_rng(100 + seed)
    types, states = int(rng.integers(1, 5)), int(rng.integers(2, 6))
    arms = random_arms(seed, types, states, rng.integers(5, 60, types))
    budget = TopK(int(rng.integers(1, arms.n_arms)), exactly=bool(seed % 2))
    problem = Problem(arms, budget, Average())
    # coarse priorities tie cells of different types
    policy = IndexPolicy(np.round(2 * rng.normal(size=(types, states))) / 2)
    runs = [simulate(problem, policy, steps=15, replicates=3_000, rng=s, engine=e) for s, e in enumerate(ENGINES)]
    first, second = runs
    error = np.hypot(standard_error(first), standard_error(second))
    assert abs(first.mean - second.mean) < 4 * error
    spread = [run.rewards.std(ddof=1) for run in runs]
    assert spread[0] / spread[1] == pytest.approx(1, abs=4 / np.sqrt(3_000))
    assert np.abs(first.states - second.states).max() < 5 * 0.5 / np.sqrt(3_000)
    assert np.abs(first.activations - second.activations).max() < 0.02 * arms.n_arms
    assert stats.ks_2samp(first.rewards, second.rewards).pvalue > 1e-4


def test_ties_are_exactly_uniform_over_arms():
    # acting marks an arm for good and nothing else moves: after one period the marked arms are the chosen ones
    arms = Arms([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 0], [0, 0]], multiplicity=[1])
    many = Arms(np.repeat(arms.transitions, 6, 0), np.eye(6)[:, np.newaxis, :1] * np.ones((6, 2, 2)))
    sets = {}
    for first in range(6):
        # the reward of arm ``first`` alone says whether it was chosen: reward 1 in state 1
        rewards = np.zeros((6, 2, 2))
        rewards[first, :, 1] = 1
        problem = Problem(Arms(many.transitions, rewards), TopK(2), Horizon(2), start=0)
        sets[first] = simulate(problem, Uniform(), replicates=30_000, rng=5, engine="arms").rewards > 0
    chosen = np.array([sets[arm] for arm in range(6)])
    assert (chosen.sum(axis=0) == 2).all()
    pairs = [(chosen[a] & chosen[b]).sum() for a, b in combinations(range(6), 2)]
    assert stats.chisquare(pairs).pvalue > 1e-4


def test_counts_ties_are_hypergeometric():
    # two types in two tied cells; the reward counts activations of the first type
    stay = np.broadcast_to(np.eye(2), (2, 2, 2, 2))
    rewards = np.zeros((2, 2, 2))
    rewards[0, 1] = 1
    problem = Problem(Arms(stay, rewards, multiplicity=[12, 18]), TopK(10), Horizon(1), start=0)
    for engine in ENGINES:
        outcome = simulate(problem, Uniform(), replicates=30_000, rng=5, engine=engine)
        seen = np.bincount(outcome.rewards.astype(int), minlength=11)
        expected = stats.hypergeom(30, 12, 10).pmf(np.arange(11))
        keep = expected * 30_000 >= 10
        pooled = [*seen[keep], seen[~keep].sum()], [*expected[keep], expected[~keep].sum()]
        assert stats.chisquare(pooled[0], np.array(pooled[1]) * 30_000).pvalue > 1e-4


@pytest.mark.parametrize("engine", ENGINES)
def test_budget_at_most_and_exactly(engine):
    arms = random_arms(5, 3, 3, [10, 20, 30])
    priority = np.array([[1.0, -1.0, -np.inf], [0.5, 0.5, -2.0], [-3.0, np.inf, -np.inf]])
    at_most = Problem(arms, TopK(25), Average(), start=0)
    outcome = simulate(at_most, IndexPolicy(priority), steps=40, replicates=20, rng=2, engine=engine)
    assert outcome.activations.max() <= 25
    # at the start types 0 and 1 are worth acting on: 10 + 20 arms for 25 places; later some places stay empty
    assert outcome.activations[0] == 25
    scarce = Problem(arms, TopK(50), Average(), start=0)
    assert simulate(scarce, IndexPolicy(priority), steps=1, replicates=2, rng=2, engine=engine).activations[0] == 30
    exactly = Problem(arms, TopK(50, exactly=True), Average(), start=0)
    outcome = simulate(exactly, IndexPolicy(priority), steps=40, replicates=20, rng=2, engine=engine)
    assert (outcome.activations == 50).all()
    always = simulate(scarce, IndexPolicy(priority, threshold=-np.inf), steps=40, replicates=20, rng=2, engine=engine)
    assert (always.activations == 50).all()


def test_round_robin_visits_in_turn():
    # acting moves to state 1, waiting to state 0, reward 1 in state 1: from the second period on k arms are in state 1
    arms = Arms([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], [[0, 1], [0, 1]], multiplicity=[7])
    outcome = simulate(Problem(arms, TopK(3), Average(), start=0), RoundRobin(), steps=20, replicates=2, rng=0)
    np.testing.assert_array_equal(outcome.curve, [0] + [3] * 19)
    assert outcome.engine == "arms"


def test_three_actions_from_a_custom_policy():
    stay = np.broadcast_to(np.eye(2), (1, 3, 2, 2))
    arms = Arms(stay, [[[0, 0], [1, 1], [5, 5]]], multiplicity=[4])

    class Both:
        def actions(self, problem, states, *, step=0, rng=None):
            return np.array([0, 1, 2, 0])

    outcome = simulate(Problem(arms, TopK(2), Average(), start=0), Both(), steps=3, replicates=2, rng=0)
    np.testing.assert_array_equal(outcome.curve, [6, 6, 6])
    np.testing.assert_array_equal(outcome.activations, [2, 2, 2])

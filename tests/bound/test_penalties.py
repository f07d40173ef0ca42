"""What arms owe on their own, in the fluid bound: against mixtures of all policies, a dense program and published numbers."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from rmab.bound.fluid import fluid_bound
from rmab.bound.horizon import horizon_bound
from rmab.errors import InfeasiblePenalty
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.scenarios.registry import scenario

CRITERIA = (Average(), Discounted(0.8), Horizon(3))


class Mixtures:
    """The relaxed problem over mixtures of all deterministic policies of each type, written out policy by policy.

    For each type: what each policy earns, uses of the budget (in each period of a horizon) and exceeds its bounds by, per
    period in the mean of the criterion from the start. No occupancies, no flow equations, no type weights.
    """

    def __init__(self, problem):
        self.problem = problem
        arms, start = problem.arms, problem.start_distribution
        self.types = []
        for k in range(arms.n_types):
            tables = (
                arms.rewards[k],
                np.arange(arms.n_actions)[:, None] > np.zeros(arms.n_states),
                *problem.excess_costs[:, k],
            )
            self.types.append(np.array(list(self._policies(arms.transitions[k], tables, start[k]))))
        costs = problem.resource_costs[0]
        self.periods = self.types[0].shape[1] - 1 - len(problem.excess_costs)
        self.used = [m[:, 1 : 1 + self.periods] * cost for m, cost in zip(self.types, costs, strict=True)]

    def _policies(self, p, tables, start):
        n_states, states = p.shape[1], np.arange(p.shape[1])
        if isinstance(self.problem.criterion, Horizon):
            steps = self.problem.criterion.steps
            for plan in product(product(range(len(p)), repeat=n_states), repeat=steps):
                at, seen = start, []
                for choice in map(np.array, plan):
                    seen.append([at @ table[choice, states] for table in tables])
                    at = at @ p[choice, states]
                seen = np.array(seen)
                yield np.concatenate([seen[:, :1].mean(axis=0), seen[:, 1], seen[:, 2:].mean(axis=0)])
            return
        for choice in map(np.array, product(range(len(p)), repeat=n_states)):
            share = self._share(p[choice, states], start)
            yield np.array([share @ table[choice, states] for table in tables])

    def _share(self, p, start):
        if isinstance(self.problem.criterion, Discounted):
            beta = self.problem.criterion.beta
            return (1 - beta) * np.linalg.solve(np.eye(len(p)) - beta * p.T, start)
        # half a step of laziness changes no long-run share and removes periods; 2^40 steps are for ever
        p = (p + np.eye(len(p))) / 2
        for _ in range(40):
            p = p @ p
            p /= p.sum(axis=1, keepdims=True)
        return start @ p

    def best(self):
        """The optimum over mixtures, or None where there is none."""
        m, budget = self.problem.arms.multiplicity, self.problem.budget
        sizes = [len(t) for t in self.types]
        use = np.hstack([n * u.T for n, u in zip(m, self.used, strict=True)])
        ends = np.cumsum([0, *sizes])
        ones, owed = np.zeros((len(sizes), ends[-1])), []
        for k, t in enumerate(self.types):
            ones[k, ends[k] : ends[k + 1]] = 1
            for excess in t[:, 1 + self.periods :].T:
                owed.append(np.zeros(ends[-1]))
                owed[-1][ends[k] : ends[k + 1]] = excess
        limit = np.full(self.periods, self.problem.capacity)
        owed = np.array(owed).reshape(-1, ends[-1])
        result = linprog(
            -np.concatenate([n * t[:, 0] for n, t in zip(m, self.types, strict=True)]),
            A_eq=np.vstack([ones, use]) if budget.exactly else ones,
            b_eq=np.concatenate([np.ones(len(sizes)), limit]) if budget.exactly else np.ones(len(sizes)),
            A_ub=owed if budget.exactly else np.vstack([owed, use]),
            b_ub=np.zeros(len(owed)) if budget.exactly else np.concatenate([np.zeros(len(owed)), limit]),
        )
        assert result.status in (0, 2)
        return -result.fun if result.status == 0 else None

    def dual(self, price, multipliers):
        """The Lagrangian bound at a price (in each period of a horizon) and multipliers (J, K), by trying every policy."""
        price = np.broadcast_to(price, self.periods)
        total = price.sum() * self.problem.capacity
        for n, t, used, mu in zip(self.problem.arms.multiplicity, self.types, self.used, multipliers.T, strict=True):
            total += n * (t[:, 0] - used @ price - t[:, 1 + self.periods :] @ mu).max()
        return total


def owing(rng, drawn, *, n_penalties, least=0.0, most=1.0):
    """The problem with penalties whose bounds lie between the least and the largest mean cost of each type."""
    penalties = [Penalty(rng.normal(size=drawn.arms.rewards.shape), np.zeros(drawn.arms.n_types)) for _ in range(n_penalties)]
    plain = Problem(drawn.arms, drawn.budget, drawn.criterion, penalties, start=drawn.start)
    periods = drawn.criterion.steps if isinstance(drawn.criterion, Horizon) else 1
    reach = [t[:, 1 + periods :] for t in Mixtures(plain).types]
    low, high = np.array([r.min(axis=0) for r in reach]).T, np.array([r.max(axis=0) for r in reach]).T
    bounds = low + rng.uniform(least, most, size=low.shape) * (high - low)
    given = [Penalty(penalty.cost, bound) for penalty, bound in zip(penalties, bounds, strict=True)]
    return Problem(drawn.arms, drawn.budget, drawn.criterion, given, start=drawn.start)


def drawn_case(random_problem, seed, criterion, structure="dense", n_penalties=1, **reach):
    rng = np.random.default_rng([seed, n_penalties])
    sizes = {"types": (2, 2), "states": (2, 2)} if isinstance(criterion, Horizon) else {"types": (1, 3), "states": (2, 4)}
    return owing(rng, random_problem(rng, structure=structure, criterion=criterion, **sizes), n_penalties=n_penalties, **reach)


def feasible_case(random_problem, seed, criterion, structure="dense", n_penalties=1):
    """The first draw that mixtures say is feasible, with requirements that cost something."""
    for attempt in range(50):
        problem = drawn_case(random_problem, 100 * seed + attempt, criterion, structure, n_penalties, least=0.2)
        best = Mixtures(problem).best()
        if best is None:
            continue
        free = Problem(problem.arms, problem.budget, criterion, start=problem.start)
        if Mixtures(free).best() > best + 1e-3:
            return problem, best
    raise AssertionError("no feasible draw")


@pytest.mark.parametrize("n_penalties", [1, 2])
@pytest.mark.parametrize("structure", ["dense", "blocks", "absorbing", "deterministic"])
@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_the_best_mixture_of_all_policies(criterion, structure, n_penalties, random_problem):
    """Several recurrent classes, absorbing states and both senses of the budget are among the draws, feasible or not."""
    found = [0, 0]
    for seed in range(12):
        problem = drawn_case(random_problem, seed, criterion, structure, n_penalties)
        best = Mixtures(problem).best()
        found[best is None] += 1
        if best is None:
            with pytest.raises(InfeasiblePenalty, match="infeasible"):
                fluid_bound(problem)
        else:
            bound = fluid_bound(problem)
            assert bound.value == pytest.approx(best, rel=1e-8, abs=1e-8)
            occupancy = bound.occupancy.mean(axis=0) if isinstance(criterion, Horizon) else bound.occupancy
            assert (occupancy * problem.excess_costs).sum(axis=(-1, -2)).max() < 1e-8
    assert min(found) > 0


@pytest.mark.parametrize("n_penalties", [1, 3])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_price_and_multipliers_minimise_the_dual(criterion, seed, n_penalties, random_problem):
    structure = ("dense", "absorbing")[seed % 2]
    problem, best = feasible_case(random_problem, seed, criterion, structure, n_penalties)
    bound, mixtures = fluid_bound(problem), Mixtures(problem)
    # a horizon's price adds to the total reward, of which the value is the mean
    price = bound.prices / len(bound.prices) if isinstance(criterion, Horizon) else bound.price
    assert bound.multipliers.shape == (n_penalties, problem.arms.n_types) and bound.multipliers.min() >= 0
    assert mixtures.dual(price, bound.multipliers) == pytest.approx(best, rel=1e-8, abs=1e-8)
    rng = np.random.default_rng(seed)
    for _ in range(50):
        other = price + rng.normal(size=np.shape(price)) * 0.1
        other = other if problem.budget.exactly else np.maximum(other, 0)
        mu = np.maximum(bound.multipliers + rng.normal(size=bound.multipliers.shape) * 0.1, 0)
        assert mixtures.dual(other, mu) >= best - 1e-8


def dense_program(problem):
    """The program of one arm of each type, whole, with dense matrices: value, price and multipliers of one arm's bound."""
    arms, m = problem.arms, problem.arms.multiplicity
    n_types, n_actions, n_states = arms.rewards.shape
    beta = problem.criterion.beta if isinstance(problem.criterion, Discounted) else 1.0
    size = n_actions * n_states
    equations, right = [], []
    for k in range(n_types):
        for t in range(n_states):
            row = np.zeros((n_types, n_actions, n_states))
            row[k, :, t] += 1
            row[k] -= beta * arms.transitions[k, :, :, t]
            equations.append(row.ravel())
            right.append((1 - beta) * problem.start_distribution[k, t])
        equations.append((np.arange(n_types) == k).repeat(size).astype(float))
        right.append(1.0)
    capacity = np.zeros((n_types, n_actions, n_states))
    capacity[:, 1:] = m[:, None, None]
    owed = np.einsum("jkas,kl->jklas", problem.excess_costs, np.eye(n_types)).reshape(-1, n_types * size)
    exactly = problem.budget.exactly
    result = linprog(
        -(m[:, None, None] * arms.rewards).ravel(),
        A_eq=np.array([*equations, capacity.ravel()] if exactly else equations),
        b_eq=np.array([*right, problem.budget.k] if exactly else right),
        A_ub=owed if exactly else np.vstack([owed, capacity.ravel()]),
        b_ub=np.zeros(len(owed)) if exactly else np.append(np.zeros(len(owed)), problem.budget.k),
    )
    assert result.status == 0, result.message
    price = -(result.eqlin if exactly else result.ineqlin).marginals[-1]
    return -result.fun, price, -result.ineqlin.marginals[: len(owed)].reshape(-1, n_types) / m


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("criterion", [Average(), Discounted(0.95)], ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_a_dense_program(seed, criterion, exactly):
    """Value, price and multipliers of larger arms with three actions; every arm owes activations, and some energy."""
    rng = np.random.default_rng(seed)
    shape = (5, 3, 8)
    arms = Arms(rng.dirichlet(np.ones(8), size=shape), rng.normal(size=shape), rng.integers(1, 9, size=5))
    acts = np.broadcast_to(np.arange(3)[:, None] > 0, shape).astype(float)
    penalties = [
        Penalty(-acts, rng.uniform(-0.3, -0.1, size=5)),
        Penalty(rng.random(shape) + acts, [2.0, np.inf, 0.9, 0.9, 1.4]),
    ]
    problem = Problem(arms, TopK(int(0.4 * arms.n_arms), exactly), criterion, penalties)
    value, price, multipliers = dense_program(problem)
    bound = fluid_bound(problem)
    assert bound.value == pytest.approx(value, rel=1e-8)
    assert bound.price == pytest.approx(price, abs=1e-7)
    np.testing.assert_allclose(bound.multipliers, multipliers, atol=1e-6)
    assert bound.multipliers[1, 1] == 0 and bound.multipliers.max() > 0.01


# value and price on average, value discounted by 0.99, all with exactly one arm per period
PUBLISHED = {
    ("throughput-activation-v1", "TP4"): (0.48600, 0.72, 0.486),
    ("throughput-activation-v1", "TP6"): (0.62400, 0.72, 0.624),
    ("remote-sensing-v1", "RS4"): (-0.89753, 0.30, -0.83797),
    ("remote-sensing-v1", "RS8"): (-2.65029, 1.68, -2.37732),
    ("throughput-regularity-v1", "SR4"): (0.55921, 0.48, 0.55988),
    ("throughput-regularity-v1", "SR6"): (0.73435, 0.64, 0.73725),
}


@pytest.mark.parametrize("name", PUBLISHED, ids=lambda name: name[1])
def test_the_six_scenarios(name):
    value, price, discounted = PUBLISHED[name]
    bound = fluid_bound(scenario(name[0], variant=name[1], scale=3))
    assert bound.value / 3 == pytest.approx(value, abs=6e-6)
    assert bound.price == pytest.approx(price, abs=5e-3)
    assert fluid_bound(scenario(name[0], variant=name[1], criterion=Discounted(0.99))).value == pytest.approx(
        discounted, abs=6e-6
    )


def test_multipliers_of_a_channel_are_known():
    """An arm that must be acted on in a share of periods is paid the price less what the next best channel is worth to it."""
    v, floor = np.array([0.3, 0.5, 0.7, 0.9]), np.array([0.35, 0.35, 0.05, 0.05])
    bound = fluid_bound(scenario("throughput-activation-v1", variant="TP4"))
    quantile = v * np.ceil(10 * (1 - floor)) / 10  # channel at which the arm begins to act
    np.testing.assert_allclose(bound.multipliers[0], np.maximum(bound.price - quantile, 0), atol=1e-8)


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize("copies", [7, 10**6, 10**9])
def test_copies_of_the_types_change_neither_price_nor_multipliers(criterion, copies, random_problem):
    problem, _ = feasible_case(random_problem, 1, criterion, n_penalties=2)
    arms, share = problem.arms, problem.start_distribution
    more = Arms(arms.transitions, arms.rewards, arms.multiplicity * copies)
    budget = TopK(problem.budget.k * copies, problem.budget.exactly)
    one, many = fluid_bound(problem), fluid_bound(Problem(more, budget, criterion, problem.penalties, share))
    assert many.value == pytest.approx(one.value * copies, rel=1e-10)
    assert many.price == pytest.approx(one.price, rel=1e-8, abs=1e-10)
    np.testing.assert_allclose(many.multipliers, one.multipliers, atol=1e-8)


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_a_type_of_many_arms_is_many_types_of_one_arm(criterion, random_problem):
    problem, _ = feasible_case(random_problem, 2, criterion)
    m = problem.arms.multiplicity
    assert m.max() > 1
    rows = np.repeat(np.arange(len(m)), m)
    single = Arms(problem.arms.transitions[rows], problem.arms.rewards[rows])
    penalties = [Penalty(penalty.cost[rows], penalty.bound[rows]) for penalty in problem.penalties]
    start = problem.start_distribution[rows]
    one, many = fluid_bound(problem), fluid_bound(Problem(single, problem.budget, criterion, penalties, start))
    assert many.value == pytest.approx(one.value, rel=1e-9)
    assert many.price == pytest.approx(one.price, abs=1e-8)
    np.testing.assert_allclose(many.multipliers, one.multipliers[:, rows], atol=1e-7)


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
@pytest.mark.parametrize(("reward_unit", "cost_unit"), [(1e-6, 1e6), (1e6, 1e-9), (1.0, 1e12)])
def test_units_do_not_matter(criterion, reward_unit, cost_unit, random_problem):
    problem, _ = feasible_case(random_problem, 3, criterion, n_penalties=2)
    arms = Arms(problem.arms.transitions, problem.arms.rewards * reward_unit, problem.arms.multiplicity)
    one = fluid_bound(problem)
    # only a penalty that binds is in another unit
    binds = int(one.multipliers.max(axis=1).argmax())
    assert one.multipliers[binds].max() > 1e-3
    units = np.where(np.arange(2) == binds, cost_unit, 1.0)
    penalties = [Penalty(p.cost * unit, p.bound * unit) for p, unit in zip(problem.penalties, units, strict=True)]
    other = fluid_bound(Problem(arms, problem.budget, criterion, penalties, problem.start))
    assert other.value == pytest.approx(one.value * reward_unit, rel=1e-8)
    assert other.price == pytest.approx(one.price * reward_unit, rel=1e-7, abs=1e-9 * reward_unit)
    for found, expected, unit in zip(other.multipliers, one.multipliers, units, strict=True):
        np.testing.assert_allclose(found * unit / reward_unit, expected, atol=1e-7)


@pytest.mark.parametrize("many", [10**3, 10**6])
def test_a_rare_type_is_solved_as_well_as_a_common_one(many):
    """At the price of the problem every type is on its own, so the rare one must do what it does alone at that price."""
    rng = np.random.default_rng(5)
    p, r = rng.dirichlet(np.ones(6), size=(2, 2, 6)), rng.normal(size=(2, 2, 6))
    acts = np.zeros((2, 2, 6))
    acts[:, 1] = 1
    for criterion in (Average(), Discounted(0.95)):
        for floor in (0.2, 0.6):
            penalty = Penalty(-acts, [np.inf, -floor])
            bound = fluid_bound(Problem(Arms(p, r, [many, 1]), TopK(many // 3), criterion, penalty))
            charged = Arms(p[1:], r[1:] - bound.price * acts[1:])
            alone = fluid_bound(Problem(charged, TopK(1), criterion, Penalty(-acts[1:], -floor)))
            x = bound.occupancy[1]
            # tolerances of 1e-10 are shared evenly between occupancies and reduced costs, at the root of the rarity
            slack = 1e-8 * np.sqrt(many)
            assert x.sum() == pytest.approx(1, abs=slack)
            assert x[1].sum() >= floor - slack
            assert (x * charged.rewards[0]).sum() == pytest.approx(alone.value, abs=slack)
            np.testing.assert_allclose(bound.multipliers[0, 1], alone.multipliers[0, 0], atol=slack)
    assert alone.multipliers[0, 0] > 0.1


@pytest.mark.parametrize("criterion", CRITERIA, ids=str)
def test_requirements_that_do_not_bind_change_nothing(criterion, random_problem):
    rng = np.random.default_rng(6)
    drawn = random_problem(rng, criterion=criterion, types=(2, 2), states=(2, 2))
    free = fluid_bound(drawn)
    cost = rng.normal(size=drawn.arms.rewards.shape)
    for bound in (np.inf, cost.max() + 0.1):
        loose = fluid_bound(Problem(drawn.arms, drawn.budget, criterion, Penalty(cost, bound), drawn.start))
        assert loose.value == pytest.approx(free.value, rel=1e-10)
        assert loose.price == pytest.approx(free.price, rel=1e-8, abs=1e-10)
        assert not loose.multipliers.any()
    assert free.multipliers is None
    tight = fluid_bound(Problem(drawn.arms, drawn.budget, criterion, [Penalty(cost, np.inf), Penalty(cost, 10.0)], drawn.start))
    assert tight.multipliers.shape == (2, 2) and tight.value == pytest.approx(free.value, rel=1e-10)


def test_multipliers_are_what_one_arms_bound_is_worth():
    """A little more for one arm of the type: its own type then, with one arm."""
    problem = scenario("remote-sensing-v1", variant="RS8", scale=2, criterion=Discounted(0.99))
    bound, more = fluid_bound(problem), 1e-4
    for k in (4, 6):
        rows = np.append(np.arange(8), k)
        m = np.append(problem.arms.multiplicity, 1)
        m[k] -= 1
        arms = Arms(problem.arms.transitions[rows], problem.arms.rewards[rows], m)
        limit = problem.penalties.bound[rows]
        limit[-1] += more
        start = problem.start_distribution[rows]
        relaxed = fluid_bound(
            Problem(arms, problem.budget, problem.criterion, Penalty(problem.penalties.cost[rows], limit), start)
        )
        assert (relaxed.value - bound.value) / more == pytest.approx(bound.multipliers[0, k], rel=1e-4)


def test_a_penalty_told_twice_costs_once(random_problem):
    problem, best = feasible_case(random_problem, 4, Average())
    (penalty,) = problem.penalties
    once = fluid_bound(problem)
    twice = fluid_bound(Problem(problem.arms, problem.budget, Average(), [penalty, penalty], problem.start))
    assert twice.value == pytest.approx(best, rel=1e-9)
    np.testing.assert_allclose(twice.multipliers.sum(axis=0), once.multipliers[0], atol=1e-8)


def test_penalties_under_a_knapsack(random_problem):
    """A knapsack of ones is a count; the cost of an activation is charged to the type."""
    for seed in range(4):
        problem, _ = feasible_case(random_problem, seed + 10, CRITERIA[seed % 3])
        if problem.budget.exactly or problem.budget.k == 0:
            problem = Problem(problem.arms, TopK(problem.arms.n_arms), problem.criterion, problem.penalties, problem.start)
        costs = np.random.default_rng(seed).uniform(0.5, 2.0, problem.arms.n_types)
        for given, capacity in ((np.ones(len(costs)), problem.budget.k), (costs, 0.8 * problem.budget.k)):
            packed = Problem(problem.arms, Knapsack(capacity, given), problem.criterion, problem.penalties, problem.start)
            best = Mixtures(packed).best()
            if best is not None:
                assert fluid_bound(packed).value == pytest.approx(best, rel=1e-8, abs=1e-8)
        assert best is None or (given == costs).all()


def test_a_horizon_counts_the_mean_over_its_periods():
    """An arm that may be acted on in half of three periods: once for sure, and half of the time once more."""
    arms = Arms(np.ones((2, 1, 1)), [[0.0], [1.0]], multiplicity=[4])
    problem = Problem(arms, TopK(4), Average(), Penalty([[0.0], [1.0]], 0.5))
    bound = horizon_bound(problem, 3)
    assert bound.value == pytest.approx(2.0)
    np.testing.assert_allclose(bound.multipliers, [[1.0]], atol=1e-12)
    np.testing.assert_allclose(bound.prices, 0.0, atol=1e-12)


def test_the_horizon_tends_to_the_average():
    problem = scenario("throughput-activation-v1", variant="TP4")
    limit = fluid_bound(problem)
    long = horizon_bound(problem, 60)
    assert long.value == pytest.approx(limit.value, rel=1e-6)  # channels without memory: every horizon is worth the same
    np.testing.assert_allclose(long.multipliers, limit.multipliers, atol=1e-6)


def test_a_bound_says_what_binds():
    text = str(fluid_bound(scenario("remote-sensing-v1", variant="RS4")))
    assert "penalties: 2 of 4 requirements bind, multipliers from 0 to 2.3" in text

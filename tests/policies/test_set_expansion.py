"""The largest set against a linear program, its monotone growth, and the distance to the bound."""

import numpy as np
import pytest
from scipy.optimize import linprog

from oracles.lp_cases import drawn, named, run
from rmab.bound.fluid import fluid_bound
from rmab.errors import ModelError
from rmab.models.budget import TopK
from rmab.models.criterion import Discounted, Horizon
from rmab.policies.set_expansion import Focus, SetExpansion, closest
from rmab.simulation.run import simulate


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_budget_is_kept(exactly, seed):
    problem = drawn(seed, exactly=exactly)
    run(problem, SetExpansion(problem), 150, seed)


@pytest.mark.parametrize("seed", range(20))
def test_closest_counts_are_closest(seed):
    rng = np.random.default_rng(seed)
    size = 5
    high = rng.integers(0, 20, size=(1, size))
    low = rng.integers(0, high + 1)
    target = rng.dirichlet(np.ones(size)) * high.sum()
    share = rng.uniform(low.sum(), high.sum()) / max(high.sum(), 1)
    found = closest(np.array([share]), low, high, target[np.newaxis])[0, 0]
    assert (found >= low[0] - 1e-9).all()
    assert (found <= high[0] + 1e-9).all()
    assert found.sum() == pytest.approx(share * high.sum())
    # minimise sum u subject to u >= |d - share * target|, low <= d <= high, sum d fixed
    eye = np.eye(size)
    best = linprog(
        np.concatenate([np.zeros(size), np.ones(size)]),
        A_ub=np.block([[eye, -eye], [-eye, -eye]]),
        b_ub=np.concatenate([share * target, -share * target]),
        A_eq=np.concatenate([np.ones(size), np.zeros(size)])[np.newaxis],
        b_eq=[share * high.sum()],
        bounds=[*zip(low[0], high[0], strict=True), *[(0, None)] * size],
    )
    assert np.abs(found - share * target).sum() == pytest.approx(best.fun, abs=1e-6)


def largest_by_program(low, high, target, k, exactly):
    """Most arms of one type in a set that meets the condition: variables d (S,), u (S,)."""
    size, n = len(low), target.sum()
    eye, ones, mu = np.eye(size), np.ones(size), target / n
    spread = eye - np.outer(mu, ones)
    room = min(k, n - k) if exactly else k
    result = linprog(
        np.concatenate([-ones, np.zeros(size)]),
        A_ub=np.block([[spread, -eye], [-spread, -eye], [room / n * ones[np.newaxis], ones[np.newaxis] / 2]]),
        b_ub=np.concatenate([np.zeros(2 * size), [room]]),
        bounds=[*zip(low, high, strict=True), *[(0, None)] * size],
    )
    return -result.fun if result.status == 0 else None


@pytest.mark.parametrize("exactly", [True, False])
@pytest.mark.parametrize("seed", range(15))
def test_the_set_is_the_largest_that_meets_the_condition(exactly, seed):
    rng = np.random.default_rng(seed)
    n, size, k = 400, 4, 120
    target = rng.dirichlet(np.ones(size))[np.newaxis] * n
    cells = rng.choice(size, p=rng.dirichlet(np.ones(size)), size=n)
    before = rng.random(n) < rng.choice([0.05, 0.9])
    focus = Focus(target, float(k), TopK(k, exactly=exactly))
    after = focus.update(cells, before, np.ones(n, dtype=bool), rng.permutation(n))
    assert not (before & ~after).any() or not (after & ~before).any()
    held, there = (np.bincount(cells[set_], minlength=size) for set_ in (before, np.ones(n, dtype=bool)))
    around = largest_by_program(held, there, target[0], k, exactly)
    low, high = (held, there) if around is not None and meets(held, target[0], k, exactly) else (np.zeros(size), held)
    best = largest_by_program(low, high, target[0], k, exactly)
    assert after.sum() == pytest.approx(best, abs=size)


def meets(counts, target, k, exactly):
    n, share = target.sum(), counts.sum() / target.sum()
    return np.abs(counts - share * target).sum() / 2 <= (1 - share) * (min(k, n - k) if exactly else k)


def test_the_set_grows_to_nearly_all_arms():
    problem = named("conveyor_action_gap8", 1000, start=0)
    policy = SetExpansion(problem)
    sizes = []
    run(problem, policy, 1_000, 0, watch=lambda *_: sizes.append(int(policy.members.sum())))
    assert sizes[0] < 0.9 * 1000
    assert np.mean(sizes[800:]) > 0.9 * 1000


def test_the_set_of_one_run_is_not_known_in_the_next():
    problem = named("gast20_1", 60)
    used, fresh = SetExpansion(problem), SetExpansion(problem)
    # too many of the first arms are in state 2, so some of them stay out of the set
    states = np.full(60, 2)
    states[used._order[40:]] = np.arange(20) % 2
    used.actions(problem, states, step=0, rng=np.random.default_rng(0))
    # now state 1 holds too many, of which the last stay out: members of before would be among them
    states[used._order] = np.where(np.arange(60) < 30, 2 * (np.arange(60) % 2), 1)
    for policy in (used, fresh):
        policy.actions(problem, states, step=0, rng=np.random.default_rng(0))
    assert 0 < fresh.members.sum() < 60
    np.testing.assert_array_equal(used.members, fresh.members)


@pytest.mark.parametrize(
    ("name", "most"), [("flipped", 0.08), ("conveyor_action_gap8", 0.06), ("gast20_1", 0.02), ("gast20_2", 0.025)]
)
def test_comes_near_the_bound(name, most):
    problem = named(name, 1000)
    outcome = simulate(problem, SetExpansion(problem), steps=1_500, replicates=1, burn_in=300, rng=0)
    assert 0 < 1 - outcome.mean / fluid_bound(problem).value < most


def test_several_types_under_at_most():
    problem = drawn(4, exactly=False, copies=(300, 500), share=0.1)
    bound = fluid_bound(problem)
    assert bound.price > 0
    outcome = simulate(problem, SetExpansion(problem), steps=600, replicates=2, burn_in=200, rng=0)
    assert 1 - outcome.mean / bound.value < 0.03


def test_out_of_order():
    problem = named("gast20_1", 20)
    with pytest.raises(ModelError, match="in order, from 0"):
        SetExpansion(problem).actions(problem, np.zeros(20, dtype=int), step=1)


@pytest.mark.parametrize(("criterion", "other"), [(Horizon(5), "HorizonLp"), (Discounted(0.9), "LpUpdate")])
def test_other_criteria_are_refused_with_the_way_out(criterion, other):
    with pytest.raises(ModelError, match=other):
        SetExpansion(drawn(0, exactly=True, criterion=criterion))

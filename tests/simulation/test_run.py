"""The interface of simulate and compare: repeatability, intervals, gaps, and errors."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import pytest

from rmab.errors import InfeasibleBudget, ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.base import PriorityRule
from rmab.policies.baselines import Myopic, NoAction, RoundRobin, Uniform
from rmab.policies.index import IndexPolicy
from rmab.simulation.arms import simulate_rule
from rmab.simulation.counts import simulate_counts
from rmab.simulation.engine import Workers
from rmab.simulation.gap import Gap, gap_to
from rmab.simulation.run import compare, simulate
from rmab.simulation.streams import entropy

ENGINES = ["arms", "counts"]
PRIORITY = np.array([[0.3, 0.9, -0.2], [0.3, 0.1, 0.9]])


def example(criterion=None, budget=None, start=None):
    rng = np.random.default_rng(42)
    transitions = rng.dirichlet(np.ones(3), (2, 2, 3))
    arms = Arms(transitions, rng.random((2, 2, 3)), multiplicity=[700, 900])
    return Problem(arms, budget or TopK(300), criterion or Average(), start=start)


def assert_identical(one, other):
    for name in ("rewards", "curve", "curve_interval", "activations", "states"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
    assert (one.mean, one.interval, one.entropy) == (other.mean, other.interval, other.entropy)


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_and_executors_do_not_change_a_bit(engine):
    options = {"steps": 30, "replicates": 11, "rng": 7, "engine": engine}
    one = simulate(example(), IndexPolicy(PRIORITY), threads=1, **options)
    assert_identical(one, simulate(example(), IndexPolicy(PRIORITY), threads=2, **options))
    with ThreadPoolExecutor(3) as pool:
        assert_identical(one, simulate(example(), IndexPolicy(PRIORITY), executor=pool, **options))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert_identical(one, simulate(example(), IndexPolicy(PRIORITY), executor=pool, **options))


@pytest.mark.parametrize("run", [simulate_rule, simulate_counts])
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_chunks_do_not_change_a_bit(run, chunk):
    size = {"steps": 20, "replicates": 9, "number": 3}
    whole = run(example(), PriorityRule(PRIORITY), workers=Workers(1, chunk=9), **size)
    cut = run(example(), PriorityRule(PRIORITY), workers=Workers(2, chunk=chunk), **size)
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_more_replicates_keep_the_first_ones(engine):
    few = simulate(example(), IndexPolicy(PRIORITY), steps=10, replicates=4, rng=1, engine=engine)
    many = simulate(example(), IndexPolicy(PRIORITY), steps=10, replicates=9, rng=1, engine=engine)
    np.testing.assert_array_equal(few.rewards, many.rewards[:4])
    assert len(np.unique(many.rewards)) == 9


@pytest.mark.parametrize("rng", [None, 5, np.random.SeedSequence(5), np.random.default_rng(5)])
def test_entropy_repeats_the_run(rng):
    one = simulate(example(), Uniform(), steps=5, replicates=2, rng=rng)
    assert_identical(one, simulate(example(), Uniform(), steps=5, replicates=2, rng=one.entropy))
    assert (simulate(example(), Uniform(), steps=5, replicates=2, rng=one.entropy + 1).rewards != one.rewards).all()


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the point is that nobody else touches it
    simulate(example(), Uniform(), steps=5, replicates=2, rng=None)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_arms_move_by_the_same_numbers_under_every_policy():
    class Same:
        def actions(self, problem, states, *, step=0, rng=None):
            return IndexPolicy(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).actions(problem, states, rng=rng)

    # without ties inside a cell a rule and its callable form choose alike: every cell is taken whole
    problem = example(budget=TopK(1600))
    rule = simulate(problem, IndexPolicy([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), steps=6, replicates=3, rng=1, engine="arms")
    assert_identical(rule, simulate(problem, Same(), steps=6, replicates=3, rng=1))


def test_common_random_numbers_reduce_variance():
    near = PRIORITY + np.array([[0.0, 0.0, 0.0], [0.0, 0.3, 0.0]])
    policies = {"one": IndexPolicy(PRIORITY), "other": IndexPolicy(near)}
    problem = example(budget=TopK(100))
    table = compare(problem, policies, steps=20, replicates=200, rng=3, engine="arms")
    one, other = (table.outcomes[name].rewards for name in policies)
    independent = simulate(problem, policies["other"], steps=20, replicates=200, rng=4, engine="arms").rewards
    assert np.var(one - other) < 0.5 * np.var(one - independent)


def test_comparison_table():
    table = compare(example(), {"none": NoAction(), "myopic": Myopic(), "uniform": Uniform()}, steps=20, replicates=20, rng=3)
    assert table.best == max(table.outcomes, key=lambda name: table.outcomes[name].rewards.mean())
    paired = table.outcomes["none"].rewards - table.outcomes["uniform"].rewards
    difference = table.difference("none", "uniform")
    assert difference.mean == pytest.approx(paired.mean())
    assert difference.interval[0] < difference.mean < difference.interval[1]
    lines = str(table).splitlines()
    assert len(lines) == 4
    assert all(name in line for name, line in zip(["none", "myopic", "uniform"], lines[1:], strict=True))
    assert set(table.gap(5_000.0)) == {"none", "myopic", "uniform"}
    with pytest.raises(ModelError, match="no policy 'nobody'"):
        table.difference("nobody")


def test_comparison_runs_all_policies_on_one_engine():
    policies = {"turn": RoundRobin(), "uniform": Uniform()}
    table = compare(example(), policies, steps=3, replicates=2, rng=3)
    assert {outcome.engine for outcome in table.outcomes.values()} == {"arms"}
    with pytest.raises(ModelError, match="turn: the counts engine"):
        compare(example(), policies, steps=3, replicates=2, rng=3, engine="counts")
    with pytest.raises(ModelError, match="no policy to compare"):
        compare(example(), {}, steps=3, replicates=2)


def test_interval_covers_as_often_as_it_says():
    problem = Problem(example().arms, TopK(0), Horizon(1), start=None)
    share = problem.start_distribution * problem.arms.multiplicity[:, np.newaxis]
    exact = (share * problem.arms.rewards[:, 0]).sum()
    hits = 0
    for seed in range(400):
        low, high = simulate(problem, NoAction(), replicates=5, rng=seed, engine="counts").interval
        hits += low <= exact <= high
    assert 0.92 <= hits / 400 <= 0.98


def test_criteria_weigh_the_same_run_differently():
    options = {"replicates": 3, "rng": 9, "engine": "arms"}
    average = simulate(example(), Uniform(), steps=12, **options)
    late = simulate(example(), Uniform(), steps=12, burn_in=5, **options)
    horizon = simulate(example(Horizon(12)), Uniform(), **options)
    discounted = simulate(example(Discounted(0.9)), Uniform(), steps=12, **options)
    np.testing.assert_array_equal(average.curve, discounted.curve)
    assert average.mean == pytest.approx(average.curve.mean())
    assert horizon.mean == average.mean
    assert late.mean == pytest.approx(average.curve[5:].mean())
    assert discounted.mean == pytest.approx((0.1 * 0.9 ** np.arange(12)) @ average.curve)


def test_discounted_gap_admits_what_was_cut_off():
    arms = Arms([[[1.0]], [[1.0]]], [[2.0], [1.0]], multiplicity=[3])
    problem = Problem(arms, TopK(0), Discounted(0.5), start=0)
    outcome = simulate(problem, NoAction(), steps=4, replicates=3, rng=0)
    # 6 a period for ever is worth 6; four periods are worth 6 (1 - 1/16)
    assert outcome.mean == pytest.approx(6 * 15 / 16)
    assert outcome.truncation == pytest.approx(6 / 16)
    assert "cut after 4 periods" in outcome.status
    gap = outcome.gap(6.0)
    assert gap.value == pytest.approx(1 / 16)
    assert gap.interval == pytest.approx((0, 2 / 16))


def test_one_replicate():
    problem = example()
    long = simulate(problem, Uniform(), steps=400, replicates=1, rng=0)
    batches = long.curve.reshape(20, 20).mean(axis=1)
    assert long.interval[1] - long.mean == pytest.approx(2.093 * batches.std(ddof=1) / np.sqrt(20), rel=1e-3)
    assert "batch means" in long.status
    short = simulate(problem, Uniform(), steps=10, replicates=1, rng=0)
    assert short.interval == (-np.inf, np.inf)
    assert "no interval" in short.status
    assert "unknown" in str(short.gap(2_000.0))
    assert np.isinf(short.curve_interval).all()


def test_shapes_and_str():
    outcome = simulate(example(), Uniform(), steps=7, replicates=3, rng=0, engine="arms")
    assert outcome.rewards.shape == (3,)
    assert outcome.curve.shape == outcome.activations.shape == (7,)
    assert outcome.curve_interval.shape == (7, 2)
    assert outcome.states.shape == (7, 3)
    np.testing.assert_allclose(outcome.states.sum(axis=1), 1)
    np.testing.assert_array_equal(outcome.violation, [0, 0])
    assert "3 replicates of 7 periods, arms engine" in str(outcome)


def test_auto_chooses_by_size_and_kind():
    assert simulate(example(), Uniform(), steps=1, replicates=2, rng=0).engine == "counts"
    assert simulate(example(), RoundRobin(), steps=1, replicates=2, rng=0).engine == "arms"
    small = Problem(Arms(example().arms.transitions, example().arms.rewards), TopK(1), Average())
    assert simulate(small, Uniform(), steps=1, replicates=2, rng=0).engine == "arms"


def test_progress_reaches_the_end():
    seen = []
    simulate(example(), Uniform(), steps=1, replicates=5, rng=0, progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (5, 5)


@dataclass
class FakeBound:
    value: float


def test_gap():
    gap = gap_to(FakeBound(-10.0), -11.0, (-11.5, -10.5))
    assert (gap.value, gap.interval, gap.relative) == (0.1, pytest.approx((0.05, 0.15)), True)
    assert str(gap) == "10 % of the bound (95 % CI 5-15 %)".replace("10 %", "10.0 %").replace("5-15", "5.0-15.0")
    zero = gap_to(0.0, -2.0, (-2.5, -1.5))
    assert (zero.value, zero.interval, zero.relative) == (2.0, (1.5, 2.5), False)
    assert str(zero) == "2.0 below the bound of 0 (95 % CI 1.5-2.5)"
    assert str(Gap(0.0001, (-0.0002, 0.0004), 1.0, True)) == "0.01 % of the bound (95 % CI -0.02 to 0.04 %)"
    for wrong in (np.nan, np.inf, "high", None):
        with pytest.raises(ModelError, match="finite number"):
            gap_to(wrong, 0.0, (0.0, 0.0))


def returning(value):
    class Fixed:
        def actions(self, problem, states, *, step=0, rng=None):
            return value

    return Fixed()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "gpu"}, "unknown engine 'gpu'"),
        ({"steps": -1}, "steps must be a whole number, at least 1"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"steps": None}, "how many periods"),
        ({"replicates": 0}, "replicates must be"),
        ({"burn_in": 3}, "leaves nothing of 3"),
        ({"threads": 0}, "threads must be"),
        ({"rng": -1}, "rng must be"),
        ({"rng": "seed"}, "rng must be"),
        ({"policy": IndexPolicy(np.zeros((2, 2)))}, r"shape \(2, 2\), but the problem needs \(types, states\) = \(2, 3\)"),
        ({"policy": 3}, "is no policy"),
        ({"policy": returning(np.zeros(3, dtype=int))}, "one action per arm"),
        ({"policy": returning(np.zeros(1600))}, "one action per arm"),
        ({"policy": returning(np.full(1600, 2))}, "arm 0 action 2"),
        ({"policy": RoundRobin(), "engine": "counts"}, "priority policies only"),
        ({"problem": None}, "must be a Problem"),
        ({"problem": example(Horizon(4))}, "horizon of 4 periods, but steps=3"),
        ({"problem": example(Discounted(0.9)), "burn_in": 1}, "average criterion"),
    ],
)
def test_errors(change, message):
    given = {"problem": example(), "policy": Uniform(), "steps": 3, "replicates": 2, "rng": 0} | change
    with pytest.raises(ModelError, match=message):
        simulate(given.pop("problem"), given.pop("policy"), **given)


def test_breaking_the_budget_is_an_error():
    with pytest.raises(InfeasibleBudget, match="period 0 the policy acts on 1600 arms, but the budget is at most 300"):
        simulate(example(), returning(np.ones(1600, dtype=int)), steps=3, replicates=2, rng=0)
    exactly = example(budget=TopK(5, exactly=True))
    with pytest.raises(InfeasibleBudget, match="exactly 5"):
        simulate(exactly, returning(np.zeros(1600, dtype=int)), steps=3, replicates=2, rng=0)


def test_entropy_of_a_generator_is_drawn_from_it():
    rng = np.random.default_rng(3)
    assert entropy(rng) != entropy(rng)

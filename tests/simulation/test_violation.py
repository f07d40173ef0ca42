"""What arms owe on their own: known violations of deterministic arms, criteria, burn-in, and what is printed."""

import numpy as np
import pytest

from rmab.errors import ModelError
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.penalty import Penalty
from rmab.models.problem import Problem
from rmab.policies.base import PriorityPolicy
from rmab.policies.baselines import NoAction, RoundRobin, Uniform
from rmab.policies.index import IndexPolicy
from rmab.policies.rules import FeedbackRule, RandomisedRule
from rmab.policies.scored import ScoredPolicy
from rmab.simulation.run import compare, simulate


class Copy:
    """A priority policy hidden behind its actions."""

    def __init__(self, policy: PriorityPolicy) -> None:
        self.policy = policy

    def actions(self, problem, states, *, step=0, rng=None):
        return self.policy.actions(problem, states, step=step, rng=rng)


class AsScores(ScoredPolicy):
    """Fixed priorities as the score of a randomised rule that has no luck, or of a feedback rule whose meter never moves."""

    def __init__(self, priority, kind):
        self.priority, self.kind = np.array(priority), kind

    def rule(self, problem):
        if self.kind == "luck":
            return RandomisedRule(self.priority[..., np.newaxis], np.ones((*self.priority.shape, 1)))
        table, shape = np.repeat(self.priority[..., np.newaxis], 2, axis=2), problem.arms.rewards.shape
        return FeedbackRule([[0.0, 1.0]], table, np.zeros((1, *shape)), np.zeros((1, shape[0])), [0.0], [1.0])


def paths(priority):
    """The same policy on every path of the engine."""
    rule = IndexPolicy(priority)
    return {"rule": rule, "policy": Copy(rule), "luck": AsScores(priority, "luck"), "meters": AsScores(priority, "meters")}


PATHS = ["rule", "policy", "luck", "meters"]


def still(multiplicity, budget, criterion, penalties):
    """Types with one state; acting earns 1."""
    k = len(multiplicity)
    arms = Arms(np.ones((k, 2, 1, 1)), np.broadcast_to([[0.0], [1.0]], (k, 2, 1)), multiplicity=multiplicity)
    return Problem(arms, budget, criterion, penalties=penalties, start=0)


def at_least(*floors):
    """Each type must be acted on in at least this share of periods."""
    return Penalty(np.broadcast_to([[0.0], [-1.0]], (len(floors), 2, 1)), -np.array(floors))


def at_most(*caps):
    """Each type may be acted on in at most this share of periods."""
    return Penalty(np.broadcast_to([[0.0], [1.0]], (len(caps), 2, 1)), np.array(caps))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("criterion", [Average(), Horizon(8), Discounted(0.5)])
def test_known_violation(path, criterion):
    # type 1 (two arms) always acts, type 0 (three arms) never does
    problem = still([3, 2], TopK(2), criterion, [at_least(0.25, 0.5), at_most(0.9, 0.875)])
    outcome = simulate(problem, paths([[0.0], [1.0]])[path], steps=8, replicates=3, rng=0)
    # a discounted sum over 8 periods is short of 2**-8
    full = 1 - 2.0**-8 if isinstance(criterion, Discounted) else 1.0
    np.testing.assert_allclose(outcome.excess, full * np.array([[0.25, -0.5], [-0.9, 0.125]]), rtol=1e-14)
    np.testing.assert_allclose(outcome.violation, full * np.array([0.25, 0.125]), rtol=1e-14)
    np.testing.assert_allclose(outcome.violation_interval.T, [outcome.violation] * 2, rtol=1e-14)
    assert outcome.mean_violation == pytest.approx(full * (3 * 0.25 + 2 * 0.125) / 5)
    assert outcome.mean_violation_interval == pytest.approx([outcome.mean_violation] * 2)


def test_average_holds_every_arm_to_its_own_mean():
    # four alike arms; two are acted on in turn: over 6 periods RoundRobin serves arms 3, 3, 3, 3 times
    problem = still([4], TopK(2), Average(), at_least(0.5))
    assert simulate(problem, RoundRobin(), steps=6, replicates=2, rng=0).violation == [0.0]
    # over 5 periods arms 0 and 1 are served 3 times, the other two twice: 0.1 below 0.5, although the mean is as required
    odd = simulate(problem, RoundRobin(), steps=5, replicates=2, rng=0)
    np.testing.assert_allclose(odd.violation, [0.05], rtol=1e-12)
    np.testing.assert_allclose(odd.excess, [[0.0]], atol=1e-15)
    # the expectation is all that counts over a horizon
    horizon = still([4], TopK(2), Horizon(5), at_least(0.5))
    np.testing.assert_allclose(simulate(horizon, RoundRobin(), replicates=2, rng=0).violation, [0.0], atol=1e-15)


@pytest.mark.parametrize("path", PATHS)
def test_costs_are_those_of_the_state_before_the_move(path):
    # waiting moves 0 -> 1 -> 2 -> 2, acting leads back to 0; age s costs s; always idle: 0 + 1 + 2 + 2 over four periods
    arms = Arms([[[0, 1, 0], [0, 0, 1], [0, 0, 1]], [[1, 0, 0]] * 3], np.zeros((2, 3)), multiplicity=[2])
    age = Penalty(np.broadcast_to([0.0, 1.0, 2.0], (2, 3)), 0.5)
    problem = Problem(arms, TopK(2), Average(), penalties=age, start=0)
    idle = simulate(problem, paths([[-1.0, -1.0, -1.0]])[path], steps=4, replicates=2, rng=0)
    np.testing.assert_allclose(idle.excess, [[5 / 4 - 0.5]], rtol=1e-14)
    # acting in state 1: ages 0 1 0 1; acting costs what the state does
    busy = simulate(problem, paths([[-1.0, 1.0, 1.0]])[path], steps=4, replicates=2, rng=0)
    np.testing.assert_allclose(busy.violation, [0.0], atol=1e-15)
    late = simulate(problem, paths([[-1.0, -1.0, -1.0]])[path], steps=4, replicates=2, rng=0, burn_in=2)
    np.testing.assert_allclose(late.violation, [1.5], rtol=1e-14)


def test_the_worst_penalty_of_each_arm_counts():
    # one arm, acted on in periods 0 and 2 of 4: 0.25 short of a floor of 0.75, 0.4 above a cap of 0.1
    policy = IndexPolicy([[[1.0]], [[-1.0]], [[1.0]], [[-1.0]]])
    problem = still([1], TopK(1), Average(), [at_least(0.75), at_most(0.1)])
    outcome = simulate(problem, policy, steps=4, replicates=2, rng=0)
    np.testing.assert_allclose(outcome.violation, [0.4], rtol=1e-14)
    np.testing.assert_allclose(outcome.excess, [[0.25], [0.4]], rtol=1e-14)


def test_types_without_the_requirement_owe_nothing():
    problem = still([2, 2], TopK(2), Average(), at_most(0.25, np.inf))
    outcome = simulate(problem, IndexPolicy([[0.0], [1.0]]), steps=4, replicates=2, rng=0)
    np.testing.assert_allclose(outcome.excess, [[-0.25, 0.0]])
    np.testing.assert_array_equal(outcome.violation, [0.0, 0.0])


def random_problem(criterion):
    rng = np.random.default_rng(5)
    arms = Arms(rng.dirichlet(np.ones(3), (2, 2, 3)), rng.normal(size=(2, 2, 3)), multiplicity=[5, 9])
    owed = [Penalty(rng.normal(size=(2, 2, 3)), [0.1, 0.0]), Penalty(rng.normal(size=(2, 2, 3)), [0.3, 0.2])]
    return Problem(arms, TopK(4), criterion, penalties=owed)


class Watch:
    """Uniform choice that writes down states and actions."""

    def __init__(self):
        self.states, self.acts = [], []

    def actions(self, problem, states, *, step=0, rng=None):
        self.states.append(states)
        self.acts.append(Uniform().actions(problem, states, step=step, rng=rng))
        return self.acts[-1]


@pytest.mark.parametrize("criterion", [Average(), Horizon(30), Discounted(0.9)])
def test_definition(criterion):
    problem, watch, r, t = random_problem(criterion), Watch(), 6, 30
    burn_in = 7 if isinstance(criterion, Average) else 0
    outcome = simulate(problem, watch, steps=t, replicates=r, rng=2, burn_in=burn_in)
    states, acts = (np.array(seen).reshape(r, t, 14) for seen in (watch.states, watch.acts))
    seen = problem.excess_costs[:, problem.arms.type_of_arm, acts, states]  # (J, R, T, N)
    weight = np.where(np.arange(t) < burn_in, 0, 1 / (t - burn_in))
    if isinstance(criterion, Discounted):
        weight = 0.1 * 0.9 ** np.arange(t)
    own = np.einsum("jrtn,t->jrn", seen, weight)
    excess = np.stack([own[..., :5].mean(axis=(1, 2)), own[..., 5:].mean(axis=(1, 2))], axis=1)
    np.testing.assert_allclose(outcome.excess, excess, rtol=1e-12)
    if isinstance(criterion, Average):
        above = np.maximum(own.max(axis=0), 0)
        rows = np.stack([above[:, :5].mean(axis=1), above[:, 5:].mean(axis=1)])
        expected = rows.mean(axis=1)
        half = 2.570582 * rows.std(axis=1, ddof=1) / np.sqrt(r)
        np.testing.assert_allclose(outcome.violation_interval[:, 0], np.maximum(expected - half, 0), rtol=1e-6)
        np.testing.assert_allclose(outcome.violation_interval[:, 1], expected + half, rtol=1e-6)
        assert outcome.mean_violation == pytest.approx(above.mean())
        mean_half = 2.570582 * above.mean(axis=1).std(ddof=1) / np.sqrt(r)
        assert outcome.mean_violation_interval == pytest.approx(
            (max(above.mean() - mean_half, 0), above.mean() + mean_half), rel=1e-6
        )
    else:
        expected = np.maximum(excess, 0).max(axis=0)
        assert (outcome.violation_interval[:, 0] <= expected).all()
        assert (outcome.violation_interval[:, 1] >= expected).all()
    np.testing.assert_allclose(outcome.violation, expected, rtol=1e-12)


def test_an_expectation_is_held_to_each_bound_on_its_own():
    # one of two arms at random, to be acted on half of the time: replicates miss one side or the other, their mean hardly
    problem = still([1, 1], TopK(1), Horizon(5), [at_least(0.5, 0.5), at_most(0.5, 0.5)])
    outcome = simulate(problem, Uniform(), replicates=40, rng=1)
    np.testing.assert_allclose(outcome.violation, np.abs(outcome.excess[0]), rtol=1e-12)
    assert (outcome.violation < 0.1).all()
    np.testing.assert_array_equal(outcome.violation_interval[:, 0], [0, 0])


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_change_a_bit(threads):
    problem = random_problem(Average())
    policy = IndexPolicy(np.random.default_rng(0).random((2, 3)))
    one = simulate(problem, policy, steps=50, replicates=9, rng=1, threads=1)
    other = simulate(problem, policy, steps=50, replicates=9, rng=1, threads=threads)
    for name in ("rewards", "violation", "violation_interval", "excess"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


def test_one_replicate_has_no_upper_end():
    outcome = simulate(random_problem(Average()), Uniform(), steps=50, replicates=1, rng=1)
    np.testing.assert_array_equal(outcome.violation_interval, [[0, np.inf]] * 2)
    assert outcome.mean_violation_interval == (0, np.inf)


def test_penalties_change_neither_rewards_nor_moves():
    problem = random_problem(Average())
    free = Problem(problem.arms, problem.budget, problem.criterion)
    one = simulate(problem, Uniform(), steps=50, replicates=3, rng=1, engine="arms")
    other = simulate(free, Uniform(), steps=50, replicates=3, rng=1, engine="arms")
    np.testing.assert_array_equal(one.rewards, other.rewards)
    np.testing.assert_array_equal(one.states, other.states)
    assert other.excess.shape == (0, 2)
    np.testing.assert_array_equal(other.violation, [0, 0])
    np.testing.assert_array_equal(other.violation_interval, np.zeros((2, 2)))
    assert (other.mean_violation, other.mean_violation_interval) == (0, (0, 0))
    assert simulate(free, Uniform(), steps=50, replicates=1, rng=1).mean_violation_interval == (0, 0)
    counted = simulate(free, Uniform(), steps=50, replicates=3, rng=1, engine="counts")
    assert counted.excess.shape == (0, 2)
    np.testing.assert_array_equal(counted.violation, [0, 0])


def test_penalties_need_the_arms_engine():
    large = still([1_000], TopK(10), Average(), at_least(0.1))
    assert simulate(large, Uniform(), steps=2, replicates=2, rng=0).engine == "arms"
    with pytest.raises(ModelError, match=r'counts engine follows no arms.*use engine="arms"'):
        simulate(large, Uniform(), steps=2, replicates=2, rng=0, engine="counts")


def test_printing():
    problem = still([3, 2], TopK(2), Average(), at_least(0.25, 0.5))
    policies = {"last": IndexPolicy([[0.0], [1.0]]), "none": NoAction()}
    table = compare(problem, policies, steps=8, replicates=3, rng=0)
    assert (
        str(table.outcomes["last"]).splitlines()[1]
        == "violation 0.15 per arm (95 % CI 0.15 to 0.15), worst type 0: 0.25 (95 % CI 0.25 to 0.25)"
    )
    head, last, none = str(table).splitlines()
    assert head.split()[-5:] == ["violation", "95", "%", "CI", "worst", "type"][-5:]
    assert last.split()[-5:] == ["0.15", "0.15", "to", "0.15", "0.25"]
    assert none.split()[-5:] == ["0.35", "0.35", "to", "0.35", "0.5"]
    free = still([3, 2], TopK(2), Average(), None)
    assert "violation" not in str(compare(free, policies, steps=8, replicates=3, rng=0))
    assert "violation" not in str(simulate(free, NoAction(), steps=8, replicates=3, rng=0))

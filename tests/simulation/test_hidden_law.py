"""The engines for hidden states against exact enumeration of everything that can be seen, and against the ordinary engine."""

import numpy as np
import pytest
from scipy import stats

from oracles.hidden_play import enumerated, level_means, random_hidden, within
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.baselines import Myopic, Uniform
from rmab.policies.belief import BeliefPolicy
from rmab.policies.belief_index import BeliefIndexPolicy
from rmab.policies.belief_rules import LinearScore
from rmab.policies.index import IndexPolicy
from rmab.simulation.run import simulate

STEPS = 4


class Linear(BeliefPolicy):
    """A policy with the same linear rule for every problem."""

    def __init__(self, weights, threshold=0.0):
        self.given = LinearScore(weights, threshold)

    def belief_rule(self, problem):
        return self.given


def mixed_problem(seed, budget, *, blind):
    """Three types that differ in states, modes and signals; one is not always free to be acted on."""
    sometimes = np.array([[True, True], [True, False]])
    arms = [
        random_hidden(seed, states=2, signals=2, blind=blind),
        random_hidden(seed + 1, states=3, signals=1, modes=2, blind=blind, allowed=sometimes),
        random_hidden(seed + 2, states=1, signals=2, modes=1, blind=blind),
    ]
    start = [np.random.default_rng(seed).dirichlet(np.ones(arm.n_states)) for arm in arms]
    return HiddenProblem(arms, budget, Horizon(STEPS), multiplicity=[2, 1, 1], start=start, start_modes=[0, 1, 0])


@pytest.mark.parametrize("engine", ["beliefs", "states"])
@pytest.mark.parametrize("blind", [True, False])
@pytest.mark.parametrize("budget", [TopK(1), TopK(2, exactly=True), TopK(4, exactly=True)])
def test_means_are_those_of_enumeration(engine, blind, budget):
    problem = mixed_problem(3, budget, blind=blind)
    rng = np.random.default_rng(5)
    weights = [rng.normal(size=(arm.n_modes, arm.n_states)) for arm in problem.arms]
    reward, acted = enumerated(problem, lambda k, y, b: weights[k][y] @ b, 0.0, STEPS)
    outcome = simulate(problem, Linear(weights), replicates=4000, rng=11, engine=engine)
    assert within(outcome, reward)
    noise = 4.5 * np.sqrt(4 / 4000)
    assert (np.abs(outcome.activations - acted) <= noise).all()


@pytest.mark.parametrize("lookup", ["nearest", "interpolate"])
@pytest.mark.parametrize("states", [2, 3])
def test_tables_earn_what_enumeration_says(lookup, states):
    arms = [random_hidden(20 + k, states=states, signals=2) for k in range(2)]
    problem = HiddenProblem(arms, TopK(1), Horizon(STEPS), multiplicity=[2, 1])
    spaces = [arm.reachable(law, depth=4, merge=0.02, closure="linear") for arm, law in zip(arms, problem.start, strict=True)]
    rng = np.random.default_rng(2)
    values = [rng.normal(size=len(space.nodes)) for space in spaces]

    def score(k, y, b):
        if lookup == "interpolate":
            return spaces[k].interpolate(values[k], [b])[0]
        return values[k][((spaces[k].nodes - b) ** 2).sum(axis=1).argmin()]

    reward, _ = enumerated(problem, score, 0.0, STEPS)
    outcome = simulate(problem, BeliefIndexPolicy(spaces, values, lookup=lookup), replicates=4000, rng=1)
    assert within(outcome, reward)


def test_without_signals_and_luck_the_run_is_exact():
    """Nothing is ever seen, so beliefs are a fixed sequence and rewards are sums of numbers that can be written down."""
    moves = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.5, 0.5], [0.5, 0.5]]])
    arm = HiddenArms(moves, [[0.0, 1.0], [-1.0, 3.0]], np.ones((2, 2, 1)))
    problem = HiddenProblem(arm, TopK(1), Horizon(3), start=[0.75, 0.25])
    outcome = simulate(problem, Linear([[[1.0, 1.0]]]), replicates=2, rng=0)
    # b = 1/4 -> 1/2 -> 1/2 under acting
    np.testing.assert_allclose(outcome.curve, [0.0, 1.0, 1.0], rtol=0, atol=1e-15)
    np.testing.assert_allclose(outcome.states[:, 1], [0.25, 0.5, 0.5], rtol=0, atol=1e-15)
    assert outcome.interval == (outcome.mean, outcome.mean)


def test_beliefs_and_states_agree_over_a_long_run_and_beliefs_vary_less():
    arms = [level_means(seed, 3) for seed in range(4)]
    problem = HiddenProblem(arms, TopK(1), Discounted(0.9))
    exact, drawn = (simulate(problem, Myopic(), steps=80, replicates=3000, rng=5, engine=e) for e in ("beliefs", "states"))
    spread = np.hypot(exact.rewards.std(), drawn.rewards.std()) / np.sqrt(3000)
    assert abs(exact.mean - drawn.mean) < 4.5 * spread
    assert exact.rewards.std() < drawn.rewards.std()
    assert (exact.engine, drawn.engine) == ("beliefs", "states")


def test_arms_that_are_fully_seen_have_the_law_of_ordinary_arms():
    rng = np.random.default_rng(8)
    p, r = rng.dirichlet(np.ones(3), (2, 3)), rng.normal(size=(2, 3))
    priority = np.array([[0.3, -0.2, 0.9]])
    seen = HiddenArms(p, r, np.stack([np.eye(3)] * 2), timing="after")
    hidden = HiddenProblem(seen, TopK(2), Average(), multiplicity=[6], start=[1.0, 0.0, 0.0])
    plain = Problem(Arms(p, r, multiplicity=[6]), TopK(2), Average(), start=0)
    one = simulate(hidden, Linear([priority]), steps=60, replicates=3000, rng=1)
    other = simulate(plain, IndexPolicy(priority), steps=60, replicates=3000, rng=2, engine="arms")
    assert abs(one.mean - other.mean) < 4.5 * np.hypot(one.rewards.std(), other.rewards.std()) / np.sqrt(3000)
    np.testing.assert_allclose(one.states, other.states, atol=4.5 * np.sqrt(0.25 / (6 * 3000)) * 2)
    np.testing.assert_allclose(one.activations, other.activations, atol=4.5 * np.sqrt(2 / 3000))


def test_ties_at_the_cut_are_uniform():
    """Rewards of acting are powers of two, so that the reward of one period tells which two of five arms were chosen."""
    arms = [HiddenArms([[[1.0]]] * 2, [[0.0], [2.0**i]], [[[1.0]]] * 2) for i in range(5)]
    problem = HiddenProblem(arms, TopK(2), Horizon(1))
    outcome = simulate(problem, Uniform(), replicates=5000, rng=3)
    _, counts = np.unique(outcome.rewards, return_counts=True)
    assert len(counts) == 10
    assert stats.chisquare(counts).pvalue > 1e-3

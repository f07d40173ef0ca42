"""One period of the crowd against its description: who is acted on, where the arms go, and what is counted."""

from itertools import combinations, permutations

import numpy as np
import pytest

from rmab._kernels.crowd import Actor, act, move, settle
from rmab.learn.experience import new_crowd, world_of
from rmab.learn.learner import Setting
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average
from rmab.models.problem import Problem

RNG = np.random.default_rng(11)
P = RNG.dirichlet(np.ones(3), size=(2, 2, 3))
R = RNG.normal(size=(2, 2, 3))
DRAWS = 20_000


def crowd_of(multiplicity, start=None, seed=3):
    problem = Problem(Arms(P, R, multiplicity=multiplicity), TopK(1), Average(), start=start)
    setting = Setting.of(problem, entropy=5)
    return new_crowd(problem, setting, seed), world_of(problem), np.zeros((2, 3, 2), dtype=np.int64)


def actor(k, exactly=True, decoupled=False, start=0.0, decay=np.inf, floor=0.0, temperature=np.inf, width=0.0):
    return Actor(k, exactly, decoupled, float(start), float(decay), float(floor), float(temperature), float(width))


def acted(crowd, who, score, steps=DRAWS, level=0.0, visits=None):
    """Actions of the same arms in many periods, (steps, N)."""
    found = np.empty((steps, len(crowd.state)), dtype=bool)
    visits = np.zeros((2, 3, 2), dtype=np.int64) if visits is None else visits
    for step in range(steps):
        act(crowd, who, step, score, np.array([level]), visits.copy())
        found[step] = crowd.action
    return found


def near(found, chance, draws=DRAWS, sigmas=5.0):
    """Within so many standard deviations of a frequency."""
    return np.abs(found - chance) <= sigmas * np.sqrt(np.maximum(chance * (1 - chance), 1e-12) / draws)


def test_the_budget_goes_to_the_highest_scores_whatever_they_are():
    crowd, _, visits = crowd_of([7, 6])
    kind = np.repeat([0, 1], [7, 6])
    for step in range(200):
        score = np.random.default_rng(step).normal(size=(2, 3))
        k = step % 14
        act(crowd, actor(k), step, score, np.zeros(1), visits)
        mine = score[kind, crowd.state]
        assert crowd.action.sum() == k
        if 0 < k < 13:
            assert mine[crowd.action == 1].min() >= mine[crowd.action == 0].max()
        act(crowd, actor(k, exactly=False), step, score, np.zeros(1), visits)
        assert crowd.action.sum() == min(k, (mine >= 0).sum())
        assert (mine[crowd.action == 1] >= 0).all()
        crowd.following[:] = np.random.default_rng(step).integers(0, 3, 13)
        crowd.reward[:] = 0.0
        settle(crowd)


def test_ties_at_the_cut_are_uniform():
    crowd, _, _ = crowd_of([4, 4], start=np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    score = np.array([[1.0, 0.0, 9.0], [1.0, 2.0, 9.0]])  # arms 6 and 7 first, then four for two places
    found = acted(crowd, actor(4), score)
    assert found[:, [6, 7]].all() and not found[:, [2, 3]].any()
    pairs = list(combinations([0, 1, 4, 5], 2))
    frequency = np.array([found[:, pair].all(axis=1).mean() for pair in pairs])
    assert near(frequency, 1 / 6).all()


def test_exploring_periods_come_with_the_chance_of_epsilon_and_choose_uniformly():
    crowd, _, _ = crowd_of([3, 3], start=np.array([0, 0, 0, 1, 1, 1]))
    score = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    found = acted(crowd, actor(3, start=0.3), score)
    greedy = found[:, :3].all(axis=1)
    assert near(greedy.mean(), 0.7 + 0.3 / 20)
    others = found[~greedy]
    assert (found.sum(axis=1) == 3).all()
    triples = [triple for triple in combinations(range(6), 3) if triple != (0, 1, 2)]
    frequency = np.array([others[:, triple].all(axis=1).mean() for triple in triples])
    assert near(frequency, 1 / 19, len(others)).all()


def test_epsilon_falls_as_it_says():
    crowd, _, _ = crowd_of([3, 3], start=0)
    score = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = acted(crowd, actor(3, start=0.8, decay=100, floor=0.2), score, steps=4000)
    epsilon = np.maximum(0.2, 0.8 / (1 + np.arange(4000) / 100))
    chance = 1 - epsilon * 19 / 20
    for part in (slice(0, 100), slice(100, 400), slice(400, 4000)):
        greedy = found[part, :3].all(axis=1)
        spread = np.sqrt((chance[part] * (1 - chance[part])).sum())
        assert abs(greedy.sum() - chance[part].sum()) < 5 * spread


def test_softmax_draws_arms_without_replacement_by_weight():
    crowd, _, _ = crowd_of([2, 2], start=np.array([0, 1, 0, 1]))
    score, temperature = np.array([[0.0, 0.5, 0.0], [1.0, -0.3, 0.0]]), 0.7
    found = acted(crowd, actor(2, start=1.0, floor=1.0, temperature=temperature), score)
    weight = np.exp(np.array([0.0, 0.5, 1.0, -0.3]) / temperature)
    for pair in combinations(range(4), 2):
        chance = sum(weight[i] / weight.sum() * weight[j] / (weight.sum() - weight[i]) for i, j in permutations(pair))
        assert near(found[:, pair].all(axis=1).mean(), chance)
    assert (found.sum(axis=1) == 2).all()


def test_epsilon_softmax_mixes_both():
    crowd, _, _ = crowd_of([2, 2], start=np.array([0, 1, 0, 1]))
    score = np.array([[0.0, 0.5, 0.0], [1.0, -0.3, 0.0]])
    found = acted(crowd, actor(1, start=0.4, temperature=0.5), score)
    weight = np.exp(np.array([0.0, 0.5, 1.0, -0.3]) / 0.5)
    assert near(found.mean(axis=0), 0.6 * np.eye(4)[2] + 0.4 * weight / weight.sum()).all()


@pytest.mark.parametrize("temperature", [np.inf, 0.5])
def test_decoupled_arms_act_for_themselves(temperature):
    crowd, _, _ = crowd_of([2, 2], start=np.array([0, 1, 0, 1]))
    score = np.array([[0.0, 0.5, 0.0], [1.0, -0.3, 0.0]])
    found = acted(crowd, actor(1, decoupled=True, start=0.2, temperature=temperature), score, level=0.4)
    ahead = np.array([0.0, 0.5, 1.0, -0.3]) - 0.4
    chance = 0.8 * (ahead > 0) + 0.2 / (1 + np.exp(-ahead / temperature))
    assert near(found.mean(axis=0), chance).all()
    # arms are independent of one another: no correlation beyond chance
    assert np.abs(np.corrcoef(found.T.astype(float))[np.triu_indices(4, 1)]).max() < 5 / np.sqrt(DRAWS)


def test_the_confidence_bonus_decides_as_it_says():
    crowd, _, _ = crowd_of([3, 3], start=np.array([0, 1, 2, 0, 1, 2]))
    rng, score = np.random.default_rng(4), np.array([[0.1, 0.2, 0.3], [-0.2, 0.4, 0.0]])
    for width in (0.3, 2.0):
        for _ in range(50):
            visits = rng.integers(1, 40, size=(2, 3, 2))
            act(crowd, actor(2, width=width), 0, score, np.zeros(1), visits.copy())
            share = np.sqrt(np.log(visits.sum(axis=2))[:, :, None] / visits)
            value = (score + width * (share[:, :, 1] - share[:, :, 0])).ravel()  # arm i is in cell i
            assert set(np.flatnonzero(crowd.action)) == set(np.argsort(-value)[:2])


def test_the_confidence_bonus_tries_first_what_was_never_tried():
    crowd, _, _ = crowd_of([3, 3], start=np.array([0, 1, 2, 0, 1, 2]))
    visits = np.full((2, 3, 2), 10)
    visits[0, 1] = 50, 0
    visits[1, 2] = 0, 50
    score = np.array([[5.0, -100.0, 5.0], [5.0, 5.0, 100.0]])
    act(crowd, actor(1, width=1e-3), 0, score, np.zeros(1), visits.copy())
    assert np.flatnonzero(crowd.action).tolist() == [1]
    act(crowd, actor(5, width=1e-3), 0, score, np.zeros(1), visits.copy())
    assert np.flatnonzero(crowd.action == 0).tolist() == [5]


def test_arms_move_and_earn_by_the_law():
    crowd, world, visits = crowd_of([1500, 1500])  # more than one tile of random numbers
    kind = np.repeat([0, 1], 1500)
    tally, steps = np.zeros((2, 2, 3, 3)), 100
    for step in range(steps):
        before = crowd.state.copy()
        act(crowd, actor(1400, start=1.0, floor=1.0), step, np.zeros((2, 3)), np.zeros(1), visits)
        move(world, crowd, step)
        assert np.array_equal(crowd.reward, R[kind, crowd.action, before])
        np.add.at(tally, (kind, crowd.action, before, crowd.following), 1)
        settle(crowd)
        assert np.array_equal(crowd.state, crowd.following)
        assert np.array_equal(crowd.counts, np.bincount(kind * 3 + crowd.state, minlength=6))
    assert np.array_equal(visits, tally.sum(axis=3).transpose(0, 2, 1))
    n = tally.sum(axis=3, keepdims=True)
    assert near(tally / n, P, n).all()


def test_what_was_earned_and_its_range_are_kept():
    crowd, world, visits = crowd_of([4, 4])
    total, seen = 0.0, []
    for step in range(30):
        act(crowd, actor(3), step, np.zeros((2, 3)), np.zeros(1), visits)
        move(world, crowd, step)
        total, seen = total + crowd.reward.sum(), [*seen, *crowd.reward]
        settle(crowd)
    assert crowd.earned == pytest.approx([total, min(seen), max(seen)])


def test_seeds_and_periods_have_random_numbers_of_their_own():
    moves = []
    for seed in (0, 1):
        crowd, world, _ = crowd_of([500, 500], start=0, seed=seed)
        for step in (0, 1):
            move(world, crowd, step)
            moves.append(crowd.following.copy())
    for one, two in combinations(moves, 2):
        assert 0.2 < (one == two).mean() < 0.8


def test_the_start_is_drawn_from_the_law_of_the_problem():
    start = np.array([[0.2, 0.5, 0.3], [0.7, 0.0, 0.3]])
    crowd, _, _ = crowd_of([20_000, 20_000], start=start)
    share = crowd.counts.reshape(2, 3) / 20_000
    assert near(share, start, 20_000).all()

"""Growth by reach: a plain Python version of the rule as oracle, and what the set promises."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rmab.errors import ModelError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.refinement import grow_by_reach


def arm_of(n_states, seed):
    rng = np.random.default_rng(seed)
    moves = 0.5 * np.eye(n_states) + 0.5 * rng.dirichlet(np.ones(n_states), (2, n_states))
    blind = np.eye(2)[np.zeros(n_states, dtype=int)]
    return HiddenArms(moves, np.zeros((2, n_states)), [blind, rng.dirichlet(np.ones(2), n_states)])


def two_modes(n_states, seed):
    arm = arm_of(n_states, seed)
    chain = np.array([[0.3, 0.7], [0.4, 0.6]])[np.newaxis, :, :, np.newaxis, np.newaxis, np.newaxis]
    rewards = np.repeat(arm.rewards, 2, axis=1)
    return HiddenArms.from_kernel(chain * arm.kernel, rewards, allowed=[[True, False], [True, True]])


def by_the_rule(arm, starts, modes, size, discount, activity):
    """All leaves are scored afresh for every belief that is kept."""
    kept, leaves, best = [], [], 0
    incoming = [(b, y, 0, 1.0 / len(starts)) for b, y in zip(starts, modes, strict=True)]
    while True:
        belief, mode, generation, reach = incoming.pop(0) if incoming else leaves.pop(best)
        kept.append((belief, mode, generation))
        if len(kept) == size:
            return kept
        may = arm.allowed[mode]
        for a, y, z in itertools.product(range(arm.n_actions), range(arm.n_modes), range(arm.n_signals)):
            share = (1.0 - activity if may[1:].any() else 1.0) if a == 0 else activity / max(may[1:].sum(), 1) * may[a]
            v = belief @ arm.kernel[a, mode, y, z]
            if v.sum() > 1e-14 and share > 0:
                leaves.append((v / v.sum(), y, generation + 1, reach * discount * share * v.sum()))
        if not incoming:
            scores = []
            for belief, mode, _, reach in leaves:
                near = [np.linalg.norm(belief - other) for other, y, _ in kept if y == mode]
                distance = min(near, default=np.sqrt(2.0))
                scores.append(reach * distance if distance > 1e-9 else 0.0)
            best = int(np.argmax(scores))
            if scores[best] == 0.0:
                return kept


@pytest.mark.parametrize(("n_states", "activity"), [(2, 0.3), (3, 0.3), (4, 0.7), (3, 0.0), (3, 1.0)])
def test_keeps_what_the_rule_keeps(n_states, activity):
    arm = arm_of(n_states, seed=n_states)
    starts, modes = np.full((1, n_states), 1 / n_states), np.zeros(1, dtype=np.int64)
    got = grow_by_reach(arm, starts, modes, size=40, discount=0.9, activity=activity)
    compare(got, by_the_rule(arm, starts, modes, 40, 0.9, activity))


def test_several_starts_and_modes():
    arm = two_modes(3, seed=6)
    starts, modes = np.random.default_rng(1).dirichlet(np.ones(3), 3), np.array([0, 0, 1])
    got = grow_by_reach(arm, starts, modes, size=30, discount=0.95, activity=0.4)
    compare(got, by_the_rule(arm, starts, modes, 30, 0.95, 0.4))
    assert_array_equal(got[0][:3], starts)
    assert set(got[1]) == {0, 1}


def compare(got, expected):
    beliefs, modes, generation = got
    assert len(beliefs) == len(expected)
    assert_allclose(beliefs, [b for b, _, _ in expected], atol=1e-13)
    assert_array_equal(modes, [y for _, y, _ in expected])
    assert_array_equal(generation, [g for _, _, g in expected])


def test_a_larger_set_begins_with_the_smaller_one():
    arm = arm_of(4, seed=9)
    start, modes = arm.stationary()[np.newaxis], np.zeros(1, dtype=np.int64)
    small, large = (grow_by_reach(arm, start, modes, size=n, discount=0.9, activity=0.3) for n in (50, 400))
    for one, other in zip(small, large, strict=True):
        assert_array_equal(one, other[:50])
    assert len(large[0]) == 400


def test_stops_when_nothing_new_can_be_reached():
    arm = HiddenArms([np.eye(3)[[1, 2, 0]]] * 2, np.zeros((2, 3)), [np.eye(3)] * 2)  # a cycle that is seen
    beliefs, _, generation = grow_by_reach(arm, np.eye(3)[:1], np.zeros(1, dtype=np.int64), size=50, discount=0.9, activity=0.5)
    assert_array_equal(beliefs, np.eye(3))
    assert_array_equal(generation, [0, 1, 2])


def test_resolves_what_is_reached_often_better_than_breadth_first_growth():
    """Mean distance of a path's beliefs to the set, at the same number of beliefs, for an arm that is seldom acted on."""
    arm = arm_of(3, seed=2)
    start = arm.stationary()
    breadth = arm.reachable(start, depth=12, merge=0.02, closure="nearest").beliefs
    reach, _, _ = grow_by_reach(
        arm, start[np.newaxis], np.zeros(1, dtype=np.int64), size=len(breadth), discount=0.9, activity=0.2
    )
    rng = np.random.default_rng(0)
    beliefs, misses = np.repeat(start[np.newaxis], 500, axis=0), []
    for _ in range(30):
        actions = (rng.random(500) < 0.2).astype(np.int64)
        chance = np.einsum("ns,nzst->nz", beliefs, arm.kernel[actions, 0, 0])[:, 0]
        beliefs = arm.filter_many(beliefs, actions, (rng.random(500) > chance).astype(np.int64))
        misses.append([np.linalg.norm(beliefs[:, np.newaxis] - nodes, axis=2).min(axis=1).mean() for nodes in (breadth, reach)])
    by_breadth, by_reach = np.mean(misses, axis=0)
    assert by_reach < 0.7 * by_breadth


def test_arguments_out_of_range():
    arm, start, modes = arm_of(2, seed=1), np.full((2, 2), 0.5), np.zeros(2, dtype=np.int64)
    with pytest.raises(ModelError, match="the 2 starts"):
        grow_by_reach(arm, start, modes, size=1, discount=0.9, activity=0.5)
    for discount, activity in ((0.0, 0.5), (1.1, 0.5), (0.9, -0.1), (0.9, 1.1), (np.nan, 0.5)):
        with pytest.raises(ModelError, match="discount"):
            grow_by_reach(arm, start, modes, size=4, discount=discount, activity=activity)

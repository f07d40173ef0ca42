"""Certified intervals: around the index of fine meshes, narrowing, and proofs that an arm is not indexable."""

import numpy as np
import pytest

from oracles.hidden_arms import charged_value, random_hidden, random_modes
from oracles.published_arms import levels, server, spectrum
from rmab.bound.index_interval import index_interval
from rmab.bound.informed import qmdp
from rmab.errors import ModelError
from rmab.hidden.arms import HiddenArms
from rmab.index.table import Verdict
from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.criterion import Average, Discounted


def grown(hidden, size):
    return hidden.reachable_by_weight(hidden.stationary(), size=size, closure="linear")


@pytest.mark.parametrize(
    ("arm", "size", "low", "high"),
    [(spectrum, 20, 0.63522, 0.64439), (levels, 41, 0.92689, 0.96590), (server, 153, 1.41, 1.61)],
)
def test_no_wider_than_published_at_the_same_number_of_beliefs(arm, size, low, high):
    hidden = arm()
    found = index_interval(hidden, hidden.stationary(), Discounted(0.9), space=grown(hidden, size))
    assert found.width[0] <= high - low
    assert found.low[0] <= high and low <= found.high[0]
    assert "certified" in str(found)


@pytest.mark.parametrize("seed", range(3))
def test_holds_the_index_of_a_fine_mesh_and_narrows(seed):
    rng = np.random.default_rng(seed)
    hidden, criterion = random_hidden(rng, one_law=True), Discounted(0.8)
    beliefs = rng.dirichlet(np.ones(2), 4)
    fine = hidden.reachable(beliefs, depth=30, merge=3e-3)
    table = whittle_index(fine.sparse_arm, criterion)
    assert table.indexable[0]
    index = table.values[0, fine.nearest(beliefs)]
    coarse, finer = (
        index_interval(hidden, beliefs, criterion, space=hidden.reachable(beliefs, depth=30, merge=merge))
        for merge in (0.1, 0.02)
    )
    for found in (coarse, finer):
        assert found.witness is None
        assert (found.low <= index + 1e-5).all() and (index <= found.high + 1e-5).all()
    assert (finer.width <= coarse.width + 2e-4).all()
    assert finer.width.max() < 2e-2


def test_signs_at_the_ends_are_those_of_exact_recursion():
    hidden, beta = random_modes(np.random.default_rng(4)), 0.5
    belief = np.array([0.3, 0.7])
    found = index_interval(hidden, belief, Discounted(beta))
    for charge, sign in ((found.low[0], 1), (found.high[0], -1)):
        values = []
        for a in range(2):
            low = high = float(belief @ hidden.rewards[a, 0]) - charge * a
            for x in range(2):
                for z in range(hidden.n_signals):
                    v = belief @ hidden.kernel[a, 0, x, z]
                    if v.sum() > 0:
                        ahead = charged_value(hidden, charge, beta, v / v.sum(), x, 8)
                        low, high = low + beta * v.sum() * ahead[0], high + beta * v.sum() * ahead[1]
            values.append((low, high))
        # the recursion is exact to its tail
        tail = values[0][1] - values[0][0]
        assert sign * (values[1][0] - values[0][0]) > -2 * tail
    assert found.width[0] < 0.05


def test_an_arm_that_is_not_indexable_is_proved_so():
    moves = [[[0, 0, 1], [0, 0.994, 0.006], [0, 0, 1]], [[0.037, 0.954, 0.009], [0.703, 0.146, 0.151], [0.001, 0.023, 0.976]]]
    rewards = [[0.596, 0.612, 0.013], [0.769, 0.118, 0.999]]
    seen, criterion = HiddenArms(moves, rewards, [np.eye(3)] * 2, timing="after"), Discounted(0.9)
    exact = whittle_index(Arms(moves, rewards), criterion)
    assert exact.verdict[0] is Verdict.NOT_INDEXABLE and exact.witness[0].state == 0
    found = index_interval(seen, np.eye(3), criterion)
    assert found.witness.state == 0 and "not indexable" in str(found)
    low, high = found.witness.passive_at, found.witness.active_at
    assert low < high
    for charge, acting in ((low, False), (high, True)):
        q = qmdp(seen, charge, criterion)  # exact where the state is seen
        assert (q[1, 0, 0] > q[0, 0, 0]) == acting
    assert found.high[0] == pytest.approx(exact.values[0, 0], abs=1e-3)  # the upper end needs no indexability
    for state in (1, 2):
        assert found.low[state] <= exact.values[0, state] <= found.high[state]
    rested = HiddenArms([np.eye(3), moves[1]], rewards, [np.eye(3)] * 2, timing="after")
    assert index_interval(rested, np.eye(3), criterion).witness is None


def test_a_space_of_another_arm_is_refused():
    """Its values bound nothing here: an interval from it would contradict itself and pass for a proof."""
    seen = [[[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.1, 0.9]]]
    arm = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    twin = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 2, [[0.0, 0.0], [0.0, 1.0]], seen)
    other = arm.with_missing(0.5)
    space = {name: each.reachable([0.4, 0.6], depth=4, merge=0.1) for name, each in (("twin", twin), ("other", other))}
    found = index_interval(arm, [0.4, 0.6], Discounted(0.9), space=space["twin"])
    assert found.low[0] <= found.high[0]
    assert found.settled
    with pytest.raises(ModelError, match="another arm"):
        index_interval(arm, [0.4, 0.6], Discounted(0.9), space=space["other"])
    with pytest.raises(ModelError, match="must be a BeliefSpace"):
        index_interval(arm, [0.4, 0.6], Discounted(0.9), space="mesh")
    for tolerance in (0.0, -1.0, np.nan):
        with pytest.raises(ModelError, match="tolerance"):
            index_interval(arm, [0.4, 0.6], Discounted(0.9), tolerance=tolerance)


def test_what_is_refused():
    hidden = spectrum()
    with pytest.raises(ModelError, match="discount near 1"):
        index_interval(hidden, [0.4, 0.6], Average())
    with pytest.raises(ModelError, match="two actions"):
        index_interval(random_hidden(np.random.default_rng(0), n_actions=3), [0.4, 0.6], Discounted(0.9))
    with pytest.raises(ModelError, match="not allowed"):
        index_interval(random_modes(np.random.default_rng(0)), [0.4, 0.6], Discounted(0.9), modes=[1])

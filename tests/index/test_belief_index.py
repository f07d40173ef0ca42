"""Refinement of the index of a hidden arm, and verdicts that come from several meshes with their margin."""

import numpy as np
import pytest

from rmab.errors import ModelError, TooManyBeliefs
from rmab.hidden.arms import HiddenArms
from rmab.index.belief_index import belief_index
from rmab.index.conservation import conservation_index
from rmab.index.mesh import MeshFinding, MeshReport, MeshVerdict, mesh_report
from rmab.models.criterion import Average, Discounted

LEVELS = np.array([[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]])
LEVEL_SEEN = np.array([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]])
RATE = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 2.0]])


def levels(joint=False):
    """Three channel levels; ``joint`` shows the reward besides what is sensed, which tells of the state."""
    paid = (LEVEL_SEEN * RATE).sum(axis=1)
    seen = LEVEL_SEEN
    if joint:
        letters = sorted({(j, RATE[i, j]) for i in range(3) for j in range(3)})
        seen = np.array([[LEVEL_SEEN[i, j] * (RATE[i, j] == v) for j, v in letters] for i in range(3)])
    blind = np.zeros_like(seen)
    blind[:, 0] = 1.0
    return HiddenArms([LEVELS, LEVELS], [np.zeros(3), paid], [blind, seen])


def channel(good=0.9):
    moves = [[0.7, 0.3], [0.2, 0.8]]
    seen = [[good, 1 - good], [1 - good, good]]
    return HiddenArms([moves, moves], [[0, 0], [0, good]], [[[1, 0], [1, 0]], seen])


def test_refinement_stands_still_where_a_much_finer_space_is():
    arm = levels()
    found = belief_index(arm, Discounted(0.9), tolerance=0.005, most=1200)
    assert found.converged
    finest = arm.reachable(arm.stationary(), depth=12, merge=0.001)
    exact = conservation_index(finest.arms, Discounted(0.9)).values[0][: len(finest.beliefs)]
    off = np.abs(found.at(finest.beliefs) - exact).max()
    assert off < 0.03 * np.ptp(exact)
    assert found.history[0].change == np.inf
    assert [step.change for step in found.history if step.nodes][-1] <= 0.005


def test_what_does_not_fit_is_said_and_nothing_pretended():
    found = belief_index(levels(), Discounted(0.9), tolerance=1e-4, most=200)
    assert not found.converged
    assert len(found.space.nodes) <= 200
    assert found.history[-1].nodes == 0
    assert "not settled" in found.status
    with pytest.raises(TooManyBeliefs, match="raise most"):
        belief_index(levels(), Discounted(0.9), most=3)


def test_the_result_does_not_depend_on_luck_unless_asked_to():
    first, second = (belief_index(channel(), Discounted(0.8)) for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)
    assert first.history == second.history


def test_a_verdict_needs_every_mesh_and_a_margin_above_the_drift():
    def finding(work, indexable=True, pcl=True, nodes=50):
        return MeshFinding("nearest", 0.1, nodes, pcl, indexable, work, tested=nodes > 0)

    steady = MeshReport((finding(0.3), finding(0.28), finding(0.31), finding(0.30)))
    assert steady.verdict == MeshVerdict.CONSERVATION_LAWS
    assert steady.margin == 0.28
    assert steady.drift == pytest.approx(0.02)
    falling = MeshReport((finding(0.24), finding(0.15), finding(0.3), finding(0.3)))
    assert falling.verdict == MeshVerdict.INDEXABLE  # .15 is left, and halving the spacing cost .09
    mixed = MeshReport((finding(0.1), finding(-0.1, indexable=False, pcl=False), finding(0.1), finding(0.1)))
    assert mixed.verdict == MeshVerdict.INCONCLUSIVE
    none = MeshReport((finding(-0.2, False, False),) * 4)
    assert none.verdict == MeshVerdict.NOT_INDEXABLE
    missing = MeshReport((finding(0.3), finding(-np.inf, nodes=0), finding(0.3), finding(0.3)))
    assert missing.verdict == MeshVerdict.INCONCLUSIVE
    assert missing.drift == np.inf


def test_a_coarse_mesh_passes_what_a_finer_one_fails():
    arm = levels(joint=True)
    coarse = arm.reachable(arm.stationary(), depth=8, merge=0.05, closure="nearest")
    assert conservation_index(coarse.arms, Discounted(0.9)).pcl_indexable[0]
    report = mesh_report(arm, arm.stationary(), Discounted(0.9), depth=8, merge=0.005)
    assert report.verdict != MeshVerdict.CONSERVATION_LAWS
    assert report.margin < 0
    assert "least work" in str(report)
    assert "drift" in str(report)


def test_laws_that_were_not_tested_are_not_said_to_fail():
    report = mesh_report(channel(), channel().stationary(), Average(), depth=5, merge=0.1)
    assert not all(found.tested for found in report.findings)
    assert any(found.tested for found in report.findings)
    assert report.margin == min(found.least_work for found in report.findings if found.tested)
    assert report.drift == np.inf
    assert report.verdict != MeshVerdict.CONSERVATION_LAWS
    assert "laws not tested" in str(report)
    assert "laws fail" not in str(report)


def test_an_index_that_does_not_move_has_moved_by_nothing():
    still = HiddenArms([[[1.0]], [[1.0]]], [[0.0], [0.5]], [[[1.0]], [[1.0]]])
    found = belief_index(still, Discounted(0.9))
    assert found.converged
    assert found.change == 0.0
    absorbed = HiddenArms([np.eye(2), [[0.5, 0.5], [0, 1]]], [[0, 1], [0.3, 0.1]], [[[1, 0], [1, 0]], np.eye(2)])
    infinite = belief_index(absorbed, Average())  # waiting, once absorbed, is worth more at any charge
    assert np.isinf(infinite.values).any()
    assert infinite.change == 0.0


def test_bad_input_is_named():
    arm = channel()
    for rng in (-1, "x", True):
        with pytest.raises(ModelError, match="rng"):
            belief_index(arm, Discounted(0.9), rng=rng)
    with pytest.raises(ModelError, match="HiddenArms"):
        belief_index(arm.reachable([0.4, 0.6], depth=2, merge=0.1).arms, Discounted(0.9))
    with pytest.raises(ModelError, match="merge"):
        mesh_report(arm, arm.stationary(), Discounted(0.9), depth=4, merge=0.0)
    with pytest.raises(ModelError, match="one closure"):
        mesh_report(arm, arm.stationary(), Discounted(0.9), depth=4, merge=0.1, closures="linear")
    with pytest.raises(ModelError, match="tolerance"):
        belief_index(arm, Discounted(0.9), tolerance=0.0)
    with pytest.raises(ModelError, match="one closure"):
        mesh_report(arm, arm.stationary(), Discounted(0.9), depth=4, merge=0.1, closures=["nearest"])

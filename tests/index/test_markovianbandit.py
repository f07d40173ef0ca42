"""Beside markovianbandit-pkg 0.4 (Gast, Gaujal, Khun): the same numbers where it works, and the arms on which it fails.

Each named failure is asserted of it, so that a release that mends one says so here, and its opposite of ours. The package sets
NumPy's error mode when it is imported and prints; both are kept inside the fixture.
"""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from oracles.floating import FloatingArm
from oracles.rational_path import RationalPath
from rmab import Arms, Average, Discounted, ModelError, gittins_index, whittle_index
from rmab.index.table import Verdict

PUBLISHED = json.loads((Path(__file__).parents[1] / "data" / "arms.json").read_text())
SPARSE = (
    np.array(
        [
            [[4, 0, 0, 1, 3], [1, 2, 0, 5, 0], [5, 0, 0, 3, 0], [0, 0, 0, 8, 0], [0, 0, 3, 0, 5]],
            [[0, 4, 4, 0, 0], [0, 0, 0, 0, 8], [0, 0, 8, 0, 0], [0, 0, 0, 0, 8], [0, 2, 2, 4, 0]],
        ]
    )
    / 8,
    np.array([[-1.0, -1, 1, 1, -1], [1, -2, 2, 1, -1]]),
)
MENDED = "markovianbandit no longer fails here: say so in the documentation and drop the comparison"


class Answer(NamedTuple):
    """What markovianbandit says of one arm."""

    index: np.ndarray
    indexable: bool
    strongly: bool
    printed: str


@pytest.fixture(scope="module")
def anchor():
    with np.errstate():  # its import sets the error mode of the whole process
        import markovianbandit
    return markovianbandit


@pytest.fixture
def theirs(anchor):
    def ask(p, r, discount):
        arm = anchor.restless_bandit_from_P0P1_R0R1(p[0], p[1], r[0], r[1])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), np.errstate(divide="raise", invalid="raise"):
            index = arm.whittle_indices(discount=discount)
            return Answer(index, arm.is_indexable(discount), arm.is_strongly_indexable(discount), printed.getvalue())

    return ask


def floats(numbers):
    return np.array([float(number) for number in numbers])


def ours(p, r, discount):
    p, r = np.asarray(p), np.asarray(r)
    arms = Arms.from_p0_p1_r0_r1(p[0], p[1], r[0], r[1])
    return whittle_index(arms, Average() if discount == 1 else Discounted(discount))


@pytest.mark.parametrize("discount", [0.5, 0.95, 0.999, 1])
@pytest.mark.parametrize("n", [2, 3, 10, 60])
def test_dense_arms_have_the_same_index_and_verdict(theirs, n, discount):
    rng = np.random.default_rng([n, 4])
    for _ in range(5):
        p, r = rng.dirichlet(np.ones(n), (2, n)), rng.normal(size=(2, n))
        reference, table = theirs(p, r, discount), ours(p, r, discount)
        # its error grows like 1 / (1 - discount): the columns of its system become nearly dependent
        np.testing.assert_allclose(table.values[0], reference.index, rtol=1e-11, atol=1e-11 if discount in (0.5, 1) else 1e-9)
        assert table.indexable[0] == reference.indexable
        assert (table.verdict[0] is Verdict.STRONGLY_INDEXABLE) == reference.strongly


@pytest.mark.parametrize("n", [2, 5, 40])
def test_rested_arms_have_the_same_gittins_index(anchor, n):
    rng = np.random.default_rng(n)
    p, r = rng.dirichlet(np.ones(n), n), rng.normal(size=n)
    with np.errstate(divide="raise", invalid="raise"):
        reference = anchor.rested_bandit_from_P1_R1(p, r).gittins_indices(discount=0.9)
    arms = Arms.rested(p, r)
    np.testing.assert_allclose(gittins_index(arms, Discounted(0.9)).values[0], reference, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(whittle_index(arms, Discounted(0.9)).values[0], reference, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("package", "changes"), [("markovianbandit", True), ("rmab; rmab.whittle_index; rmab.gittins_index", False)]
)
def test_importing_leaves_numpy_as_it_was(package, changes):
    code = f"import numpy; before = numpy.geterr(); import {package}; print(before != numpy.geterr())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(changes), MENDED if changes else run.stderr


def test_multichain_arm_is_declared_indexable(theirs):
    arm = PUBLISHED["conveyor_action_gap8_nonindexable"]
    reference = theirs(np.array(arm["transitions"]), np.array(arm["rewards"]), 1)
    assert "multichain" in reference.printed and reference.indexable and np.isnan(reference.index).any(), MENDED
    exact, table = RationalPath(arm["transitions"], arm["rewards"], 1), ours(arm["transitions"], arm["rewards"], 1)
    assert table.indexable[0] == exact.weak
    np.testing.assert_allclose(table.values[0], floats(exact.index), rtol=1e-12, atol=1e-12)


def test_multichain_arm_is_a_singular_matrix(theirs):
    # acting everywhere leaves every state where it is: no single gain from the first policy on
    p, r = np.array([np.roll(np.eye(3), 1, axis=1), np.eye(3)]), np.array([[0.0, 0, 0], [1, 2, 3]])
    with pytest.raises(np.linalg.LinAlgError):
        theirs(p, r, 1)
    exact, table = RationalPath(p, r, 1), ours(p, r, 1)
    assert table.indexable[0] == exact.weak
    np.testing.assert_allclose(table.values[0], floats(exact.index), rtol=1e-12, atol=1e-12)


def test_arm_that_is_not_indexable_gets_a_print_and_half_an_answer(theirs):
    arm = PUBLISHED["conveyor_action_gap8_nonindexable"]
    p, r = np.array(arm["transitions"]), np.array(arm["rewards"])
    reference = theirs(p, r, 0.99)
    assert not reference.indexable
    assert reference.printed.count("Not indexable!") == 1, MENDED
    partial = theirs(*SPARSE, 0.9)
    assert not partial.indexable and np.isnan(partial.index).any(), MENDED
    for arm in ((p, r, 0.99), (*SPARSE, 0.9)):
        exact, table = RationalPath(*arm), ours(*arm)
        assert table.verdict == (Verdict.NOT_INDEXABLE,)
        assert not exact.weak
        np.testing.assert_allclose(table.values[0], floats(exact.index), rtol=1e-12, atol=1e-12)
        proof = table.witness[0]
        assert proof.passive_at < proof.active_at
        assert exact.advantage(proof.passive_at)[proof.state] < 0 < exact.advantage(proof.active_at)[proof.state]


def test_rows_that_do_not_sum_to_one_are_taken_as_they_are(theirs):
    p, r = np.array([[[0.9, 0.2], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]]), np.array([[0.0, 1], [0, 1]])
    reference = theirs(p, r, 0.9)
    assert reference.indexable and np.isfinite(reference.index).all(), MENDED
    with pytest.raises(ModelError, match=r"row of type 0, action 0, state 0 sums to 1.1, not 1"):
        ours(p, r, 0.9)


def belief_chain(good_from_bad, good_from_good, effect, length):
    """Last seen bad or good and how long ago; acting shows the state, the reward is the belief: 2 * length states."""
    belief = np.empty((2, length))
    belief[:, 0] = good_from_bad, good_from_good
    for age in range(1, length):
        belief[:, age] = belief[:, age - 1] * good_from_good + (1 - belief[:, age - 1]) * good_from_bad
    states = np.arange(2 * length)
    p = np.zeros((2, 2 * length, 2 * length))
    p[0, states, np.where(states % length == length - 1, states, states + 1)] = 1
    p[1, :, length] = np.minimum(1.0, effect * belief.ravel())
    p[1, :, 0] = 1 - p[1, :, length]
    return p, np.tile(belief.ravel(), (2, 1))


BELIEF_CHAINS = [((0.351, 0.853), 0.95), ((0.214, 0.791), 0.95), ((0.234, 0.666), 0.9)]


@pytest.mark.parametrize(("rows", "discount"), BELIEF_CHAINS)
def test_belief_chains_of_eighty_states_are_declared_not_indexable(theirs, rows, discount):
    p, r = belief_chain(*rows, 1.1, 40)
    reference, table = theirs(p, r, discount), ours(p, r, discount)
    assert not reference.indexable and np.isnan(reference.index).sum() >= 40, MENDED
    assert table.indexable[0]
    arm, values = FloatingArm(p, r, discount), table.values[0]
    for s, value in enumerate(values):
        assert arm.advantage(value - 1e-9)[s] > 0 > arm.advantage(value + 1e-9)[s]
    between = np.linspace(values.min() - 0.01, values.max() + 0.01, 120)
    acts = np.array([arm.advantage(charge) for charge in between]) > 1e-12
    assert (acts[1:] <= acts[:-1]).all()  # the sets of states that wait are nested along a fine sweep


@pytest.mark.parametrize("k", [9, 10])
def test_discounts_close_to_one_cost_half_the_digits(theirs, k):
    rng = np.random.default_rng(k)
    lost = []
    for _ in range(5):
        p, r = rng.dirichlet(np.ones(6), (2, 6)), rng.normal(size=(2, 6))
        exact = floats(RationalPath(p, r, 1 - 10.0**-k).index)
        lost.append(np.abs(theirs(p, r, 1 - 10.0**-k).index - exact).max())
        np.testing.assert_allclose(ours(p, r, 1 - 10.0**-k).values[0], exact, rtol=1e-12, atol=1e-12)
    assert max(lost) > 1e-8, MENDED

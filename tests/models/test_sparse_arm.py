"""Sparse arms: the same checks as dense ones, and the way back and forth."""

import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse

from rmab import Arms, ModelError
from rmab.models.sparse_arm import SparseArm

OLDER = np.eye(4, k=1) + np.diag([0, 0, 0, 1.0])
FRESH = np.eye(4)[[0, 0, 0, 0]]
COST = -np.arange(4) * np.ones((2, 1))


def test_dense_and_back():
    arm = SparseArm(OLDER, FRESH, COST)
    assert (arm.n_types, arm.n_actions, arm.n_states) == (1, 2, 4)
    dense = arm.dense()
    np.testing.assert_array_equal(dense.transitions[0], [OLDER, FRESH])
    np.testing.assert_array_equal(dense.rewards[0], COST)
    again = SparseArm.from_arms(dense)
    np.testing.assert_array_equal(again.passive.toarray(), OLDER)
    np.testing.assert_array_equal(again.active.toarray(), FRESH)


def test_entries_given_twice_add_up_and_zeros_are_dropped():
    passive = scipy.sparse.coo_array(([0.5, 0.5, 0.0, 1.0], ([0, 0, 0, 1], [1, 1, 0, 1])), shape=(2, 2))
    arm = SparseArm(passive, np.eye(2), np.zeros((2, 2)))
    np.testing.assert_array_equal(arm.passive.toarray(), [[0, 1], [0, 1]])
    assert arm.passive.nnz == 2


def test_later_changes_of_the_given_arrays_do_not_reach_the_arm():
    passive, rewards = scipy.sparse.csr_array(OLDER), COST.copy()
    arm = SparseArm(passive, FRESH, rewards)
    passive.data[:] = 7
    rewards[:] = 7
    np.testing.assert_array_equal(arm.passive.toarray(), OLDER)
    np.testing.assert_array_equal(arm.rewards, COST)
    with pytest.raises(ValueError, match="read-only"):
        arm.passive.data[0] = 0.5
    with pytest.raises(ValueError, match="read-only"):
        arm.rewards[0, 0] = 1


def changed(matrix, row, column, value):
    out = matrix.copy()
    out[row, column] = value
    return out


@pytest.mark.parametrize(
    ("passive", "active", "rewards", "message"),
    [
        (OLDER, FRESH[:3, :3], COST, "passive and active must have one shape, got (4, 4) and (3, 3)"),
        (OLDER[:, :3], FRESH, COST, "passive must have shape (S, S)"),
        (OLDER, changed(FRESH, 2, 1, -0.25), COST, "active: state 2 moves to 1 with probability -0.25, below 0"),
        (changed(OLDER, 3, 0, np.nan), FRESH, COST, "passive: state 3 moves to 0 with probability nan, not a finite number"),
        (OLDER, changed(FRESH, 1, 2, 1e-6), COST, "active: the row of state 1 sums to 1.000001, not 1"),
        (OLDER, FRESH, COST[:, :3], "rewards must have shape (2, 4)"),
        (OLDER, FRESH, changed(COST, 1, 3, np.inf), "rewards: action 1, state 3 holds inf"),
        (OLDER * 1j, FRESH, COST, "complex numbers"),
        (OLDER, FRESH, COST * 1j, "complex numbers"),
        ([["a", "b"], ["c", "d"]], FRESH, COST, "passive must be a sparse or rectangular array of numbers"),
    ],
)
def test_the_first_offender_is_named(passive, active, rewards, message):
    with pytest.raises(ModelError, match=re.escape(message)):
        SparseArm(passive, active, rewards)


def test_an_empty_row_is_found():
    with pytest.raises(ModelError, match="the row of state 2 sums to 0, not 1"):
        SparseArm(scipy.sparse.csr_array(changed(OLDER, 2, 3, 0.0)), FRESH, COST)


def test_only_one_type_with_two_actions_becomes_sparse():
    with pytest.raises(ModelError, match="2 types"):
        SparseArm.from_arms(Arms(np.array([[OLDER, FRESH]] * 2), np.array([COST] * 2)))
    with pytest.raises(ModelError, match="3 actions"):
        SparseArm.from_arms(Arms(np.array([OLDER, FRESH, FRESH]), np.vstack([COST, COST[:1]])))


def test_a_million_states_stay_sparse():
    n = 1_000_000
    stay = scipy.sparse.eye_array(n, format="csr")
    arm = SparseArm(stay, stay, np.zeros((2, n)))
    assert repr(arm) == "SparseArm(1000000 states, 1000000 passive and 1000000 active transitions)"
    with pytest.raises(ModelError, match="stops at 20000 states"):
        arm.dense()


def test_the_module_does_not_load_scipy():
    code = "import sys, rmab.models.sparse_arm; print('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"

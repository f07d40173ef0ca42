"""Arms: what is refused, with the first offender named, and every layout that comes in."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

from rmab.errors import ModelError, RmabError
from rmab.models.arms import Arms

K, A, S = 2, 3, 4


@pytest.fixture(scope="module")
def truth():
    """Transitions and rewards of which no two axes can be swapped unnoticed."""
    rng = np.random.default_rng(11)
    return rng.dirichlet(np.ones(S), size=(K, A, S)), rng.normal(size=(K, A, S))


def changed(array, place, value):
    """A copy with one number changed."""
    copy = np.array(array, dtype=float)
    copy[place] = value
    return copy


def test_sizes_and_numbering(truth):
    arms = Arms(*truth, multiplicity=[2, 3])
    assert (arms.n_types, arms.n_actions, arms.n_states, arms.n_arms) == (K, A, S, 5)
    assert arms.type_of_arm.tolist() == [0, 0, 1, 1, 1]
    assert repr(arms) == "Arms(5 arms of 2 types, 3 actions, 4 states)"
    assert Arms(*truth).multiplicity.tolist() == [1, 1]


def test_one_type_may_leave_its_axis_out(truth):
    p, r = truth
    arms = Arms(p[0], r[0], multiplicity=7)
    assert np.array_equal(arms.transitions, p[:1])
    assert np.array_equal(arms.rewards, r[:1])
    assert arms.n_arms == 7


def test_arrays_are_own_read_only_contiguous_copies(truth):
    p, r = (array.copy() for array in truth)
    arms = Arms(p, r)
    p[:] = 0
    r[:] = 0
    assert np.array_equal(arms.transitions, truth[0])
    assert np.array_equal(arms.rewards, truth[1])
    for array in (arms.transitions, arms.rewards, arms.multiplicity):
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert arms.transitions.dtype == arms.rewards.dtype == np.float64
    assert arms.multiplicity.dtype == np.int64


@pytest.mark.parametrize("p", [np.eye(2), np.ones((1, 2, 2, 3)), np.ones((1, 1, 2, 2, 2)), np.zeros((0, 2, 2, 2)), 1.0])
def test_transitions_of_no_shape(p):
    with pytest.raises(ModelError, match=r"transitions must have shape \(K, A, S, S\) or \(A, S, S\), got"):
        Arms(p, np.zeros((1, 2, 2)))


@pytest.mark.parametrize("shape", [(K, A), (K, S, A), (1, A, S), (A, S)])
def test_rewards_of_another_shape(truth, shape):
    with pytest.raises(ModelError, match=r"rewards must have shape \(2, 3, 4\) to match .*, got"):
        Arms(truth[0], np.zeros(shape))


def test_a_single_action():
    with pytest.raises(ModelError, match="at least two actions; action 0 is passive"):
        Arms(np.eye(2)[np.newaxis], np.zeros((1, 2)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(truth, value):
    p, r = truth
    with pytest.raises(ModelError, match=r"rewards: type 1, action 2, state 3 holds .*, not a number"):
        Arms(p, changed(r, (1, 2, 3), value))
    with pytest.raises(ModelError, match=r"transitions: type 0, action 1, state 2 holds .*, not a number"):
        Arms(changed(changed(p, (1, 2, 3, 3), value), (0, 1, 2, 0), value), r)


def test_negative_probability(truth):
    p, r = truth
    p = changed(changed(p, (1, 0, 2, 1), -0.25), (1, 1, 0, 0), -0.5)
    with pytest.raises(ModelError, match=r"type 1, action 0, state 2 moves to 1 with probability -0.25 < 0"):
        Arms(p, r)


def test_row_that_does_not_sum_to_one(truth):
    p, r = truth
    p = changed(p, (1, 2, 0), [0.5, 0.25, 0.125, 0.0625])
    with pytest.raises(ModelError, match=r"row of type 1, action 2, state 0 sums to 0.9375, not 1; divide each row by its sum"):
        Arms(p, r)


def test_row_sums_have_a_tolerance_of_one_in_a_hundred_million_and_stay_as_given(truth):
    p, r = truth
    near = changed(p, (0, 0, 0, 0), p[0, 0, 0, 0] + 5e-9)
    assert np.array_equal(Arms(near, r).transitions, near)
    with pytest.raises(ModelError, match="type 0, action 0, state 0 sums to"):
        Arms(changed(p, (0, 0, 0, 0), p[0, 0, 0, 0] + 2e-8), r)


@pytest.mark.parametrize("bad", [[[[1, 0], [0]]], "words", [[["a", "b"], ["c", "d"]]]])
def test_what_is_no_array(bad):
    with pytest.raises(ModelError, match="transitions must be a rectangular array of numbers"):
        Arms(bad, [[0]])
    with pytest.raises(ModelError, match="rewards must be a rectangular array of numbers"):
        Arms(np.ones((2, 1, 1)), [[0], [0, 1]])


@pytest.mark.parametrize("given", [[1], [1, 2, 3], [1.0, 2.0], [[1, 2]], ["1", "2"], [True, True], 3])
def test_multiplicity_of_another_kind(truth, given):
    with pytest.raises(ModelError, match="multiplicity must be 2 whole numbers, one per type, got"):
        Arms(*truth, multiplicity=given)


@pytest.mark.parametrize(("given", "first"), [([1, 0], "1 is 0"), ([-2, 0], "0 is -2")])
def test_type_without_arms(truth, given, first):
    with pytest.raises(ModelError, match=f"multiplicity of type {first}; every type needs at least one arm"):
        Arms(*truth, multiplicity=given)


def test_a_model_error_is_a_value_error_and_ours():
    assert issubclass(ModelError, ValueError)
    assert issubclass(ModelError, RmabError)


LAYOUTS = ["kast", "ksat", "akst", "skat", "satk", "tsak", "kats", "ksta", "kass", "ksas"]
SINGLE = ["ast", "sat", "sta", "ats", "tas", "tsa", "sas", "ass", "ssa"]


def as_letters(layout):
    """The layout with its second ``s`` written as ``t``."""
    return layout.replace("s", "t").replace("t", "s", 1) if layout.count("s") == 2 else layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_with_types(truth, layout):
    p, r = truth
    axes = as_letters(layout)
    given_p = p.transpose(["kast".index(letter) for letter in axes])
    given_r = r.transpose(["kas".index(letter) for letter in axes.replace("t", "")])
    arms = Arms.from_layout(given_p, given_r, layout=layout, multiplicity=[4, 5])
    assert np.array_equal(arms.transitions, p)
    assert np.array_equal(arms.rewards, r)
    assert arms.multiplicity.tolist() == [4, 5]


@pytest.mark.parametrize("layout", SINGLE)
def test_layouts_of_one_type(truth, layout):
    p, r = truth[0][0], truth[1][0]
    axes = as_letters(layout)
    given_p = p.transpose(["ast".index(letter) for letter in axes])
    given_r = r.transpose(["as".index(letter) for letter in axes.replace("t", "")])
    arms = Arms.from_layout(given_p, given_r, layout=layout)
    assert np.array_equal(arms.transitions[0], p)
    assert np.array_equal(arms.rewards[0], r)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rewards_per_transition_are_averaged(truth, layout):
    p, _ = truth
    r = np.random.default_rng(12).normal(size=p.shape)
    order = ["kast".index(letter) for letter in as_letters(layout)]
    arms = Arms.from_layout(p.transpose(order), r.transpose(order), layout=layout)
    np.testing.assert_allclose(arms.rewards, (p * r).sum(axis=-1), rtol=1e-12, atol=1e-14)


def test_rewards_of_the_state_alone(truth):
    p = truth[0][0]
    arms = Arms.from_layout(p.transpose(1, 0, 2), [0.0, 1.0, 2.0, 3.0], layout="sas")
    assert np.array_equal(arms.rewards[0], np.tile(np.arange(4.0), (A, 1)))


@pytest.mark.parametrize("layout", ["", "as", "aast", "kasst", "asx", "sss", "AST"])
def test_unknown_layouts(layout):
    with pytest.raises(ModelError, match=f"unknown layout '{layout}': name each axis once"):
        Arms.from_layout(np.ones((2, 2, 2)), np.ones(2), layout=layout)


def test_layouts_that_do_not_fit(truth):
    p, r = truth
    with pytest.raises(ModelError, match="layout 'ast' names 3 axes, but transitions have shape"):
        Arms.from_layout(p, r, layout="ast")
    with pytest.raises(ModelError, match=r"rewards of shape .* do not fit layout 'kast'"):
        Arms.from_layout(p, np.zeros(S), layout="kast")
    with pytest.raises(ModelError, match="rewards per transition have shape"):
        Arms.from_layout(p[0], np.zeros((A, S, S + 1)), layout="ast")
    with pytest.raises(ModelError, match="rewards must have shape"):
        Arms.from_layout(p, r.transpose(0, 2, 1), layout="kast")


def test_a_wrong_layout_is_noticed(truth):
    with pytest.raises(ModelError):
        Arms.from_layout(truth[0][0], truth[1][0], layout="sat")


@pytest.mark.parametrize("types", [slice(None), 0])
def test_passive_and_active_arrays(truth, types):
    p, r = truth[0][types], truth[1][types]
    arms = Arms.from_p0_p1_r0_r1(p[..., 0, :, :], p[..., 1, :, :], r[..., 0, :], r[..., 1, :])
    assert np.array_equal(arms.transitions, truth[0].reshape(K, A, S, S)[: arms.n_types, :2])
    assert np.array_equal(arms.rewards, truth[1][: arms.n_types, :2])


def test_passive_and_active_arrays_of_different_shapes():
    with pytest.raises(ModelError, match=r"p0 and p1 must have one shape, got \(2, 2\) and \(3, 3\)"):
        Arms.from_p0_p1_r0_r1(np.eye(2), np.eye(3), [0, 0], [0, 0])
    with pytest.raises(ModelError, match=r"r0 and r1 must have one shape, got \(2,\) and \(3,\)"):
        Arms.from_p0_p1_r0_r1(np.eye(2), np.eye(2), [0, 0], [0, 0, 0])
    with pytest.raises(ModelError, match="p1 must be a rectangular array of numbers"):
        Arms.from_p0_p1_r0_r1(np.eye(2), [[1, 0], [1]], [0, 0], [0, 0])


def test_quantecon(truth):
    p, r = truth[0][0], truth[1][0]
    arms = Arms.from_quantecon(SimpleNamespace(R=r.T, Q=p.transpose(1, 0, 2)), multiplicity=[9])
    assert np.array_equal(arms.transitions[0], p)
    assert np.array_equal(arms.rewards[0], r)
    assert arms.n_arms == 9


def test_quantecon_in_pair_form():
    with pytest.raises(ModelError, match=r"state-action-pair form; call its to_product_form\(\) first"):
        Arms.from_quantecon(SimpleNamespace(R=np.zeros(4), Q=np.zeros((4, 2))))


def test_rewards_by_state_need_one_number_per_state(truth):
    with pytest.raises(ModelError, match="length 1, but there are 4 states"):
        Arms.from_layout(truth[0][0], [1.0], layout="ast")


def test_complex_numbers_are_refused(truth):
    with pytest.raises(ModelError, match="complex"):
        Arms(truth[0] * (1 + 0j), truth[1])


def test_more_arms_than_can_be_counted_are_refused(truth):
    with pytest.raises(ModelError, match="9223372036854775808 arms"):
        Arms(*truth, multiplicity=[2**62, 2**62])


@pytest.mark.parametrize("form", ["array", "matrices", "sparse", "objects"])
@pytest.mark.parametrize("rewards", ["state", "pair", "transition"])
def test_pymdptoolbox(truth, form, rewards):
    p, given = truth[0][0], np.random.default_rng(13).normal(size=(A, S, S))
    if rewards == "state":
        given = given[0, 0]
        expected = np.tile(given, (A, 1))
    elif rewards == "pair":
        given = given[:, :, 0].T
        expected = given.T
    else:
        expected = (p * given).sum(axis=-1)
    forms = {"array": np.array, "matrices": list, "sparse": lambda a: [csr_array(m) for m in a], "objects": as_objects}
    arms = Arms.from_pymdptoolbox(forms[form](p), forms[form](given) if rewards == "transition" else given, multiplicity=[3])
    assert np.array_equal(arms.transitions[0], p)
    np.testing.assert_allclose(arms.rewards[0], expected, rtol=1e-12, atol=1e-14)
    assert arms.n_arms == 3


def as_objects(matrices):
    """A one-dimensional object array of sparse matrices."""
    objects = np.empty(len(matrices), dtype=object)
    objects[:] = [csr_array(matrix) for matrix in matrices]
    return objects


def test_pymdptoolbox_rewards_by_pair_may_be_sparse_and_have_the_state_first(truth):
    p, r = truth[0][0], truth[1][0]
    assert np.array_equal(Arms.from_pymdptoolbox(p, csr_array(r.T)).rewards[0], r)
    with pytest.raises(ModelError, match=r"rewards must have shape"):
        Arms.from_pymdptoolbox(p, r)


@pytest.mark.parametrize("types", [slice(None), 0])
def test_rested_arms_stand_still(truth, types):
    p, r = truth[0][types][..., 0, :, :], truth[1][types][..., 0, :]
    arms = Arms.rested(p, r, multiplicity=[2] * (K if p.ndim == 3 else 1))
    assert np.array_equal(arms.transitions[:, 0], np.tile(np.eye(S), (arms.n_types, 1, 1)))
    assert np.array_equal(arms.transitions[:, 1], p.reshape(-1, S, S))
    assert np.array_equal(arms.rewards, np.stack([np.zeros((arms.n_types, S)), r.reshape(-1, S)], axis=1))
    assert arms.multiplicity.tolist() == [2] * arms.n_types


@pytest.mark.parametrize(("p", "r"), [((2, 3), (2,)), ((2, 2), (3,)), ((2, 2), (1, 2)), ((3, 2, 2), (2,)), ((2,), (2,))])
def test_rested_arms_of_no_shape(p, r):
    with pytest.raises(ModelError, match=r"rested arms need transitions of shape \(S, S\) or \(K, S, S\)"):
        Arms.rested(np.ones(p), np.ones(r))

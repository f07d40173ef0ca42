"""Arms taken over from other packages: what they say of their model holds for the imported arm."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from oracles.rational import RationalArm
from rmab import Arms, Discounted, whittle_index

BETA = 0.9


def optimal_value(p, r):
    """Values (S,) of one arm without any charge, by policy iteration on the arrays of an ``Arms``."""
    states, policy = np.arange(r.shape[1]), np.zeros(r.shape[1], dtype=int)
    while True:
        value = np.linalg.solve(np.eye(len(states)) - BETA * p[policy, states], r[policy, states])
        better = (r + BETA * p @ value).argmax(axis=0)
        if (better == policy).all():
            return value
        policy = better


@pytest.fixture(scope="module")
def mdptoolbox():
    mdp = pytest.importorskip("mdptoolbox.mdp")
    examples = pytest.importorskip("mdptoolbox.example")
    return mdp, examples


@pytest.fixture
def model():
    rng = np.random.default_rng(31)
    return rng.dirichlet(np.ones(4), (2, 4)), rng.normal(size=(2, 4))


def quantecon(r, q):
    from quantecon.markov import DiscreteDP

    return DiscreteDP(r, q, BETA)


@pytest.mark.parametrize("actions", [2, 3])
def test_quantecon_solves_the_same_arm(actions):
    rng = np.random.default_rng(actions)
    ddp = quantecon(rng.normal(size=(5, actions)), rng.dirichlet(np.ones(5), (5, actions)))
    arms = Arms.from_quantecon(ddp)
    assert arms.transitions.shape == (1, actions, 5, 5)
    np.testing.assert_allclose(optimal_value(arms.transitions[0], arms.rewards[0]), ddp.solve("policy_iteration").v, rtol=1e-10)


def test_quantecon_in_pair_form_becomes_the_same_arm(model):
    p, r = model
    ddp = quantecon(r.T, p.transpose(1, 0, 2))
    arms = Arms.from_quantecon(ddp.to_sa_pair_form(sparse=False).to_product_form())
    assert np.array_equal(arms.transitions[0], p)
    assert np.array_equal(arms.rewards[0], r)


def test_the_charge_of_the_index_makes_quantecon_indifferent(model):
    p, r = model
    arms = Arms.from_quantecon(quantecon(r.T, p.transpose(1, 0, 2)))
    values = whittle_index(arms, Discounted(BETA)).values[0]
    for s, charge in enumerate(values):
        charged = (r - charge * np.array([[0.0], [1.0]])).T
        ddp = quantecon(charged, p.transpose(1, 0, 2))
        q = charged + BETA * ddp.Q @ ddp.solve("policy_iteration").v
        assert abs(q[s, 1] - q[s, 0]) < 1e-10


@pytest.mark.parametrize("example", ["forest", "small", "rand"])
def test_pymdptoolbox_solves_the_same_arm(mdptoolbox, example):
    mdp, examples = mdptoolbox
    made = {"forest": lambda: examples.forest(S=5), "small": examples.small, "rand": lambda: seeded(examples.rand)}[example]()
    arms = Arms.from_pymdptoolbox(*made)
    solved = mdp.PolicyIteration(*made, BETA)
    solved.run()
    np.testing.assert_allclose(optimal_value(arms.transitions[0], arms.rewards[0]), solved.V, rtol=1e-10)


def seeded(rand, **options):
    """Its random example draws from NumPy's global state, which is put back."""
    before = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(5)  # noqa: NPY002
        return rand(4, 2, **options)
    finally:
        np.random.set_state(before)  # noqa: NPY002


def test_sparse_examples_of_pymdptoolbox_are_the_dense_ones(mdptoolbox):
    _, examples = mdptoolbox
    dense, sparse = Arms.from_pymdptoolbox(*examples.forest(S=6)), Arms.from_pymdptoolbox(*examples.forest(S=6, is_sparse=True))
    assert np.array_equal(dense.transitions, sparse.transitions)
    assert np.array_equal(dense.rewards, sparse.rewards)
    p, r = seeded(examples.rand, is_sparse=True)  # one sparse matrix of rewards per action
    arms = Arms.from_pymdptoolbox(p, r)
    for a in range(2):
        np.testing.assert_allclose(arms.rewards[0, a], p[a].multiply(r[a]).sum(axis=1).ravel().tolist()[0], rtol=1e-12)


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_rewards_by_transition_are_averaged_as_in_pymdptoolbox(mdptoolbox, model):
    mdp, _ = mdptoolbox
    p, _ = model
    r = np.random.default_rng(32).normal(size=p.shape)
    sparse = [csr_array(matrix) for matrix in p]
    for transitions in (p, sparse):
        arms = Arms.from_pymdptoolbox(transitions, r)
        solved = mdp.PolicyIteration(p, r, BETA)
        np.testing.assert_allclose(arms.rewards[0], np.array(solved.R), rtol=1e-12)


def test_the_index_of_an_imported_arm_is_where_exact_policies_tie(mdptoolbox):
    _, examples = mdptoolbox
    arms = Arms.from_pymdptoolbox(*examples.forest(S=4))
    values = whittle_index(arms, Discounted(BETA)).values[0]
    arm = RationalArm(arms.transitions[0], arms.rewards[0], BETA)
    for s, charge in enumerate(values):
        assert arm.advantage(charge - 1e-9)[s] > 0 > arm.advantage(charge + 1e-9)[s]


@pytest.mark.parametrize("discount", [0.5, BETA])
def test_markovianbandit_has_the_same_index(model, discount):
    with np.errstate():  # its import sets NumPy's error mode
        import markovianbandit
    p, r = model
    arm = markovianbandit.restless_bandit_from_P0P1_R0R1(p[0], p[1], r[0], r[1])
    arms = Arms.from_p0_p1_r0_r1(*arm.get_P0P1R0R1())
    assert np.array_equal(arms.transitions[0], p)
    assert np.array_equal(arms.rewards[0], r)
    with np.errstate():
        theirs = arm.whittle_indices(discount=discount)
    np.testing.assert_allclose(whittle_index(arms, Discounted(discount)).values[0], theirs, rtol=1e-11, atol=1e-11)

"""The batched kernels against exact rationals: every number they give lies within its error, everything else they hand on."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from oracles.rational_path import RationalPath
from rmab._kernels.lanes import eliminate
from rmab._kernels.two_states import closed_form
from rmab._kernels.verdict import IRREGULAR, STRICT, STRONG

PUBLISHED = json.loads((Path(__file__).parents[1] / "data" / "arms.json").read_text())
DISCOUNTS = (0.5, 0.9, 0.99, 1 - 1e-6, 1 - 1e-10, 1.0)
UNTOUCHED = 12345.0


def run(kernel, p, r, beta, first=0, last=None):
    """Index, error, margin and codes of the arms ``first <= k < last``."""
    p, r = np.ascontiguousarray(p, dtype=float), np.ascontiguousarray(r, dtype=float)
    p.setflags(write=False)
    r.setflags(write=False)
    count, n = len(p), r.shape[2]
    index, error, margin = np.full((count, n), UNTOUCHED), np.full((count, n), UNTOUCHED), np.full((count, 2), UNTOUCHED)
    codes = np.full(count, -1, np.int8)
    kernel(p, r, beta, first, count if last is None else last, index, error, margin, codes)
    return index, error, margin, codes


def kernels(n):
    return (closed_form, eliminate) if n == 2 else (eliminate,)


def check_against_rationals(kernel, p, r, beta):
    """Regular arms have the exact verdict and indices within their error; returns the share of regular arms."""
    index, error, margin, codes = run(kernel, p, r, beta)
    assert set(codes) <= {STRONG, STRICT, IRREGULAR}
    scale = np.abs(r).max(axis=(1, 2))
    for k in np.flatnonzero(codes != IRREGULAR):
        exact = RationalPath(p[k], r[k], beta)
        assert exact.strong if codes[k] == STRONG else exact.strict
        assert margin[k, 1] == 0.0
        for s, value in enumerate(exact.index):
            assert abs(value - Fraction(index[k, s])) <= error[k, s], (k, s, beta)
            assert error[k, s] <= 1.001e-12 * max(scale[k], abs(index[k, s]))
    return np.mean(codes != IRREGULAR)


def draw_many(draw_arm, rng, n, count):
    arms = []
    while len(arms) < count:
        p, r, _ = draw_arm(rng, n)
        if p.shape[-1] == n:
            arms.append((p, r))
    return np.stack([p for p, _ in arms]), np.stack([r for _, r in arms])


def dense(rng, n, count):
    return rng.dirichlet(np.ones(n), (count, 2, n)), rng.normal(size=(count, 2, n))


@pytest.mark.parametrize("beta", DISCOUNTS)
@pytest.mark.parametrize("n", [2, 3, 5, 6, 9])
def test_every_kind_of_arm_within_its_error(n, beta, draw_arm):
    p, r = draw_many(draw_arm, np.random.default_rng([n, 1]), n, 21)
    for kernel in kernels(n):
        assert check_against_rationals(kernel, p, r, beta) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("beta", DISCOUNTS)
@pytest.mark.parametrize("n", range(2, 13))
def test_hundreds_of_arms_of_every_kind_within_their_error(n, beta, draw_arm):
    p, r = draw_many(draw_arm, np.random.default_rng([n, 2]), n, 150)
    for kernel in kernels(n):
        check_against_rationals(kernel, p, r, beta)


@pytest.mark.parametrize("beta", DISCOUNTS)
def test_dense_arms_are_regular_and_their_errors_small(beta):
    for n in (2, 3, 6, 12, 30):
        p, r = dense(np.random.default_rng(n), n, 40)
        for kernel in kernels(n):
            index, error, _, codes = run(kernel, p, r, beta)
            regular = codes != IRREGULAR
            assert regular.mean() > 0.9
            assert np.median(error[regular] / np.maximum(np.abs(r).max(axis=(1, 2))[:, None], np.abs(index))[regular]) < 3e-13


@pytest.mark.parametrize("beta", [0.95, 1.0])
@pytest.mark.parametrize("n", [7, 20, 50, 64])
def test_at_its_index_a_state_is_indifferent(n, beta):
    """Bellman's equation at every index, by a fresh linear system: acting pays in the states with a higher index only."""
    p, r = dense(np.random.default_rng(n), n, 9)
    index, _, _, codes = run(eliminate, p, r, beta)
    assert (codes == STRONG).all()
    for k in range(3):
        for s in range(0, n, 5):
            acts = (index[k] > index[k, s]).astype(int)
            chosen = p[k][acts, np.arange(n)]
            system = np.column_stack([(np.eye(n) - beta * chosen)[:, 1:], np.ones(n)])
            bias = np.concatenate([[0.0], np.linalg.solve(system, r[k][acts, np.arange(n)] - index[k, s] * acts)[:-1]])
            advantage = r[k, 1] - r[k, 0] - index[k, s] + beta * (p[k, 1] - p[k, 0]) @ bias
            assert abs(advantage[s]) < 1e-11
            assert ((advantage > 0) == (acts == 1))[np.arange(n) != s].all()


@pytest.mark.parametrize("n", [2, 3, 8])
@pytest.mark.parametrize("scale", [1e-12, 1e9])
def test_the_unit_of_the_rewards_does_not_matter(n, scale, draw_arm):
    p, r = draw_many(draw_arm, np.random.default_rng([n, 3]), n, 24)
    for kernel in kernels(n):
        index, error, _, codes = run(kernel, p, r, 0.9)
        scaled, scaled_error, _, scaled_codes = run(kernel, p, r * scale, 0.9)
        regular = (codes != IRREGULAR) & (scaled_codes != IRREGULAR)
        assert (codes == scaled_codes).mean() > 0.9
        assert regular.mean() > 0.5
        assert (np.abs(scaled - index * scale) <= scaled_error + error * scale)[regular].all()
        assert (scaled_error <= 1.001e-12 * np.maximum(np.abs(r).max(axis=(1, 2))[:, None] * scale, np.abs(scaled)))[
            regular
        ].all()


@pytest.mark.parametrize("n", [2, 3, 11])
def test_an_arm_without_rewards_has_index_zero(n):
    p, _ = dense(np.random.default_rng(n), n, 3)
    for kernel in kernels(n):
        index, error, _, codes = run(kernel, p, np.zeros((3, 2, n)), 0.9)
        assert (codes == STRONG).all()
        assert (np.abs(index) <= error).all()
        assert (error < 1e-12).all()


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_rows_that_miss_one_are_divided_by_their_sum(n):
    rng = np.random.default_rng(n)
    p, r = dense(rng, n, 8)
    p *= 1 + 9e-9 * rng.uniform(-1, 1, (8, 2, n, 1))
    for kernel in kernels(n):
        assert check_against_rationals(kernel, p, r, 0.99) > 0.5


@pytest.mark.parametrize("beta", [0.9, 1.0])
@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_results_depend_neither_on_cuts_nor_on_neighbours(n, beta, draw_arm):
    p, r = draw_many(draw_arm, np.random.default_rng([n, 4]), n, 30)
    p[4] = np.eye(n)  # every state absorbing: nothing but zeros and infinities in this lane when beta is 1
    for kernel in kernels(n):
        whole = run(kernel, p, r, beta)
        regular = whole[3] != IRREGULAR
        for first, last in ((0, 1), (1, 9), (3, 30), (7, 20), (29, 30)):
            part = run(kernel, p, r, beta, first, last)
            outside = (np.arange(30) < first) | (np.arange(30) >= last)
            assert (part[3][outside] == -1).all()
            assert (part[0][outside] == UNTOUCHED).all()
            assert (part[3] == whole[3])[~outside].all()
            for mine, theirs in zip(part[:3], whole[:3], strict=True):
                assert (mine == theirs)[regular & ~outside].all()


def test_arms_that_are_not_indexable_are_handed_on(draw_arm):
    rng = np.random.default_rng(8)
    found = 0
    for n in (3, 4, 6):
        p, r = draw_many(draw_arm, rng, n, 60)
        codes = run(eliminate, p, r, 0.9)[3]
        for k in range(len(p)):
            exact = RationalPath(p[k], r[k], 0.9)
            found += not exact.weak
            if not exact.strict:
                assert codes[k] == IRREGULAR
    assert found >= 3


@pytest.mark.parametrize("beta", [0.9, 0.99, 1.0])
@pytest.mark.parametrize("name", [name for name, arm in PUBLISHED.items() if len(arm["rewards"][0]) <= 20])
def test_published_arms(name, beta):
    p, r = (np.array(PUBLISHED[name][key])[None] for key in ("transitions", "rewards"))
    for kernel in kernels(r.shape[2]):
        check_against_rationals(kernel, p, r, beta)


def test_no_numbers_for_multichain_arms():
    for n in (2, 3, 6):
        p, r = dense(np.random.default_rng(n), n, 2)
        p[0, 0] = np.eye(n)
        p[1, 1] = np.eye(n)
        for kernel in kernels(n):
            assert (run(kernel, p, r, 1.0)[3] == IRREGULAR).all()
        index, error, margin, _ = run(eliminate, p, r, 1.0)
        assert (index == UNTOUCHED).all()
        assert (error == UNTOUCHED).all()
        assert (margin == UNTOUCHED).all()


def test_equal_states_have_equal_indices():
    """Exact duplicates tie at every charge; either order is right."""
    rng = np.random.default_rng(6)
    p, r = dense(rng, 5, 20)
    p[:, :, 1], r[:, :, 1] = p[:, :, 0], r[:, :, 0]
    index, error, _, codes = run(eliminate, p, r, 0.95)
    assert (codes != IRREGULAR).mean() > 0.9
    regular = codes != IRREGULAR
    assert (np.abs(index[:, 0] - index[:, 1]) <= error[:, 0] + error[:, 1])[regular].all()
    assert check_against_rationals(eliminate, p, r, 0.95) > 0.9

"""Random numbers, alias tables and discrete samplers against published vectors and exact laws."""

import numpy as np
import pytest
from numba import njit
from scipy import stats

from rmab._kernels.alias import build_alias, draw
from rmab._kernels.philox import MOVE, TIE, arm_uniform, fill_bits, philox
from rmab._kernels.sampling import STREAM_WORDS, binomial, hypergeometric, log_ratio, open_stream, uniform
from rmab._kernels.top_k import find_cut

# Random123's kat_vectors for philox4x32, 10 rounds: counter, key, result
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@njit
def block(c0, c1, c2, c3, k0, k1):
    return philox(c0, c1, c2, c3, k0, k1)


@njit
def draw_all(bits, threshold, alias):
    out = np.empty(len(bits), dtype=np.int64)
    for i in range(len(bits)):
        out[i] = draw(bits[i], np.uint64(len(alias)), threshold, alias)
    return out


@njit
def binomials(stream, n, p, out):
    for i in range(len(out)):
        out[i] = binomial(stream, n, p)


@njit
def hypergeometrics(stream, good, bad, draws, out):
    for i in range(len(out)):
        out[i] = hypergeometric(stream, good, bad, draws)


def new_stream(seed: int) -> np.ndarray:
    stream = np.zeros(STREAM_WORDS, dtype=np.uint64)
    stream[0] = seed
    open_stream(stream, np.uint64(0), np.uint64(0), np.uint64(0), MOVE)
    return stream


def words(text: str) -> list[np.uint64]:
    return [np.uint64(int(word, 16)) for word in text.split()]


def assert_law(sample, law, *, level=1e-4):
    """Chi-square test of whole numbers against a scipy law; cells with fewer than 20 expected are pooled into the tails."""
    support = np.arange(sample.min(), sample.max() + 1)
    keep = support[len(sample) * law.pmf(support) >= 20]
    low, high = keep[0], keep[-1]
    expected = law.pmf(np.arange(low, high + 1))
    expected[0] += law.cdf(low - 1)
    expected[-1] += law.sf(high)
    seen = np.bincount(np.clip(sample, low, high) - low, minlength=len(expected))
    if len(expected) == 1:
        assert seen[0] == len(sample)
    else:
        assert stats.chisquare(seen, expected * len(sample)).pvalue > level


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_philox_known_answers(counter, key, result):
    assert list(block(*words(counter), *words(key))) == words(result)


def test_arm_uniform_reads_the_same_bits_as_the_tiles():
    bits = np.empty(10, dtype=np.uint64)
    fill_bits(np.uint64(3), np.uint64(5), np.uint64(2), TIE, np.uint64(7), np.uint64(8), bits)
    for j, value in enumerate(bits):
        expected = (int(value >> np.uint64(12)) + 0.5) / 2**52
        assert arm_uniform(np.uint64(3), np.uint64(5), 4 + j, TIE, np.uint64(7), np.uint64(8)) == expected


@pytest.mark.parametrize(
    "row", [[1.0], [0.0, 1.0, 0.0], [0.25] * 4, [1e-12, 0.3, 0.7 - 1e-12], [0.0, 0.5, 0.0, 0.1, 0.4], [1 / 3, 1 / 3, 1 / 3]]
)
def test_alias_table_holds_the_distribution_exactly(row):
    threshold, alias = np.empty((1, len(row)), dtype=np.uint64), np.empty((1, len(row)), dtype=np.int32)
    build_alias(np.array([row]), threshold, alias)
    share = threshold[0].astype(float) / 2.0**64
    mass = share.copy()
    np.add.at(mass, alias[0], 1 - share)
    np.testing.assert_allclose(mass / len(row), row, rtol=1e-12, atol=1e-18)


def test_alias_draws_have_the_law():
    row = np.array([0.05, 0.4, 0.0, 0.3, 0.25])
    threshold, alias = np.empty((1, 5), dtype=np.uint64), np.empty((1, 5), dtype=np.int32)
    build_alias(row[np.newaxis], threshold, alias)
    bits = np.random.default_rng(1).integers(0, 2**64, 200_000, dtype=np.uint64)
    seen = np.bincount(draw_all(bits, threshold[0], alias[0]), minlength=5)
    assert seen[2] == 0
    assert stats.chisquare(seen[row > 0], row[row > 0] * len(bits)).pvalue > 1e-4


def test_alias_draw_uses_all_64_bits():
    # the draw is (bits * S) as a 128-bit product: column above, fraction below; checked where columns and thresholds begin
    threshold, alias = np.empty((1, 3), dtype=np.uint64), np.empty((1, 3), dtype=np.int32)
    build_alias(np.array([[0.2, 0.3, 0.5]]), threshold, alias)
    edges = [0, 2**64 - 1] + [-(-((j << 64) + f) // 3) for j in range(3) for f in (0, int(threshold[0, j]))]
    bits = [min(max(edge + shift, 0), 2**64 - 1) for edge in edges for shift in (-1, 0, 1)]
    expected = []
    for value in bits:
        column, fraction = divmod(value * 3, 2**64)
        expected.append(column if fraction < int(threshold[0, column]) else alias[0, column])
    np.testing.assert_array_equal(draw_all(np.array(bits, dtype=np.uint64), threshold[0], alias[0]), expected)


def test_uniform_numbers_are_open_and_uniform():
    stream = new_stream(5)
    sample = np.array([uniform(stream) for _ in range(20_000)])
    assert 0 < sample.min() < sample.max() < 1
    assert stats.kstest(sample, "uniform").pvalue > 1e-4


@pytest.mark.parametrize(
    ("n", "p"),
    [(1, 0.3), (5, 0.5), (7, 0.97), (40, 0.1), (30, 0.34), (20, 0.5), (100, 0.9), (1_000, 0.003), (5_000, 0.4), (10**6, 0.2)],
)
def test_binomial_law(n, p):
    out = np.empty(500_000, dtype=np.int64)
    binomials(new_stream(11), n, p, out)
    assert out.min() >= 0
    assert out.max() <= n
    assert_law(out, stats.binom(n, p))


@pytest.mark.parametrize(("n", "p"), [(20, 0.5), (40, 0.3), (5_000, 0.4)])
def test_binomial_acceptance_is_the_ratio_of_probabilities(n, p):
    # a sample cannot see an error here, for nine in ten draws are accepted without this ratio
    mode = int((n + 1) * p)
    for k in {0, 1, 9, 10, mode, mode + 3, n - 1, n}:
        exact = stats.binom(n, p).logpmf(k) - stats.binom(n, p).logpmf(mode)
        assert log_ratio(n, p / (1 - p), float(mode), float(k)) == pytest.approx(exact, rel=1e-9, abs=1e-9)


def test_binomial_edges():
    stream = new_stream(0)
    assert binomial(stream, 0, 0.5) == 0
    assert binomial(stream, 9, 0.0) == 0
    assert binomial(stream, 9, 1.0) == 9
    assert binomial(stream, 10**9, 1e-30) == 0


@pytest.mark.parametrize(
    ("good", "bad", "draws"),
    [(3, 4, 2), (1, 1, 1), (10, 3, 11), (50, 70, 30), (500, 20, 100), (3_000, 7_000, 5_000), (2, 10**6, 400_000)],
)
def test_hypergeometric_law(good, bad, draws):
    out = np.empty(60_000, dtype=np.int64)
    hypergeometrics(new_stream(12), good, bad, draws, out)
    assert out.min() >= max(0, draws - bad)
    assert out.max() <= min(good, draws)
    assert_law(out, stats.hypergeom(good + bad, good, draws))


def test_hypergeometric_edges():
    stream = new_stream(0)
    assert hypergeometric(stream, 5, 0, 3) == 3
    assert hypergeometric(stream, 0, 5, 3) == 0
    assert hypergeometric(stream, 2, 5, 7) == 2


@pytest.mark.parametrize(
    ("budget", "eligible", "expected"),
    [(0, 3, (0, 0, 0)), (4, 3, (1, 0, 0)), (6, 3, (1, 2, 5)), (9, 3, (2, 0, 0)), (9, 1, (1, 0, 0)), (30, 3, (4, 0, 0))],
)
def test_find_cut(budget, eligible, expected):
    # ranks: cell 2 has 4 arms and is best; cells 0 and 3 tie with 5 arms together; cell 1 has none
    counts, rank, order = np.array([3, 0, 4, 2]), np.array([1, 2, 0, 1]), np.array([2, 0, 3, 1])
    assert find_cut(counts, order, rank, eligible, budget) == expected

"""Estimated arms against counts that were published, hand-computed posteriors and the moments of the Dirichlet law."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import dirichlet_multinomial

from rmab.errors import LogError, ModelError
from rmab.estimation.shrinkage import GRID, pooling_strength
from rmab.estimation.transitions import DirichletPrior, estimate

PUBLISHED = np.array([[[100, 26], [27, 75]], [[49, 29], [20, 118]]])
REWARDS = {"good": 1, "poor": 0}


@pytest.fixture(scope="module")
def by_center(respiratory):
    return estimate(respiratory, groups="center", rewards=REWARDS)


@pytest.fixture
def interleaved(read):
    """Four arms, groups y x y x in the order of the file; only y's are ever good."""
    lines = ["id,week,status,call,site"]
    for arm, site, state in (("d", "y", "good"), ("c", "x", "poor"), ("b", "y", "good"), ("a", "x", "poor")):
        lines += [f"{arm},0,{state},no,{site}", f"{arm},1,{state},yes,{site}", f"{arm},2,{state},,{site}"]
    return read(lines)


def test_counts_are_the_published_ones(respiratory):
    model = estimate(respiratory)
    assert np.array_equal(model.counts, PUBLISHED[np.newaxis])
    assert model.labels.groups == ("all",)
    assert model.shrinkage is None


def test_group_counts_add_up_to_the_published_ones(by_center):
    assert by_center.counts.shape == (2, 2, 2, 2)
    assert np.array_equal(by_center.counts.sum(axis=0), PUBLISHED)
    assert by_center.arms.multiplicity.tolist() == [56, 55]


def test_counts_of_a_log_counted_by_hand(read, rows):
    counts = estimate(read([*rows, "C,1,good,no", "C,2,good,no"])).counts[0]
    assert counts[0].tolist() == [[1, 1], [0, 1]]
    assert counts[1].tolist() == [[0, 0], [2, 0]]


def test_rows_before_and_after_a_gap_are_no_transition(read, rows):
    lines = [*rows, "A,5,poor,yes", "A,6,poor,no"]
    assert estimate(read([line.replace("A,2,good,", "A,2,good,yes") for line in lines], gaps="split")).counts.sum() == 5


@pytest.mark.parametrize("strength", [0.5, 2, 30])
def test_posterior_means_without_groups(respiratory, strength):
    model = estimate(respiratory, prior=DirichletPrior(strength), rewards=REWARDS)
    expected = (PUBLISHED + strength / 2) / (PUBLISHED.sum(axis=-1, keepdims=True) + strength)
    np.testing.assert_allclose(model.transitions[0], expected, rtol=1e-14)
    np.testing.assert_allclose(model.arms.transitions[0], expected, rtol=1e-14)


def test_the_default_prior_has_strength_two(respiratory):
    assert estimate(respiratory).prior == DirichletPrior(strength=2)
    assert DirichletPrior().strength == 2.0


def test_posterior_means_with_groups(by_center):
    counts = by_center.counts
    pooled = (PUBLISHED + 1) / (PUBLISHED.sum(axis=-1, keepdims=True) + 2)
    expected = (counts + 2 * pooled) / (counts.sum(axis=-1, keepdims=True) + 2)
    np.testing.assert_allclose(by_center.transitions, expected, rtol=1e-13)
    assert by_center.shrinkage == 2.0


def test_shrinkage_near_zero_leaves_each_group_its_own_frequencies(respiratory):
    model = estimate(respiratory, groups="center", shrinkage=1e-9)
    own = model.counts / model.counts.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(model.transitions, own, atol=1e-10)


def test_large_shrinkage_makes_every_group_the_pool(respiratory):
    model = estimate(respiratory, groups="center", shrinkage=1e12)
    pooled = estimate(respiratory).transitions
    np.testing.assert_allclose(model.transitions, np.broadcast_to(pooled, (2, 2, 2, 2)), atol=1e-9)


def test_shrinkage_lies_between_own_and_pool(respiratory):
    far, near, pool = (estimate(respiratory, groups="center", shrinkage=k).transitions for k in (1e-9, 50, 1e12))
    assert np.all((near - far) * (near - pool) < 0)


def test_one_group_is_the_pool_whatever_the_shrinkage(respiratory, read, rows):
    lines = [f"{line},{extra}" for line, extra in zip(rows, ["site", *"xxxxxx"], strict=True)]
    log = read(lines)
    alone, grouped = estimate(log), estimate(log, groups="site", shrinkage=100)
    assert np.array_equal(alone.concentration, grouped.concentration)
    assert grouped.labels.groups == ("x",)


def test_estimated_shrinkage_maximises_scipys_likelihood(respiratory):
    counts = estimate(respiratory, groups="center").counts
    mean = (PUBLISHED + 1) / (PUBLISHED.sum(axis=-1, keepdims=True) + 2)

    def loss(log_kappa):
        alpha = np.exp(log_kappa) * np.broadcast_to(mean, counts.shape)
        return -dirichlet_multinomial.logpmf(counts, alpha, counts.sum(axis=-1)).sum()

    best = minimize_scalar(loss, bounds=(np.log(GRID[0]), np.log(GRID[-1])), method="bounded")
    found = estimate(respiratory, groups="center", shrinkage="estimate").shrinkage
    assert abs(np.log(found) - best.x) < np.log(GRID[1] / GRID[0])


def test_estimated_shrinkage_finds_the_strength_that_made_the_groups():
    rng = np.random.default_rng(5)
    mean = np.array([[[0.3, 0.7], [0.6, 0.4]]])
    for kappa in (3.0, 30.0):
        groups = [[[rng.multinomial(200, rng.dirichlet(kappa * row)) for row in mean[0]]] for _ in range(300)]
        assert kappa / 1.5 < pooling_strength(np.array(groups), mean) < kappa * 1.5


def test_interleaved_groups_are_renumbered_type_by_type(interleaved):
    model = estimate(interleaved, groups="site", rewards=REWARDS)
    assert interleaved.arms == ("d", "c", "b", "a")
    assert model.labels.groups == ("x", "y")
    assert model.arm_ids == ("c", "a", "d", "b")
    assert model.type_of_arm.tolist() == [0, 0, 1, 1]
    assert np.array_equal(model.type_of_arm, model.arms.type_of_arm)
    good, poor = 0, 1
    assert model.counts[0, :, poor, poor].tolist() == [2, 2]
    assert model.counts[1, :, good, good].tolist() == [2, 2]
    assert model.counts.sum() == 8


def test_without_groups_the_arms_keep_the_order_of_the_log(interleaved):
    assert estimate(interleaved).arm_ids == interleaved.arms


def test_arms_can_be_their_own_groups(interleaved):
    model = estimate(interleaved, groups="id", rewards=REWARDS)
    assert model.arms.multiplicity.tolist() == [1, 1, 1, 1]
    assert model.arm_ids == model.labels.groups == ("a", "b", "c", "d")


def test_draws_have_the_moments_of_the_dirichlet_law(by_center):
    n = 20_000
    drawn = np.array([arms.transitions for arms in by_center.draw(3, n)])
    alpha = by_center.concentration
    total = alpha.sum(axis=-1, keepdims=True)
    mean = alpha / total
    variance = mean * (1 - mean) / (total + 1)
    assert np.all(np.abs(drawn.mean(axis=0) - mean) < 5 * np.sqrt(variance / n))
    np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=0.08)


def test_rows_are_drawn_independently(by_center):
    drawn = np.array([arms.transitions for arms in by_center.draw(4, 5_000)])[..., 0].reshape(5_000, -1)
    off = np.corrcoef(drawn.T) - np.eye(8)
    assert np.abs(off).max() < 5 / np.sqrt(5_000)


def test_draws_are_those_of_the_seed(by_center):
    one, two, other = (by_center.draw(rng, 2) for rng in (7, np.random.default_rng(7), 8))
    assert all(np.array_equal(a.transitions, b.transitions) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0].transitions, other[0].transitions)
    assert not np.array_equal(one[0].transitions, one[1].transitions)
    assert one[0].multiplicity.tolist() == [56, 55]
    assert np.array_equal(one[0].rewards, by_center.arms.rewards)


def test_draws_of_a_nearly_empty_prior_are_still_probabilities(read, rows):
    model = estimate(read(rows, states=["good", "poor", "fair"]), prior=DirichletPrior(1e-6), rewards={**REWARDS, "fair": 0.5})
    assert len(model.draw(0, 20)) == 20


def test_rewards_and_action_costs(respiratory):
    model = estimate(respiratory, rewards={"good": 1, "poor": -1}, action_costs={1: 0.25})
    assert model.arms.rewards.tolist() == [[[-1.0, 1.0], [-1.25, 0.75]]]


def test_rewards_can_come_later(respiratory, by_center):
    bare = estimate(respiratory, groups="center")
    assert bare.rewards is None
    later = bare.with_rewards(REWARDS)
    assert bare.rewards is None
    assert np.array_equal(later.arms.transitions, by_center.arms.transitions)
    assert np.array_equal(later.arms.rewards, by_center.arms.rewards)


def test_new_rewards_replace_old_ones(by_center):
    assert by_center.arms.rewards.max() == 1
    assert by_center.with_rewards({"good": 5, "poor": 0}).arms.rewards.max() == 5


@pytest.mark.parametrize("ask", [lambda model: model.arms, lambda model: model.draw(0, 1)])
def test_no_rewards_no_arms(respiratory, ask):
    with pytest.raises(ModelError, match=r"no rewards; call model.with_rewards\(\{'poor': ..., 'good': ...\}\)"):
        ask(estimate(respiratory))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rewards": {"good": 1}}, "state 'poor' has no reward"),
        ({"rewards": {"good": 1, "poor": 0, "fair": 1}}, "unknown state 'fair'; the states are 'poor', 'good'"),
        ({"rewards": {"good": 1, "poor": float("nan")}}, "state 'poor' has the value nan"),
        ({"rewards": {"good": 1, "poor": "0"}}, "state 'poor' has the value '0'"),
        ({"rewards": [0, 1]}, "rewards must map each state label to a number"),
        ({"rewards": REWARDS, "action_costs": {"2": 1}}, "unknown action '2'; the actions are '0', '1'"),
        ({"rewards": REWARDS, "action_costs": {"1": float("inf")}}, "action '1' has the value inf"),
        ({"action_costs": {"1": 1}}, "action_costs were given without rewards"),
        ({"prior": 2}, r"must be a DirichletPrior, got 2; write DirichletPrior\(strength="),
        ({"groups": "center", "shrinkage": 0}, "shrinkage .* must be a positive number, got 0"),
        ({"groups": "center", "shrinkage": "auto"}, "shrinkage .* must be a positive number, got 'auto'"),
    ],
)
def test_bad_arguments(respiratory, options, words):
    with pytest.raises(ModelError, match=words):
        estimate(respiratory, **options)


@pytest.mark.parametrize("strength", [0, -1, float("inf"), float("nan"), "2", True, None])
def test_bad_strengths(strength):
    with pytest.raises(ModelError, match="strength of a prior must be a positive number"):
        DirichletPrior(strength)


def test_a_path_is_not_a_log():
    with pytest.raises(ModelError, match="needs a Log, got str; read the file with read_log first"):
        estimate("log.csv")


def test_groups_that_change_or_are_missing(respiratory):
    with pytest.raises(LogError, match="no column 'centre' for the group; the columns are 'arm', 'time'"):
        estimate(respiratory, groups="centre")
    with pytest.raises(LogError, match="changes its group"):
        estimate(respiratory, groups="state")


def test_thin_cells_are_named(interleaved, respiratory, by_center):
    thin = estimate(interleaved, groups="site").thin_cells
    assert len(thin) == 8
    assert thin[0] == "group 'x', state 'good', action 'no': 0 observations"
    assert by_center.thin_cells == ()
    one = estimate(respiratory, groups="arm").thin_cells
    assert "group 'c1-01', state 'good', action '0': 0 observations" in one
    assert any(line.endswith(": 1 observation") for line in one)


def test_the_model_prints_what_it_knows(by_center, interleaved):
    assert "111 arms, 2 groups, 444 transitions" in str(by_center)
    assert "group 2, action 1, state good: 0.087  0.913  (82 seen)" in str(by_center)
    assert "(0 seen, thin)" in str(estimate(interleaved, groups="site"))

"""A tracker keeps the exact beliefs, whenever signals arrive, and comes back from a file as it was."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oracles.hidden_paths import random_laws
from rmab.errors import ModelError, StoreError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.hidden.tracker import BeliefTracker
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted
from rmab.models.store import load, save


def cohort(seed=0, *, modes=True, rewards=0.0, counts=(2, 3)):
    """Two types of arms of different sizes, the second with modes."""
    rng = np.random.default_rng(seed)
    small = HiddenArms(random_laws(rng, 2, 2, 2), np.full((2, 2), rewards), random_laws(rng, 2, 2, 2))
    large = HiddenArms(random_laws(rng, 2, 3, 3), np.full((2, 3), rewards), random_laws(rng, 2, 3, 3), timing="after")
    if modes:
        large = large.with_availability(random_laws(rng, 2, 2), [True, False])
    starts = [random_laws(rng, 2), random_laws(rng, 3)]
    return HiddenProblem([small, large], TopK(1), Average(), multiplicity=list(counts), start=starts)


def periods(problem, count, seed):
    """What may be done and seen: actions, signals and modes of some periods."""
    rng = np.random.default_rng(seed)
    n, types = problem.n_arms, problem.type_of_arm
    letters = np.array([arm.n_signals for arm in problem.arms])[types]
    modes = np.array([arm.n_modes for arm in problem.arms])[types]
    return [(rng.integers(0, 2, n), rng.integers(0, letters), rng.integers(0, modes)) for _ in range(count)]


def by_hand(problem, seen, missing=None):
    """The beliefs of all arms, arm by arm with the plain filter."""
    beliefs = np.zeros((problem.n_arms, problem.n_states))
    for n, k in enumerate(problem.type_of_arm):
        arm, belief, mode = problem.arms[k], problem.start[k], int(problem.start_modes[k])
        for actions, signals, modes in seen:
            signal = signals[n] if signals[n] >= 0 else missing
            belief = arm.filter(belief, actions[n], signal, mode=mode, next_mode=modes[n])
            mode = int(modes[n])
        beliefs[n, : len(belief)] = belief
    return beliefs


def test_every_arm_has_its_exact_belief():
    problem = cohort()
    tracker, seen = BeliefTracker(problem), periods(problem, 6, 1)
    np.testing.assert_array_equal(tracker.beliefs, by_hand(problem, []))
    for period, one in enumerate(seen):
        tracker.update(*one)
        np.testing.assert_allclose(tracker.beliefs, by_hand(problem, seen[: period + 1]), rtol=0, atol=1e-14)
        np.testing.assert_array_equal(tracker.modes, one[2])
    assert str(tracker) == "BeliefTracker(5 arms of 2 types after 6 periods)"


def test_what_is_handed_out_is_a_copy():
    tracker = BeliefTracker(cohort())
    tracker.beliefs[:] = 0.0
    tracker.modes[:] = 9
    assert tracker.beliefs[0].sum() == pytest.approx(1.0)
    assert tracker.modes.tolist() == [0] * 5


def test_no_signal_is_a_plain_move_or_a_letter_of_its_own():
    plain = HiddenArms(random_laws(np.random.default_rng(2), 2, 2, 2), np.zeros((2, 2)), [np.eye(2)] * 2)
    arm = plain.with_missing([0.1, 0.7], actions=[0, 1])
    problem = HiddenProblem(arm, TopK(1), Average(), multiplicity=[2], start=[0.4, 0.6])
    blank, letter = BeliefTracker(problem), BeliefTracker(problem, missing=2)
    for tracker in (blank, letter):
        tracker.update([0, 1], [-1, 0])
    np.testing.assert_allclose(blank.beliefs[0], arm.filter([0.4, 0.6], 0, None), rtol=0, atol=1e-15)
    np.testing.assert_allclose(letter.beliefs[0], arm.filter([0.4, 0.6], 0, 2), rtol=0, atol=1e-15)
    assert np.abs(blank.beliefs[0] - letter.beliefs[0]).max() > 0.01
    np.testing.assert_allclose(blank.beliefs[1], letter.beliefs[1], rtol=0, atol=0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), wait=st.integers(1, 5), letter=st.sampled_from([None, 1]))
def test_late_signals_lead_to_the_belief_of_signals_in_time(seed, wait, letter):
    problem, rng = cohort(seed), np.random.default_rng(seed)
    tracker = BeliefTracker(problem, missing=letter, wait=wait)
    seen, truth = [], periods(problem, 8, seed)
    for period, (actions, signals, modes) in enumerate(truth):
        shown = np.where(rng.random(problem.n_arms) < 0.6, -1, signals)
        seen.append([actions, shown, modes])
        tracker.update(actions, shown, modes)
        for at in range(max(0, period - wait + 1), period + 1):
            for arm in np.flatnonzero((seen[at][1] < 0) & (rng.random(problem.n_arms) < 0.4)):
                tracker.arrived(int(arm), at, int(truth[at][1][arm]))
                seen[at][1][arm] = truth[at][1][arm]
        np.testing.assert_allclose(tracker.beliefs, by_hand(problem, seen, letter), rtol=0, atol=1e-13)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), wait=st.integers(0, 3), before=st.integers(0, 5))
def test_a_restored_tracker_goes_on_bit_for_bit(tmp_path, seed, wait, before):
    problem = cohort(seed)
    tracker, seen = BeliefTracker(problem, missing=[1, None], wait=wait), periods(problem, before + 3, seed)
    for actions, signals, modes in seen[:before]:
        tracker.update(actions, np.where(np.arange(5) == 1, -1, signals), modes)
    tracker.store(tmp_path / "tracker")
    again = BeliefTracker.restore(tmp_path / "tracker", cohort(seed, rewards=5.0))
    assert str(again) == str(tracker)
    if wait and before:
        for one in (tracker, again):
            one.arrived(arm=1, period=before - 1, signal=0)
    for one in seen[before:]:
        assert tracker.beliefs.tobytes() == again.beliefs.tobytes()
        assert tracker.modes.tobytes() == again.modes.tobytes()
        tracker.update(*one)
        again.update(*one)
    assert tracker.beliefs.tobytes() == again.beliefs.tobytes()
    again.store(tmp_path / "again")
    tracker.store(tmp_path / "tracker")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "tracker").read_bytes()


def test_other_arms_are_refused(tmp_path):
    file = tmp_path / "tracker"
    BeliefTracker(cohort()).store(file)
    for other in (cohort(seed=1), cohort(counts=(3, 2)), cohort(modes=False)):
        with pytest.raises(StoreError, match="tracks other arms, kernels or multiplicities differ"):
            BeliefTracker.restore(file, other)
    known = cohort()
    kernel = known.arms[0].kernel.copy()
    kernel[0, 0, 0, 0, 0] = np.nextafter(kernel[0, 0, 0, 0, 0], 1.0)  # by one bit
    changed = HiddenArms.from_kernel(kernel, known.arms[0].rewards)
    with pytest.raises(StoreError, match="tracks other arms"):
        BeliefTracker.restore(file, HiddenProblem([changed, known.arms[1]], TopK(1), Average(), multiplicity=[2, 3]))


def test_files_that_hold_no_tracker(tmp_path):
    file = tmp_path / "file"
    with pytest.raises(StoreError, match="no such file"):
        BeliefTracker.restore(file, cohort())
    save(file, Arms([np.eye(2)] * 2, np.zeros((2, 2))))
    with pytest.raises(StoreError, match="holds no belief tracker but 'arms'"):
        BeliefTracker.restore(file, cohort())
    BeliefTracker(cohort(), wait=2).store(file)
    with pytest.raises(StoreError, match="makes neither arms nor a problem"):
        load(file)
    content = file.read_bytes()
    for place in range(0, len(content), 7):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(StoreError):
            BeliefTracker.restore(file, cohort())


def certain():
    """Three arms that stay in the state that they show."""
    arm = HiddenArms.observed([np.eye(2)] * 2, [[0, 1]] * 2, blind=[0])
    return HiddenProblem(arm, TopK(1), Discounted(0.9), multiplicity=[3], start=[1.0, 0.0])


def test_what_an_arm_cannot_show_is_refused_and_changes_nothing():
    tracker = BeliefTracker(certain(), wait=2)
    tracker.update([0, 0, 0], [0, 0, 0])
    before = tracker.beliefs
    with pytest.raises(ModelError, match=r"arm 2 cannot show signal 1 .* after action 1 in mode 0 of period 1") as refusal:
        tracker.update([0, 0, 1], [0, 0, 1])
    assert "[1. 0.]" in str(refusal.value)
    assert (tracker.period, tracker.beliefs.tobytes()) == (1, before.tobytes())
    tracker.update([1, 1, 1], [0, 0, -1])
    with pytest.raises(ModelError, match=r"arm 2 cannot show signal 1 .* of period 1"):
        tracker.arrived(2, 1, 1)
    tracker.arrived(2, 1, 0)  # the refused one left no trace


@pytest.mark.parametrize(
    ("late", "words"),
    [
        ((3, 1, 0), ["arm", "0 to 2", "3"]),
        ((0, 0, 0), ["arm 0", "period 0", "periods 1 to 2", "longer wait"]),
        ((0, 3, 0), ["period 3", "periods 1 to 2"]),
        ((0, 1, 2), ["signal of arm 0", "0 to 1", "2"]),
        ((1, 1, 0), ["arm 1 has signal 0 in period 1"]),
    ],
)
def test_late_signals_that_cannot_be_placed(late, words):
    tracker = BeliefTracker(certain(), wait=2)
    for _ in range(3):
        tracker.update([1, 1, 1], [-1, 0, 0])
    with pytest.raises(ModelError) as refusal:
        tracker.arrived(*late)
    for word in words:
        assert word in str(refusal.value)


def test_without_a_wait_nothing_can_come_late():
    tracker = BeliefTracker(certain())
    tracker.update([1, 1, 1], [-1, 0, 0])
    with pytest.raises(ModelError, match="no period is kept; give the tracker a longer wait"):
        tracker.arrived(0, 0, 0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BeliefTracker(certain().arms[0]), ["HiddenProblem", "HiddenArms"]),
        (lambda: BeliefTracker(certain(), wait=-1), ["wait", "-1"]),
        (lambda: BeliefTracker(certain(), missing=2), ["missing", "type 0", "0 to 1"]),
        (lambda: BeliefTracker(certain(), missing=[0, 0]), ["missing", "1 of them", "2"]),
        (lambda: BeliefTracker(certain()).update([0, 0], [0, 0, 0]), ["actions", "3 whole numbers", "(2,)"]),
        (lambda: BeliefTracker(certain()).update([0, 2, 0], [0, 0, 0]), ["actions", "arm 1 has 2", "0 to 1"]),
        (lambda: BeliefTracker(certain()).update([0, 0, 0], [0, 0, 2]), ["signals", "arm 2 has 2", "-1 to 1"]),
        (lambda: BeliefTracker(certain()).update([0, 0, 0], [0.0, 0.0, 0.0]), ["signals", "float64"]),
        (lambda: BeliefTracker(certain()).update([0, 0, 0], [0, None, 0]), ["signals", "object", "write -1"]),
        (lambda: BeliefTracker(certain()).update([0, [0, 1], 0], [0, 0, 0]), ["actions", "3 whole numbers, one per arm"]),
        (lambda: BeliefTracker(cohort()).update([0] * 5, [0] * 5), ["modes", "after the period"]),
        (lambda: BeliefTracker(cohort()).update([0] * 5, [0] * 5, [1, 0, 0, 0, 0]), ["modes", "arm 0 has 1", "0 to 0"]),
    ],
)
def test_mistakes_name_the_first_offender(make, words):
    with pytest.raises(ModelError) as refusal:
        make()
    for word in words:
        assert word in str(refusal.value)

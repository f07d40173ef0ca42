"""The exact filter against sums over all paths of hidden states and modes."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.hidden_paths import path_weights, random_laws
from rmab.errors import ModelError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.information import Seen, letters, signal_law, stacked
from rmab.hidden.problem import HiddenProblem
from rmab.models.budget import TopK
from rmab.models.criterion import Average


def follow(arm, belief, actions, signals, modes=None):
    """The belief after several periods; ``modes`` are those at the starts and at the end."""
    for n, (action, signal) in enumerate(zip(actions, signals, strict=True)):
        around = {} if modes is None else {"mode": modes[n], "next_mode": modes[n + 1]}
        belief = arm.filter(belief, action, signal, **around)
    return belief


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    states=st.integers(1, 4),
    signals=st.integers(1, 3),
    steps=st.integers(1, 4),
    timing=st.sampled_from(["before", "after"]),
)
def test_against_all_paths(seed, states, signals, steps, timing):
    rng = np.random.default_rng(seed)
    moves, shows = random_laws(rng, 2, states, states), random_laws(rng, 2, states, signals)
    arm, start = HiddenArms(moves, np.zeros((2, states)), shows, timing=timing), random_laws(rng, states)
    actions, letter = rng.integers(0, 2, steps), rng.integers(0, signals, steps).tolist()
    if seed % 3 == 0:
        letter[steps // 2] = None
    weights = path_weights(moves, shows, start, actions, letter, before=timing == "before")
    np.testing.assert_allclose(follow(arm, start, actions, letter), weights / weights.sum(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("seen", list(Seen))
@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_signal_against_all_paths(seen, seed):
    rng = np.random.default_rng(seed)
    errors, rewards, feedback = random_laws(rng, 3, 3), rng.integers(0, 3, (3, 3)), rng.integers(0, 2, (3, 3))
    moves, start = random_laws(rng, 3, 3), random_laws(rng, 3)
    label = feedback if seen == Seen.FEEDBACK else None
    arm = HiddenArms.from_observations(moves, errors, rewards, seen=seen, feedback=label)
    numbers = letters((3, 3), seen, rewards=rewards, feedback=label)
    # what was observed is listed along with the states, and only its letter is looked at
    shown = [[0, None], [1, int(numbers[0, 1])], [0, None], [1, int(numbers[2, 0])]]
    weights = np.zeros(3)
    for path in product(range(3), repeat=5):
        weight = start[path[0]] * np.prod([moves[path[n], path[n + 1]] for n in range(4)])
        for n, (action, letter) in enumerate(shown):
            if action:
                weight *= sum(errors[path[n], j] for j in range(3) if numbers[path[n], j] == letter)
        weights[path[-1]] += weight
    actions, seen_letters = zip(*((action, letter or 0) for action, letter in shown), strict=True)
    np.testing.assert_allclose(follow(arm, start, actions, seen_letters), weights / weights.sum(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("timing", ["before", "after"])
def test_modes_lost_signals_and_what_is_not_allowed_against_all_paths(timing):
    rng = np.random.default_rng(11)
    moves, shows, chain = random_laws(rng, 2, 3, 3), random_laws(rng, 2, 3, 2), random_laws(rng, 2, 2, 2)
    lost, start = np.array([0.1, 0.5, 0.8]), random_laws(rng, 3)
    arm = HiddenArms(moves, np.zeros((2, 3)), shows, timing=timing)
    arm = arm.with_missing(lost, actions=[0, 1]).with_availability(chain, [False, True])
    for modes in product(range(2), repeat=4):
        actions, signals = [1, 1, 0], [2, 0, 2]
        weights = np.zeros(3)
        for path in product(range(3), repeat=4):
            weight = start[path[0]]
            for n, (action, signal) in enumerate(zip(actions, signals, strict=True)):
                does = action if modes[n] == 1 else 0
                weight *= moves[does][path[n], path[n + 1]] * chain[does][modes[n], modes[n + 1]]
                at = path[n] if timing == "before" else path[n + 1]
                share = lost[path[n]]
                weight *= share if signal == 2 else (1 - share) * shows[does][at, signal]
            weights[path[-1]] += weight
        found = follow(arm, start, actions, signals, modes)
        np.testing.assert_allclose(found, weights / weights.sum(), rtol=0, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_many_at_once_are_each_on_its_own(seed):
    rng = np.random.default_rng(seed)
    arm = HiddenArms(random_laws(rng, 3, 3, 3), np.zeros((3, 3)), random_laws(rng, 3, 3, 2))
    arm = arm.with_availability(random_laws(rng, 2, 2), [True, False])
    beliefs, actions, signals = random_laws(rng, 20, 3), rng.integers(0, 3, 20), rng.integers(-1, 2, 20)
    modes, then = rng.integers(0, 2, (2, 20))
    many = arm.filter_many(beliefs, actions, signals, modes=modes, next_modes=then)
    for n in range(20):
        signal = None if signals[n] < 0 else signals[n]
        one = arm.filter(beliefs[n], actions[n], signal, mode=modes[n], next_mode=then[n])
        np.testing.assert_allclose(many[n], one, rtol=0, atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), timing=st.sampled_from(["before", "after"]))
def test_the_belief_is_the_mean_of_the_beliefs_that_may_follow(seed, timing):
    rng = np.random.default_rng(seed)
    arm = HiddenArms(random_laws(rng, 2, 4, 4), np.zeros((2, 4)), random_laws(rng, 2, 4, 3), timing=timing)
    belief = random_laws(rng, 4)
    law = arm.signal_law(belief, 1)[0]
    assert law.sum() == pytest.approx(1.0, rel=1e-14)
    mean = sum(chance * arm.filter(belief, 1, signal) for signal, chance in enumerate(law))
    np.testing.assert_allclose(mean, belief @ arm.kernel[1, 0, 0].sum(axis=0), rtol=0, atol=1e-14)
    np.testing.assert_allclose(mean, arm.filter(belief, 1, None), rtol=0, atol=1e-14)


def test_names_of_the_states_do_not_matter():
    rng = np.random.default_rng(2)
    moves, shows, belief = random_laws(rng, 2, 4, 4), random_laws(rng, 2, 4, 3), random_laws(rng, 4)
    order = np.array([2, 0, 3, 1])
    one = HiddenArms(moves, np.zeros((2, 4)), shows).filter(belief, 1, 2)
    renamed = HiddenArms(moves[:, order][:, :, order], np.zeros((2, 4)), shows[:, order]).filter(belief[order], 1, 2)
    np.testing.assert_allclose(renamed, one[order], rtol=0, atol=1e-15)


def test_what_cannot_be_is_refused():
    law = signal_law([[1.0, 0.0], [0.5, 0.5]], letters((2, 2), "observation"))
    arm = HiddenArms([np.eye(2)] * 2, np.zeros((2, 2)), stacked([np.ones((2, 1)), law]))
    for belief, signal, words in (
        ([1.0, 0.0], 1, ["signal 1", "action 1", "[1. 0.]"]),
        ([0.5, 0.6], 0, ["the belief is [0.5 0.6]; it must be probabilities that sum to 1"]),
        ([0.5, 0.5], 2, ["signal", "0 to 1", "2"]),
        ([0.5, 0.5, 0.0], 0, ["(2,)", "(3,)"]),
    ):
        with pytest.raises(ModelError) as refusal:
            arm.filter(belief, 1, signal)
        for word in words:
            assert word in str(refusal.value)
    with pytest.raises(ModelError, match=r"arm 1: signal 1 .* cannot follow action 1"):
        arm.filter_many([[0.5, 0.5], [1.0, 0.0]], [1, 1], [1, 1])
    with pytest.raises(ModelError, match=r"signals must be 2 whole numbers.*write -1 where no signal came"):
        arm.filter_many([[0.5, 0.5], [1.0, 0.0]], [1, 1], [1, None])
    with pytest.raises(ModelError, match="actions must be 2 whole numbers, one per belief"):
        arm.filter_many([[0.5, 0.5], [1.0, 0.0]], [[1], [1, 0]], [1, 1])


def test_a_probability_that_underflows_stays_0():
    arm = HiddenArms([np.eye(2)] * 2, np.zeros((2, 2)), stacked([np.ones((2, 1)), np.array([[0.9, 0.1], [0.1, 0.9]])]))
    belief = follow(arm, [0.5, 0.5], [1] * 400, [0] * 400)
    assert belief[1] == 0.0
    assert follow(arm, belief, [1] * 400, [1] * 400)[1] == 0.0


def problem_of(arms, **known):
    return HiddenProblem(arms, TopK(1), Average(), **known)


def test_a_single_number_is_that_of_every_type():
    arm = HiddenArms.observed([np.eye(2)] * 2, np.zeros((2, 2))).with_countdown(2)
    problem = problem_of([arm, arm], multiplicity=np.int64(3), start_modes=2, start=[0.5, 0.5])
    assert (problem.multiplicity.tolist(), problem.start_modes.tolist()) == ([3, 3], [2, 2])
    assert [law.tolist() for law in problem.start] == [[0.5, 0.5], [0.5, 0.5]]
    apart = problem_of([arm, arm], multiplicity=[3, 1], start_modes=[2, 0], start=[[0.5, 0.5], [0.2, 0.8]])
    assert (apart.n_arms, apart.start_modes.tolist()) == (4, [2, 0])


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"start": 0}, ["start must be one belief", "2 of them, one per type", "got 0"]),
        ({"start": np.array(0.5)}, ["start must be one belief"]),
        ({"start": [[0.5, 0.5], [0.4, 0.5]]}, ["the start of type 1 is [0.4 0.5]"]),
        ({"start": [[0.5, 0.5]]}, ["one belief, or 2 of them", "got 1"]),
        ({"multiplicity": True}, ["multiplicity", "2 whole numbers", "bool"]),
        ({"multiplicity": [3]}, ["multiplicity", "2 whole numbers", "(1,)", "a single whole number"]),
        ({"multiplicity": [[1], [1, 2]]}, ["multiplicity", "2 whole numbers"]),
        ({"multiplicity": [2, 0]}, ["multiplicity of type 1 is 0", "at least 1"]),
        ({"multiplicity": 2.0}, ["multiplicity", "float64"]),
        ({"start_modes": 1}, ["type 0 starts in mode 1", "0 to 0"]),
        ({"start_modes": [0, -1]}, ["start_modes of type 1 is -1", "at least 0"]),
    ],
)
def test_wrong_problems_are_refused(known, words):
    arm = HiddenArms([[[0.5, 0.5]] * 2] * 2, np.zeros((2, 2)), np.ones((2, 2, 1)))
    with pytest.raises(ModelError) as refusal:
        problem_of([arm, arm], **known)
    for word in words:
        assert word in str(refusal.value)

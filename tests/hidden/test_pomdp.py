"""A .pomdp file says the same as the arm it was written from, to a reader that shares no code with the writer."""

import re
from itertools import product

import numpy as np
import pytest

from oracles.hidden_paths import best_value, random_laws
from rmab.errors import ModelError, StoreError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.pomdp import write_pomdp

DISCOUNT, CHARGE = 0.9, 0.3


def read_pomdp(path):
    """A reader of the part of the format that lists single entries by name."""
    fields, entries = {}, []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            kind, _, rest = line.partition(":")
            if kind in ("T", "O", "R"):
                *where, last = [part.strip() for part in rest.split(":")]
                entries.append((kind, [*where, last.split()[0]], float(last.split()[1])))
            else:
                fields[kind] = rest.split()
    names = {kind: {name: i for i, name in enumerate(fields[kind])} for kind in ("states", "actions", "observations")}
    a, s, o = (len(names[kind]) for kind in ("actions", "states", "observations"))
    moves, shows, pays = np.zeros((a, s, s)), np.zeros((a, s, o)), np.zeros((a, s))
    for kind, where, value in entries:
        action, state = names["actions"][where[0]], names["states"][where[1]]
        if kind == "T":
            moves[action, state, names["states"][where[2]]] = value
        elif kind == "O":
            shows[action, state, names["observations"][where[2]]] = value
        else:
            assert where[2:] == ["*", "*"]
            pays[action, state] = value
    return fields, moves, shows, pays


def arms():
    """Arms of every kind, with how many states their files should have."""
    rng = np.random.default_rng(5)
    moves, laws, rewards = random_laws(rng, 2, 2, 2), random_laws(rng, 2, 2, 2), rng.random((2, 2))
    laws[0] = [1.0, 0.0]
    before, after = (HiddenArms(moves, rewards, laws, timing=timing) for timing in ("before", "after"))
    return {
        "before": (before, 4),
        "after": (after, 2),
        "two actions, three states": (HiddenArms(random_laws(rng, 3, 3, 3), rng.random((3, 3)), random_laws(rng, 3, 3, 2)), 6),
        "lost after": (after.with_missing(0.25), 2),
        "lost by the state left": (after.with_missing([0.1, 0.6]), 6),
        # acting in the mode that forbids it shows what waiting does, so what is shown depends on the state that was left
        "away": (after.with_availability(random_laws(rng, 2, 2, 2), [False, True]), 8),
        "two modes": (after.with_availability(random_laws(rng, 2, 2, 2), [True, True]), 4),
        "countdown": (before.with_countdown(2), 12),
        "slots": (before.over_slots(2), 6),
        "never reached": (HiddenArms([[[1, 0], [1, 0]]] * 2, rewards, laws, timing="after"), 2),
    }


@pytest.mark.parametrize("kind", arms())
def test_the_file_holds_the_kernel_and_the_rewards(tmp_path, kind):
    arm, size = arms()[kind]
    write_pomdp(tmp_path / "arm.pomdp", arm, discount=DISCOUNT, charge=CHARGE, start=np.eye(arm.n_states)[0])
    fields, moves, shows, pays = read_pomdp(tmp_path / "arm.pomdp")
    assert (fields["discount"], fields["values"]) == (["0.9"], ["reward"])
    assert len(fields["states"]) == size
    np.testing.assert_allclose(moves.sum(axis=2), 1.0, rtol=0, atol=1e-14)
    np.testing.assert_allclose(shows.sum(axis=2), 1.0, rtol=0, atol=1e-14)
    last = size // (arm.n_modes * arm.n_states)  # 1, or the number of last signals
    joint = np.einsum("axw,awo->axwo", moves, shows)
    joint = joint.reshape(arm.n_actions, arm.n_modes, arm.n_states, last, arm.n_modes, arm.n_states, last, arm.n_modes, -1)
    for a, y, s, memory in product(range(arm.n_actions), range(arm.n_modes), range(arm.n_states), range(last)):
        found = joint[a, y, s, memory].sum(axis=2)  # next mode, next state, mode and signal that are seen
        for then in range(arm.n_modes):
            np.testing.assert_allclose(found[then, :, then].T, arm.kernel[a, y, then, :, s], rtol=0, atol=1e-15)
        assert found.sum() == pytest.approx(1.0, rel=1e-14)  # so no mode is shown that is not there
        paid = arm.rewards[a, y, s] - CHARGE * (a > 0 and arm.allowed[y, a])
        assert pays[a].reshape(arm.n_modes, arm.n_states, last)[y, s, memory] == pytest.approx(paid, rel=1e-15)


@pytest.mark.parametrize("kind", arms())
def test_a_solver_of_the_file_finds_the_value_of_the_arm(tmp_path, kind):
    arm, _ = arms()[kind]
    rng = np.random.default_rng(7)
    belief, mode = random_laws(rng, arm.n_states), arm.n_modes - 1
    write_pomdp(tmp_path / "arm.pomdp", arm, discount=DISCOUNT, charge=CHARGE, start=belief, mode=mode)
    fields, moves, shows, pays = read_pomdp(tmp_path / "arm.pomdp")
    start = np.array(fields["start"], dtype=float)
    assert start.sum() == pytest.approx(1.0, rel=1e-14)
    file_joint = np.einsum("axw,awo->aoxw", moves, shows)[:, np.newaxis, np.newaxis]
    everything = np.ones((1, len(pays)), dtype=bool)
    charged = arm.rewards - CHARGE * (np.arange(arm.n_actions) > 0)[:, np.newaxis, np.newaxis]
    for steps in (1, 4):
        in_file = best_value(file_joint, pays[:, np.newaxis], everything, start, 0, steps, DISCOUNT)
        of_arm = best_value(arm.kernel, charged, arm.allowed, belief, mode, steps, DISCOUNT)
        assert in_file == pytest.approx(of_arm, rel=1e-12)


def test_a_charge_below_zero_is_not_won_where_acting_is_not_allowed(tmp_path):
    arm = HiddenArms.observed([np.eye(2)] * 2, np.zeros((2, 2))).with_countdown(1)
    write_pomdp(tmp_path / "arm.pomdp", arm, discount=0.5, charge=-1.0, start=[1.0, 0.0])
    pays = read_pomdp(tmp_path / "arm.pomdp")[3]
    assert pays.tolist() == [[0.0] * 4, [1.0, 1.0, 0.0, 0.0]]


def test_names_and_the_default_start(tmp_path):
    arm = HiddenArms.observed([[[0.75, 0.25], [0.25, 0.75]]] * 2, np.zeros((2, 2)))
    write_pomdp(tmp_path / "arm.pomdp", arm, discount=0.95)
    fields = read_pomdp(tmp_path / "arm.pomdp")[0]
    assert (fields["states"], fields["actions"], fields["observations"]) == (["s0", "s1"], ["a0", "a1"], ["z0", "z1"])
    assert np.array(fields["start"], dtype=float) == pytest.approx([0.5, 0.5], abs=1e-14)
    write_pomdp(tmp_path / "arm.pomdp", arms()["countdown"][0], discount=0.95)
    fields = read_pomdp(tmp_path / "arm.pomdp")[0]
    assert (fields["states"][-1], fields["observations"][-1]) == ("y2-s1-z1", "y2-z1")
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) for name in fields["states"])


def test_the_file_is_replaced_in_one_step(tmp_path, monkeypatch):
    file, arm = tmp_path / "arm.pomdp", arms()["after"][0]
    write_pomdp(file, arm, discount=0.5)
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"cannot be written .*No space left"):
        write_pomdp(file, arm, discount=0.9)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"discount": 1.0}, ["discount"]),
        ({"discount": 0.9, "charge": np.inf}, ["charge", "finite"]),
        ({"discount": 0.9, "start": [0.5, 0.6]}, ["start", "sum to 1"]),
        ({"discount": 0.9, "mode": 1}, ["mode", "0 to 0", "1"]),
    ],
)
def test_mistakes(tmp_path, options, words):
    with pytest.raises(ModelError) as refusal:
        write_pomdp(tmp_path / "arm.pomdp", arms()["before"][0], **options)
    for word in words:
        assert word in str(refusal.value)
    with pytest.raises(ModelError, match="HiddenArms"):
        write_pomdp(tmp_path / "arm.pomdp", np.eye(2), discount=0.5)
    assert list(tmp_path.iterdir()) == []

"""Saved files: bit for bit what went in, and never half a file or a wrong one."""

import base64
import json
import os
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file

import rmab
from rmab.errors import StoreError
from rmab.models.arms import Arms
from rmab.models.budget import Knapsack, TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.penalty import Penalty, listed
from rmab.models.problem import Problem
from rmab.models.saved_file import digest
from rmab.models.store import _take_apart, load, provenance, save

FINITE = st.floats(allow_nan=False, allow_infinity=False)
COST = st.floats(0.001, 1e6)
# written by the version before schema 2: ten arms, Knapsack(3.0, [0.5]), Discounted(0.95), start 0, entropy 5
OLD_FILE = zlib.decompress(
    base64.b85decode(
        "c-p;DO-|!57)31S6qVOj<hXH~cGC?);taHk{PU$)G;w4*AXHW28q7_&0~~<eNVA>A9ARt+Di{##cpLkD{@(kZKHnZ6CG1dLx8S+rp4T;6?2v7_"
        "Knt{6Aui0|S7<Q_cV`AGA(Bw<CT6R^POiW@ZMqfO<4~5SYxHKY+^1TSi9v1P#Y6I*OYLtWon~azIPW4qCmCChHdcGEuPj2kcqQ4K#rKZ4&pA%ClV"
        "<2VsE{COq4U=CX+Y||)SVi8duzlN+7*iB5aW_>pg!b}9VE*$GQK-`0c{$ZCwjptE61*q%Bq<cQ#x;038fN}2w941UVvoPOw48_RT6Tk3JSDgQ^J^"
        "_EH9vt4JZ+khHasC*m~V>bzDbWy7D(Ygsq>I1;TM)Was%Bqx3PRX&iVLN(5J7O~`p}{U<{5URmKPNiAG+tK4hx>02?Tn0}zIa85~d@RoN@$6x-+"
        "<s+Y9g7d0a@As2{A4lJTzsvvm<3q%s<<Gl_`{(yxhjXkyEvE^;4}CAXe-Q8I-~"
    )
)


@st.composite
def any_arms(draw):
    """Arms of any size up to 3 with awkward numbers: denormals, minus zero, huge rewards."""
    k, a, s = draw(st.integers(1, 3)), draw(st.integers(2, 3)), draw(st.integers(1, 3))
    weights = draw(arrays(float, (k, a, s, s), elements=st.floats(0, 1)))
    weights[..., 0] += weights.sum(axis=-1) == 0
    p = weights / weights.max(axis=-1, keepdims=True)
    p /= p.sum(axis=-1, keepdims=True)
    counts = draw(arrays(np.int64, (k,), elements=st.integers(1, 9)))
    return Arms(p, draw(arrays(float, (k, a, s), elements=FINITE)), counts)


@st.composite
def any_budget(draw, arms):
    """At most or exactly so many activations, or a knapsack of one to three resources."""
    if draw(st.booleans()):
        return TopK(draw(st.integers(0, arms.n_arms)), exactly=draw(st.booleans()))
    rows = draw(st.lists(st.lists(COST, min_size=arms.n_types, max_size=arms.n_types), min_size=1, max_size=3))
    return Knapsack([draw(COST) for _ in rows], rows)


@st.composite
def any_penalties(draw, arms):
    """No, one or several requirements, some of them only on some types."""
    one = st.builds(
        Penalty,
        arrays(float, arms.rewards.shape, elements=FINITE),
        arrays(float, (arms.n_types,), elements=st.one_of(FINITE, st.just(np.inf))),
    )
    return draw(st.one_of(st.none(), one, st.lists(one, min_size=1, max_size=2)))


@st.composite
def any_problem(draw):
    """Problems with every budget, criterion, penalties and start."""
    arms = draw(any_arms())
    budget = draw(any_budget(arms))
    discount = st.floats(0, 1, exclude_min=True, exclude_max=True).map(Discounted)
    criterion = draw(st.one_of(st.just(Average()), discount, st.integers(1, 10**12).map(Horizon)))
    states = arrays(np.int64, (arms.n_arms,), elements=st.integers(0, arms.n_states - 1))
    rows = st.sampled_from(list(np.eye(arms.n_states))).map(lambda row: 0.75 * row + 0.25 / arms.n_states)
    return Problem(arms, budget, criterion, draw(any_penalties(arms)), draw(st.one_of(st.none(), states, rows)))


def identical(one, other):
    """Same type, shape and bits."""
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def same_arms(one, other):
    """Whether every array of two Arms agrees bit for bit."""
    return all(identical(getattr(one, name), getattr(other, name)) for name in ("transitions", "rewards", "multiplicity"))


def example():
    """A small problem."""
    arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]], multiplicity=[10])
    return Problem(arms, TopK(3), Discounted(0.95), start=0)


@pytest.fixture
def file(tmp_path):
    """A saved problem."""
    path = tmp_path / "problem.safetensors"
    save(path, example(), entropy=2**100 + 1, about={"source": "made up"})
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arms=any_arms())
def test_arms_come_back_bit_for_bit(tmp_path, arms):
    save(tmp_path / "arms", arms)
    back = load(tmp_path / "arms")
    assert type(back) is Arms
    assert same_arms(arms, back)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=any_problem())
def test_problems_come_back_bit_for_bit(tmp_path, problem):
    save(tmp_path / "problem", problem)
    back = load(tmp_path / "problem")
    assert type(back) is Problem
    assert same_arms(problem.arms, back.arms)
    assert (problem.budget, problem.criterion) == (back.budget, back.criterion)
    assert identical(problem.start, back.start)
    assert type(problem.penalties) is type(back.penalties)
    for one, other in zip(listed(problem.penalties), listed(back.penalties), strict=True):
        assert identical(one.cost, other.cost)
        assert identical(one.bound, other.bound)


def penalised(penalties):
    """The example with penalties."""
    plain = example()
    return Problem(plain.arms, plain.budget, plain.criterion, penalties)


ENERGY = Penalty([[[0.0, 0.0], [1.0, 1.0]]], 0.25)
UNBOUND = Penalty([[[-0.0, 0.0], [1e-300, 1.0]]], np.inf)


@pytest.mark.parametrize("given", [ENERGY, UNBOUND, (ENERGY,), [ENERGY, UNBOUND]])
def test_one_penalty_stays_one_and_several_stay_several(tmp_path, given):
    save(tmp_path / "file", penalised(given))
    back = load(tmp_path / "file").penalties
    assert isinstance(back, Penalty if isinstance(given, Penalty) else tuple)
    assert [p.cost.tobytes() + p.bound.tobytes() for p in listed(back)] == [
        p.cost.tobytes() + p.bound.tobytes() for p in listed(given)
    ]


def test_only_what_older_versions_cannot_read_has_the_new_schema(tmp_path):
    two = Problem(example().arms, Knapsack([3.0, 4.0], [[0.5], [0.0001]]), Average())
    one = Problem(example().arms, Knapsack(3.0, [0.5]), Average())
    cases = ((example().arms, 1), (example(), 1), (one, 1), (two, 2), (penalised(ENERGY), 2), (penalised([ENERGY]), 2))
    for obj, schema in cases:
        save(tmp_path / "file", obj)
        assert provenance(tmp_path / "file").schema == schema


def test_a_version_that_knows_no_penalties_refuses_them(tmp_path, monkeypatch):
    save(tmp_path / "file", penalised(ENERGY))
    monkeypatch.setattr("rmab.models.store.SCHEMA", 1)  # all that such a version does before it reads on
    with pytest.raises(StoreError, match="has schema 2, this version of rmab reads up to 1; upgrade rmab"):
        load(tmp_path / "file")


def test_a_file_of_an_older_version(tmp_path):
    path = tmp_path / "old"
    path.write_bytes(OLD_FILE)
    back = load(path)
    assert (back.budget, back.criterion, back.penalties) == (Knapsack(3.0, [0.5]), Discounted(0.95), None)
    assert same_arms(back.arms, example().arms)
    assert back.start.tolist() == [0] * 10
    header = provenance(path)
    assert (header.schema, header.entropy, header.about) == (1, 5, {"source": "an older version"})


def test_provenance(file):
    header = provenance(file)
    assert (header.kind, header.schema, header.package_version) == ("problem", 1, rmab.__version__)
    assert header.entropy == 2**100 + 1
    assert header.about == {"source": "made up"}


def test_provenance_is_optional(tmp_path):
    save(str(tmp_path / "arms"), example().arms)
    assert provenance(str(tmp_path / "arms")).entropy is None
    assert provenance(tmp_path / "arms").about == {}


def test_same_content_same_bytes(tmp_path, file):
    save(tmp_path / "again", example(), entropy=2**100 + 1, about={"source": "made up"})
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_a_file_is_replaced_and_no_temporary_one_stays(file):
    save(file, example().arms)
    assert type(load(file)) is Arms
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_old_file_survives_a_failed_save(file, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot be written .*No space left"):
        save(file, example().arms)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("where", ["missing/file", "plain/file", ""])
def test_places_that_cannot_be_written(tmp_path, where):
    (tmp_path / "plain").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        save(tmp_path / (where or "folder"), example())


def test_other_kinds_cannot_be_saved(tmp_path):
    with pytest.raises(StoreError, match="only Arms and Problem can be saved, got dict"):
        save(tmp_path / "file", {})


@pytest.mark.parametrize(("name", "value"), [("about", {"a": object()}), ("about", {"a": float("nan")}), ("entropy", 1j)])
def test_headers_that_are_not_json(tmp_path, name, value):
    with pytest.raises(StoreError, match=f"{name} must be something that JSON can hold"):
        save(tmp_path / "file", example(), **{name: value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("read", [load, provenance])
def test_missing_file(tmp_path, read):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(StoreError, match="no such file"):
            read(path)


def test_a_file_cut_anywhere_is_refused(file):
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(StoreError, match="damaged"):
            load(file)


def test_any_changed_byte_is_found(file):
    content = file.read_bytes()
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(StoreError):
            load(file)


def test_what_other_programs_wrote(tmp_path):
    path = tmp_path / "foreign"
    path.write_bytes(b"\x80\x04]\x94.")
    with pytest.raises(StoreError, match="damaged or not a safetensors file"):
        load(path)
    save_file({"transitions": np.eye(2)}, path)
    with pytest.raises(StoreError, match=r"not a file saved by rmab, .*; save it with rmab.save"):
        load(path)
    for header in ("{", "[]", "{}", '{"schema": "one"}', '{"schema": null}'):
        save_file({"transitions": np.eye(2)}, path, {"rmab": header})
        with pytest.raises(StoreError, match="damaged, its header cannot be read"):
            load(path)
    save_file({"transitions": np.eye(2)}, path, {"rmab": '{"schema": 1, "kind": "arms"}'})
    with pytest.raises(StoreError, match="does not match its digest"):
        load(path)


def rewrite(file, **change):
    """Save the example as a later or a faulty writer would have: with other header fields, and a right digest."""

    kind, content, configuration = _take_apart(example())
    header = {"schema": 1, "kind": kind, "configuration": configuration, **change}
    save_file(content, file, {"rmab": json.dumps({**header, "sha256": digest(header, content)})})


def test_newer_schema(file):
    rewrite(file, schema=3)
    with pytest.raises(StoreError, match="has schema 3, this version of rmab reads up to 2; upgrade rmab"):
        load(file)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "policy"},
        {"configuration": []},
        {"configuration": {}},
        {"configuration": {"budget": {"k": 99}}},
        {"configuration": {"budget": {"k": 3}, "criterion": {"name": "Average"}, "penalties": "one"}},
        {"configuration": {"budget": {"k": 3}, "criterion": {"name": "Median"}}},
        {"configuration": {"budget": {"k": 3}, "criterion": {"name": "Average", "beta": 0.9}}},
    ],
)
def test_content_that_makes_no_problem(file, change):
    rewrite(file, **change)
    with pytest.raises(StoreError, match="makes neither arms nor a problem"):
        load(file)


def test_a_start_that_is_not_contiguous_in_memory(tmp_path):
    arms = Arms(np.stack([example().arms.transitions[0]] * 3), np.zeros((3, 2, 2)))
    problem = Problem(arms, TopK(1), Average(), start=[0.25, 0.75])
    save(tmp_path / "file", problem)
    assert load(tmp_path / "file").start.tolist() == [[0.25, 0.75]] * 3

"""Q-learning at several charges against a plain loop."""

import numpy as np
import pytest

from rmab._kernels.charged_q import REFRESH, average, refresh_gain, update
from rmab.learn.experience import empty_crowd
from rmab.learn.learner import Setting
from rmab.models.budget import TopK
from rmab.models.criterion import Average

STATES, COST, LABEL = 4, np.array([0.0, 1.0, 2.5]), np.array([0, 1, 1, 2])


def played(rng, crowd, n_actions):
    """The crowd with one period of random experience."""
    n = len(crowd.state)
    crowd.state[:], crowd.following[:] = rng.integers(0, STATES, n), rng.integers(0, STATES, n)
    crowd.action[:], crowd.reward[:] = rng.integers(0, n_actions, n), rng.normal(size=n)
    return crowd


def begin(n_actions=3, lanes=5, multiplicity=(6, 3), seed=0):
    rng = np.random.default_rng(seed)
    types, clusters = len(multiplicity), LABEL.max() + 1
    crowd = empty_crowd(Setting(np.array(multiplicity), n_actions, STATES, TopK(1), Average()), seed=0)
    tables = {
        "q": rng.normal(size=(types, clusters, n_actions, lanes)),
        "charge": rng.normal(size=(types, lanes)),
        "gain": rng.uniform(0.01, 0.9, size=(types, clusters, n_actions)),
        "offset": np.zeros((types, lanes)),
        "td": np.zeros((types, clusters, n_actions)),
    }
    average(tables["q"], tables["offset"])
    return rng, crowd, tables


def by_hand(crowd, q, charge, gain, td, beta):
    """One period in plain loops; the mean of the lane's table is taken afresh for every arm."""
    q, td = q.copy(), td.copy()
    for k in range(len(q)):
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            s, t, a = LABEL[crowd.state[i]], LABEL[crowd.following[i]], crowd.action[i]
            errors = []
            for lane in range(q.shape[3]):
                offset = q[k, :, :, lane].mean() if beta == 1.0 else 0.0
                target = crowd.reward[i] - COST[a] * charge[k, lane] + beta * q[k, t, :, lane].max() - offset
                errors.append(target - q[k, s, a, lane])
            q[k, s, a] += gain[k, s, a] * np.array(errors)
            td[k, s, a] += 0.01 * (errors[s % q.shape[3]] - td[k, s, a])
    return q, td


@pytest.mark.parametrize("beta", [1.0, 0.9])
@pytest.mark.parametrize("n_actions", [2, 3])
@pytest.mark.parametrize("lanes", [1, 5])
def test_one_period_after_the_other_is_the_plain_loop(beta, n_actions, lanes):
    rng, crowd, tables = begin(n_actions, lanes)
    if beta < 1:
        tables["offset"][:] = 0.0
    names = ("charge", "gain")
    for step in range(1, 40):
        played(rng, crowd, n_actions)
        q, td = by_hand(crowd, tables["q"], *(tables[name] for name in names), tables["td"], beta)
        update(
            crowd,
            step,
            LABEL,
            tables["q"],
            tables["charge"],
            COST[:n_actions],
            tables["gain"],
            beta,
            tables["offset"],
            tables["td"],
        )
        assert tables["q"] == pytest.approx(q, rel=1e-12, abs=1e-12)
        assert tables["td"] == pytest.approx(td, rel=1e-12, abs=1e-12)
        mean = tables["q"].mean(axis=(1, 2)) if beta == 1.0 else np.zeros((2, lanes))
        assert tables["offset"] == pytest.approx(mean, abs=1e-12)


def test_the_running_mean_is_taken_afresh_now_and_then():
    rng, crowd, tables = begin()
    tables["offset"][:] += 1.0  # as if it had drifted
    played(rng, crowd, 3)
    update(crowd, REFRESH, LABEL, tables["q"], tables["charge"], COST, tables["gain"], 1.0, tables["offset"], tables["td"])
    assert tables["offset"] == pytest.approx(tables["q"].mean(axis=(1, 2)), abs=1e-12)


def test_a_lane_learns_as_if_it_were_alone():
    rng, crowd, tables = begin()
    alone = {name: tables[name][..., 2:3].copy() for name in ("q", "charge", "offset")}
    td = tables["td"].copy()
    for step in range(1, 30):
        played(rng, crowd, 3)
        update(crowd, step, LABEL, tables["q"], tables["charge"], COST, tables["gain"], 1.0, tables["offset"], tables["td"])
        update(crowd, step, LABEL, alone["q"], alone["charge"], COST, tables["gain"], 1.0, alone["offset"], td)
    assert np.array_equal(alone["q"], tables["q"][..., 2:3])


def test_waiting_is_never_charged():
    rng, crowd, tables = begin()
    played(rng, crowd, 3)
    crowd.action[:] = 0
    free = tables["q"].copy()
    nothing = np.zeros_like(tables["charge"])
    for q, charge in ((tables["q"], tables["charge"]), (free, nothing)):
        offset = tables["offset"].copy()
        update(crowd, 1, LABEL, q, charge, COST, tables["gain"], 1.0, offset, tables["td"])
    assert np.array_equal(tables["q"], free)


def test_a_discount_ignores_the_offset_even_after_many_periods():
    rng, crowd, tables = begin()
    tables["offset"][:] = 0.0
    for step in range(0, 4 * REFRESH, REFRESH):
        played(rng, crowd, 3)
        update(crowd, step, LABEL, tables["q"], tables["charge"], COST, tables["gain"], 0.9, tables["offset"], tables["td"])
    assert not tables["offset"].any()


def test_a_step_of_nearly_nothing_is_no_error():
    rng, crowd, tables = begin()
    played(rng, crowd, 3)
    tables["gain"][:] = 0.0
    before = tables["q"].copy()
    update(crowd, 1, LABEL, tables["q"], tables["charge"], COST, tables["gain"], 1.0, tables["offset"], tables["td"])
    assert np.array_equal(tables["q"], before) and np.isfinite(tables["td"]).all()


def test_where_cells_outnumber_the_arms_only_those_that_arms_are_in_are_refreshed():
    rng, crowd, _ = begin(multiplicity=(3, 2))
    played(rng, crowd, 3)
    visits, gain = rng.integers(0, 900, size=(2, STATES, 3)), np.full((2, STATES, 3), -1.0)
    refresh_gain(crowd, visits, np.arange(STATES), 0.3, 200.0, 0.7, gain)
    here = (np.repeat([0, 1], [3, 2]), crowd.state, crowd.action)
    assert gain[here] == pytest.approx(0.3 / (1 + visits[here] / 200.0) ** 0.7, rel=1e-13)
    gain[here] = -1.0
    assert (gain == -1.0).all()


@pytest.mark.parametrize("power", [0.0, 0.7])
def test_step_sizes_count_the_visits_of_a_cluster(power):
    visits = np.random.default_rng(1).integers(0, 900, size=(2, STATES, 3))
    gain = np.empty((2, 3, 3))
    refresh_gain(begin()[1], visits, LABEL, 0.3, 200.0, power, gain)
    together = np.stack([visits[:, c == LABEL].sum(axis=1) for c in range(3)], axis=1)
    assert gain == pytest.approx(0.3 / (1 + together / 200.0) ** power, rel=1e-13)

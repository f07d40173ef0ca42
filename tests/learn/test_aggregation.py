"""State aggregation: what is accepted, and what the tables of clusters become."""

import numpy as np
import pytest

from rmab.errors import ModelError
from rmab.learn.tabular.aggregation import Aggregation, aggregated
from rmab.learn.tabular.gino_q import GinoQ
from rmab.learn.tabular.lpql import LPQL
from rmab.learn.tabular.maiql import MAIQL
from rmab.learn.tabular.q_learning import QLearningIndex


@pytest.mark.parametrize("n_states", [1, 5, 7, 40])
def test_uniform_clusters_are_runs_of_nearly_equal_length(n_states):
    for n_clusters in range(1, n_states + 1):
        labels = Aggregation.uniform(n_states, n_clusters).labels(n_states)
        sizes = np.bincount(labels)
        assert len(sizes) == n_clusters and sizes.max() - sizes.min() <= 1
        assert (np.diff(labels) >= 0).all()


def test_tables_of_clusters_become_tables_of_states():
    groups = Aggregation([1, 0, 1, 2])
    table = np.arange(2 * 3 * 2).reshape(2, 3, 2)
    expanded = groups.expand(table)
    for state, cluster in enumerate([1, 0, 1, 2]):
        assert np.array_equal(expanded[:, state], table[:, cluster])
    assert np.array_equal(groups.expand(table.T, axis=-2), expanded.T)


def test_labels_are_a_copy_that_can_be_written():
    groups = Aggregation.uniform(4, 2)
    groups.labels(4)[0] = 1
    assert groups.clusters[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        groups.clusters[0] = 1


def test_no_aggregation_is_every_state_on_its_own():
    assert np.array_equal(aggregated(None, 4).clusters, np.arange(4))


@pytest.mark.parametrize(
    ("clusters", "message"),
    [
        ([0.0, 1.0], "whole numbers"),
        ([[0, 1]], "shape"),
        ([], "one per state"),
        ([0, -1], "state 1 has cluster -1"),
        ([0, 2, 2], "no state is in cluster 1"),
        ([1, 2], "no state is in cluster 0"),
    ],
)
def test_bad_clusters_are_named(clusters, message):
    with pytest.raises(ModelError, match=message):
        Aggregation(clusters)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ModelError, match="5 clusters are more"):
        Aggregation.uniform(4, 5)
    with pytest.raises(ModelError, match="n_clusters must be a whole number"):
        Aggregation.uniform(4, 0)
    with pytest.raises(ModelError, match="the arms have 5"):
        aggregated(Aggregation.uniform(4, 2), 5)
    with pytest.raises(ModelError, match="write Aggregation"):
        aggregated([0, 1], 2)
    with pytest.raises(ModelError, match="2 clusters along axis 1"):
        Aggregation.uniform(4, 2).expand(np.zeros((1, 3)))


@pytest.mark.parametrize("learner", [GinoQ, QLearningIndex, MAIQL, lambda **options: LPQL([0.0, 1.0], **options)])
def test_learners_refuse_what_is_no_aggregation(learner):
    with pytest.raises(ModelError, match=r"got \[0, 1\]; write Aggregation"):
        learner(aggregation=[0, 1])

"""Where every arm of a model is now, and how the cohort got there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.estimation.log import Log
from rmab.estimation.records import LatestStates
from rmab.estimation.transitions import Model

MOST_NAMED = 3


def present_states(model: Model, latest: LatestStates | Mapping[str, str]) -> NDArray[np.int64]:
    """The state of each arm in the order of the model, shape ``(N,)``.

    Parameters
    ----------
    model : Model
        Says which arms there are.
    latest : LatestStates or mapping of str to str
        The log's latest states, or the state's label by arm.

    Raises
    ------
    ModelError
        If an arm of the model has no state, an arm is not in the model, or a label is unknown.

    Examples
    --------
    >>> from types import SimpleNamespace as Some
    >>> model = Some(arm_ids=("A", "B"), labels=Some(states=("poor", "good")))
    >>> present_states(model, {"B": "good", "A": "poor"})
    array([0, 1])
    """
    if isinstance(latest, LatestStates):
        given = {arm: latest.labels[state] for arm, state in zip(latest.arms, latest.states, strict=True)}
    else:
        given = {str(arm): str(label) for arm, label in latest.items()}
    strangers = given.keys() - set(model.arm_ids)
    if strangers:
        raise ModelError(f"arm {min(strangers)!r} is not in the model; estimate it from a log that holds this arm")
    code = {label: position for position, label in enumerate(model.labels.states)}
    for arm in model.arm_ids:
        if arm not in given:
            raise ModelError(f"arm {arm!r} has no present state; the plan needs the state of every arm of the model")
        if given[arm] not in code:
            raise ModelError(f"arm {arm!r} is in the unknown state {given[arm]!r}; the states are {', '.join(map(repr, code))}")
    return np.array([code[given[arm]] for arm in model.arm_ids], dtype=np.int64)


def stale_warning(latest: LatestStates | Mapping[str, str]) -> list[str]:
    """One sentence on the arms whose latest state is out of date; none when there are none."""
    if not isinstance(latest, LatestStates) or not latest.stale.any():
        return []
    late = [arm for arm, stale in zip(latest.arms, latest.stale, strict=True) if stale]
    named = ", ".join(repr(arm) for arm in late[:MOST_NAMED]) + (" and others" if len(late) > MOST_NAMED else "")
    return [
        f"{len(late)} of {len(latest.arms)} arms were last seen before the last period of the log ({named}); "
        "the plan takes their last known state"
    ]


def observed_shares(log: Log) -> NDArray[np.float64]:
    """Share of the arms seen in each period that was in each state, shape ``(H, S)``; periods without rows are left out."""
    periods, position = np.unique(log.period, return_inverse=True)
    counts = np.zeros((len(periods), len(log.states)))
    np.add.at(counts, (position, log.state), 1)
    return counts / counts.sum(axis=1, keepdims=True)

"""Rewards by label: so much per period in a state, less the cost of the action."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError


def label_rewards(
    states: tuple[str, ...],
    actions: tuple[str, ...],
    rewards: Mapping[str, float],
    action_costs: Mapping[str, float] | None = None,
) -> NDArray[np.float64]:
    """Reward of each action in each state, shape ``(A, S)``: the state's reward minus the action's cost.

    Parameters
    ----------
    states, actions : tuple of str
        Labels.
    rewards : mapping
        A number for every state label.
    action_costs : mapping, optional
        A number for some action labels; the others cost nothing.

    Raises
    ------
    ModelError
        If a state has no reward, a label is unknown or a value is not a finite number.

    Examples
    --------
    >>> label_rewards(("good", "poor"), ("wait", "call"), {"good": 1, "poor": 0}, {"call": 0.1})
    array([[ 1. ,  0. ],
           [ 0.9, -0.1]])
    """
    of_state = _numbers("rewards", "state", states, rewards)
    for label in states:
        if label not in of_state:
            raise ModelError(f"rewards: the state {label!r} has no reward; give one for each of {', '.join(map(repr, states))}")
    of_action = _numbers("action_costs", "action", actions, action_costs or {})
    reward = np.array([of_state[label] for label in states])
    cost = np.array([of_action.get(label, 0.0) for label in actions])
    return reward - cost[:, np.newaxis]


def _numbers(name: str, role: str, labels: tuple[str, ...], given: Mapping[str, float]) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise ModelError(f"{name} must map each {role} label to a number, got {given!r}")
    values: dict[str, float] = {}
    for label, value in given.items():
        if str(label) not in labels:
            raise ModelError(f"{name}: unknown {role} {str(label)!r}; the {role}s are {', '.join(map(repr, labels))}")
        if not isinstance(value, Real) or not math.isfinite(value):
            raise ModelError(f"{name}: the {role} {str(label)!r} has the value {value!r}, which is not a finite number")
        values[str(label)] = float(value)
    return values

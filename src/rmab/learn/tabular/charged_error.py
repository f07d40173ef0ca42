"""How fast the rules of a sweep find the value of one arm at a given charge: the same number of samples for each.

In every sweep a generative model gives the same number of samples of each (state, action) of every type; a phased rule takes m
of them and sweeps m times as seldom. The error after n samples of each cell is

    max over s |max_a Q_n(s, a) - V(s)|,    V(s) = max_a r(s, a) - a y + beta sum_t P(t | s, a) V(t),    y the charge.

Compared by value and not by Q, so that generalised rules, whose gaps are w times as large, are on the same scale.

Reference: P. Kakarapalli, D. Kayande, R. Meshram, "Faster Q-learning algorithms for restless bandits", arXiv:2409.05908 (2024),
for the comparison. Cost: O(samples K S^2).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmab._kernels.q_rounds import sweep
from rmab.errors import ModelError
from rmab.learn.tabular.sweep_rule import SweepRule, check_rule, most_weight
from rmab.models.arms import Arms
from rmab.models.arrays import whole_number
from rmab.models.criterion import Discounted

CLOSE = 1e-13


@dataclass(frozen=True, eq=False)
class ChargedError:
    """Errors of the value at a charge, sweep by sweep.

    Attributes
    ----------
    samples : ndarray of int, shape (n,)
        Samples of each cell that had been used, from 0 on.
    errors : ndarray, shape (n, K)
        Largest error of a type's value, undiscounted total at the charge.
    weight : ndarray, shape (K,)
        Weight in use; 1 but for generalised speedy Q-learning.
    status : str
        Whether a weight was cut.
    """

    samples: NDArray[np.int64]
    errors: NDArray[np.float64]
    weight: NDArray[np.float64]
    status: str

    def __str__(self) -> str:
        shown = np.array2string(self.errors[-1], precision=4, threshold=20)
        return f"error of the value after {self.samples[-1]} samples of each cell: {shown}; {self.status}"


def charged_error(
    arms: Arms, criterion: Discounted, rule: SweepRule, *, charge: float = 0.0, samples: int = 2_000, rng: Any = None
) -> ChargedError:
    """Run one rule on every type for itself and hold its value against the exact one.

    Parameters
    ----------
    arms : Arms
        ``K`` types with two actions.
    criterion : Discounted
        The discount.
    rule : PlainSweeps, Speedy, GeneralisedSpeedy or Phased
        What a sweep does; a weight that is too large for a type is cut.
    charge : float
        Paid for each activation.
    samples : int
        Samples of each (state, action).
    rng : None, int, SeedSequence or Generator
        Source of randomness.

    Returns
    -------
    ChargedError

    Raises
    ------
    ModelError
        If the arms do not have two actions, the criterion is not discounted, or an argument is not well formed.

    Examples
    --------
    >>> from rmab.learn.tabular.plain_sweeps import PlainSweeps
    >>> from rmab.learn.tabular.speedy import Speedy
    >>> from rmab.learn.steps import Steps
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]])
    >>> harmonic = PlainSweeps(Steps(1.0, horizon=1.0, power=1.0))
    >>> plain, fast = (charged_error(arms, Discounted(0.9), rule, charge=0.2, rng=0) for rule in (harmonic, Speedy()))
    >>> bool(fast.errors[-1, 0] < plain.errors[-1, 0] / 5)
    True
    """
    check_rule(rule)
    if not isinstance(arms, Arms):
        raise ModelError(f"the comparison needs Arms, got {type(arms).__name__}; of a problem give problem.arms")
    if arms.n_actions != 2 or not isinstance(criterion, Discounted):
        raise ModelError(f"the comparison needs two actions and Discounted(beta), got {arms.n_actions} and {criterion!r}")
    if not isinstance(charge, Real) or not isfinite(charge):
        raise ModelError(f"the charge must be a finite number, got {charge!r}")
    steps, each, momentum, asked = rule.sweep
    n_sweeps, random = whole_number("samples", samples, each) // each, np.random.default_rng(rng)
    weight = np.minimum(np.minimum(asked, most_weight(criterion.beta)), widest_weight(arms, criterion.beta))
    n_types, n_states = arms.rewards.shape[0], arms.rewards.shape[2]
    exact = charged_value(arms, criterion.beta, float(charge))
    by_cell, paid = arms.transitions.swapaxes(1, 2), np.ascontiguousarray(arms.rewards.swapaxes(1, 2)) * each
    q, before = np.zeros((n_types, n_states, 2, 1)), np.zeros((n_types, n_states, 2, 1))
    price, td = np.array([float(charge)]), np.zeros((n_types, n_states, 2))
    errors = np.empty((n_sweeps + 1, n_types))
    errors[0] = np.abs(exact).max(axis=1)
    for n in range(n_sweeps):
        arrivals = random.multinomial(each, by_cell)
        for k in range(n_types):
            sweep(arrivals[k], paid[k], price, criterion.beta, steps.at(n), momentum, weight[k], q[k], before[k], td[k])
        errors[n + 1] = np.abs(q[..., 0].max(axis=2) - exact).max(axis=1)
    return ChargedError(each * np.arange(n_sweeps + 1), errors, weight, _status(asked, weight))


def widest_weight(arms: Arms, beta: float) -> NDArray[np.float64]:
    """The weight w* of generalised speedy Q-learning, min over (s, a) of 1 / (1 - beta P(s | s, a)), shape ``(K,)``.

    Examples
    --------
    >>> widest_weight(Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]]), 0.9).round(4)
    array([1.5625])
    """
    stays = np.diagonal(arms.transitions, axis1=2, axis2=3)
    return 1.0 / (1.0 - beta * stays.min(axis=(1, 2)))


def charged_value(arms: Arms, beta: float, charge: float) -> NDArray[np.float64]:
    """Optimal discounted total of each type that pays ``charge`` per activation, shape ``(K, S)``, by policy iteration."""
    n_types, n_actions, n_states = arms.rewards.shape
    rewards = arms.rewards - charge * np.arange(n_actions)[:, np.newaxis]
    values = np.empty((n_types, n_states))
    everywhere = np.arange(n_states)
    for k in range(n_types):
        policy = np.zeros(n_states, dtype=np.int64)
        while True:
            law, earned = arms.transitions[k, policy, everywhere], rewards[k, policy, everywhere]
            values[k] = np.linalg.solve(np.eye(n_states) - beta * law, earned)
            ahead = rewards[k] + beta * (arms.transitions[k] @ values[k])
            better = ahead.max(axis=0) > values[k] + CLOSE * max(np.abs(values[k]).max(), 1.0) * n_states
            if not better.any():
                break
            policy = np.where(better, ahead.argmax(axis=0), policy)
    return values


def _status(asked: float, weight: NDArray[np.float64]) -> str:
    cut = np.flatnonzero(weight < asked)
    if not len(cut):
        return "the rule as it is"
    first = f"type {cut[0]}, to {weight[cut[0]]:.6g}"
    return f"the weight of {len(cut)} of {len(weight)} types was cut to what is safe (first: {first})"

"""A world outside the library that a learner acts in, one period at a time.

Any object with these attributes and methods will do; nothing has to be subclassed. What it returns is checked in every period.
"""

from __future__ import annotations

from inspect import signature
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmab._kernels.crowd import Crowd
from rmab.errors import ModelError
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted


@runtime_checkable
class Environment(Protocol):
    """Arms that are acted on and seen, but of which no model is given.

    Attributes
    ----------
    multiplicity : sequence of int, length K
        Arms of each type, numbered type by type; arms of one type share what is learned.
    n_actions, n_states : int
        Sizes ``A`` and ``S``.
    budget : TopK
        Arms acted on per period.
    criterion : Discounted or Average
        What is maximised.

    Notes
    -----
    A training with a checkpoint also needs ``state()``, which returns all that the environment remembers as arrays by name,
    random numbers included, and ``restore(arrays)``, which takes it back: otherwise a run that goes on would not be the same.
    """

    multiplicity: ArrayLike
    n_actions: int
    n_states: int
    budget: TopK
    criterion: Discounted | Average

    def reset(self, seed: int) -> ArrayLike:
        """Start anew, all random numbers from ``seed``; the state of each arm, shape ``(N,)``."""
        ...

    def step(self, actions: NDArray[np.int64]) -> tuple[ArrayLike, ArrayLike]:
        """One period with these ``actions`` (N,): the next state of each arm and the reward of each, both ``(N,)``."""
        ...


def check_methods(environment: Environment) -> None:
    """Raise :class:`ModelError` unless ``reset(seed)`` and ``step(actions)`` can be called so."""
    for name, argument in (("reset", "seed"), ("step", "actions")):
        method = getattr(environment, name)
        if not callable(method):
            raise ModelError(f"the environment's {name} must be a method {name}({argument}), got {method!r:.60}")
        try:
            signature(method).bind(0)
        except TypeError as error:
            raise ModelError(f"the environment's {name} must take one argument, {name}({argument}): {error}") from None
        except ValueError:  # compiled, so it does not say what it takes
            pass


def take_states(crowd: Crowd, given: ArrayLike, n_states: int, step: int, into: NDArray[np.int32]) -> None:
    """Put the states that an environment gave into ``into``; raises :class:`ModelError` naming the first arm out of range.

    Examples
    --------
    >>> from rmab.learn.experience import empty_crowd
    >>> from rmab.learn.learner import Setting
    >>> crowd = empty_crowd(Setting(np.array([2]), 2, 3, TopK(1), Average()), seed=0)
    >>> take_states(crowd, [0, 3], 3, 7, crowd.following)
    Traceback (most recent call last):
    rmab.errors.ModelError: after period 7 the environment puts arm 1 into state 3, but states run from 0 to 2
    """
    n_arms, when = len(crowd.state), "at the start" if step < 0 else f"after period {step}"
    try:
        states = np.asarray(given)
    except ValueError as error:
        raise ModelError(f"the environment must return {n_arms} states, one per arm; {when}: {error}") from None
    if states.shape != (n_arms,) or states.dtype.kind not in "iu":
        raise ModelError(
            f"the environment must return {n_arms} whole numbers as states, one per arm; "
            f"{when} it returned shape {states.shape}, {states.dtype}"
        )
    outside = np.flatnonzero((states < 0) | (states >= n_states))
    if len(outside):
        arm = outside[0]
        raise ModelError(
            f"{when} the environment puts arm {arm} into state {states[arm]}, but states run from 0 to {n_states - 1}"
        )
    into[:] = states


def take_rewards(crowd: Crowd, given: ArrayLike, step: int) -> None:
    """Put the rewards that an environment gave into the crowd; raises :class:`ModelError` naming the first bad one."""
    n_arms = len(crowd.state)
    try:
        if np.iscomplexobj(given):
            raise TypeError("complex numbers are no rewards")
        rewards = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the environment must return {n_arms} rewards, one per arm; in period {step}: {error}") from None
    if rewards.shape != (n_arms,):
        raise ModelError(
            f"the environment must return {n_arms} rewards, one per arm; in period {step} it returned shape {rewards.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(rewards))
    if len(bad):
        raise ModelError(f"in period {step} the environment gives arm {bad[0]} the reward {rewards[bad[0]]}; it must be finite")
    crowd.reward[:] = rewards


def can_be_saved(environment: Environment) -> bool:
    """Whether an environment can say and take back all that it remembers."""
    return callable(getattr(environment, "state", None)) and callable(getattr(environment, "restore", None))

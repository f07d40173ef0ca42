"""What a policy knows of arms whose states are hidden: the mode and the belief of each, in the order of the arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.hidden.problem import HiddenProblem


class Information(NamedTuple):
    """What is known of the arms in one period.

    Attributes
    ----------
    modes : ndarray of int, shape (N,)
        The mode of each arm.
    beliefs : ndarray, shape (N, S)
        The law of each arm's hidden state, padded with zeros where types have fewer states than the most.
    """

    modes: NDArray[np.int64]
    beliefs: NDArray[np.float64]

    @classmethod
    def at_start(cls, problem: HiddenProblem) -> Information:
        """What ``problem`` says of the arms before the first period.

        Examples
        --------
        >>> from rmab.hidden.arms import HiddenArms
        >>> from rmab.models.budget import TopK
        >>> from rmab.models.criterion import Average
        >>> arms = HiddenArms([np.eye(2)] * 2, [[0, 0], [0, 1]], [np.eye(2)] * 2)
        >>> Information.at_start(HiddenProblem(arms, TopK(1), Average(), start=[0.3, 0.7])).beliefs
        array([[0.3, 0.7]])
        """
        kind = problem.type_of_arm
        return cls(problem.start_modes[kind], padded(problem.start, problem.n_states)[kind])


def available(problem: HiddenProblem, modes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the mode of each arm allows action 1, shape ``(N,)``.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = HiddenArms([np.eye(2)] * 2, [[0, 0], [0, 1]], [np.eye(2)] * 2)
    >>> available(HiddenProblem(arms, TopK(1), Average()), np.array([0]))
    array([ True])
    """
    return np.concatenate([problem.arms[k].allowed[modes[arms], 1] for k, arms in enumerate(arms_by_type(problem))])


def arms_by_type(problem: HiddenProblem) -> list[slice]:
    """Which arms are of each type, a slice for each.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = HiddenArms([np.eye(2)] * 2, [[0, 0], [0, 1]], [np.eye(2)] * 2)
    >>> arms_by_type(HiddenProblem([arms, arms], TopK(1), Average(), multiplicity=[3, 4]))
    [slice(0, 3, None), slice(3, 7, None)]
    """
    ends = np.cumsum(problem.multiplicity).tolist()
    return [slice(last - count, last) for last, count in zip(ends, problem.multiplicity.tolist(), strict=True)]


def check_information(problem: HiddenProblem, information: Information) -> None:
    """Raise :class:`ModelError` unless there are arrays of one mode and one belief for each arm of ``problem``."""
    modes, beliefs = (getattr(information, name, None) for name in Information._fields)
    if not isinstance(modes, np.ndarray) or not isinstance(beliefs, np.ndarray):
        raise ModelError(
            "information must hold an array of modes and one of beliefs, as Information(modes, beliefs) and "
            f"Information.at_start(problem) do, got {type(information).__name__}"
        )
    shapes = modes.shape, beliefs.shape
    expected = (problem.n_arms,), (problem.n_arms, problem.n_states)
    if shapes != expected:
        raise ModelError(f"modes and beliefs must have shapes {expected[0]} and {expected[1]}, got {shapes[0]} and {shapes[1]}")
    if modes.dtype.kind not in "iu":
        raise ModelError(f"modes must be whole numbers, got {modes.dtype}")
    most = np.array([arm.n_modes for arm in problem.arms])[problem.type_of_arm] - 1
    outside = np.flatnonzero((modes < 0) | (modes > most))
    if len(outside):
        n = outside[0]
        raise ModelError(f"modes: arm {n} has {modes[n]}, but they run from 0 to {most[n]}")


def padded(rows: Sequence[NDArray[np.float64]], width: int) -> NDArray[np.float64]:
    """Arrays whose last axes differ in length in one array, zeros where they are shorter than ``width``.

    Examples
    --------
    >>> padded([np.ones(1), np.ones(2)], 2)
    array([[1., 0.],
           [1., 1.]])
    """
    return np.stack([np.pad(row, [(0, 0)] * (row.ndim - 1) + [(0, width - row.shape[-1])]) for row in rows])

"""From what a user gives as ``rng`` to the key of the counter-based generator.

Every run is reduced to one whole number, its *entropy*, which is recorded in the outcome: passing it as ``rng`` repeats the run
bit for bit. The key of the Philox generator is derived from the entropy alone; global random state is neither read nor changed.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError

Rng = None | int | np.random.SeedSequence | np.random.Generator


def entropy(rng: Rng) -> int:
    """The number that, given as ``rng``, repeats the run.

    Parameters
    ----------
    rng : None, int, SeedSequence or Generator
        ``None`` draws fresh entropy from the operating system; a generator is advanced by one draw.

    Raises
    ------
    ModelError
        If ``rng`` is of another kind, or negative.

    Examples
    --------
    >>> entropy(7)
    7
    >>> entropy(np.random.default_rng(7)) == entropy(np.random.default_rng(7))
    True
    """
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0])
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    if isinstance(rng, Integral) and not isinstance(rng, bool) and rng >= 0:
        return int(rng)
    raise ModelError(f"rng must be None, a whole number from 0 on, a SeedSequence or a Generator, got {rng!r}")


def key(number: int) -> NDArray[np.uint64]:
    """The two 32-bit words of the generator's key for an entropy, held in ``uint64``; shape ``(2,)``.

    Examples
    --------
    >>> key(7).shape, bool((key(7) < 2**32).all())
    ((2,), True)
    """
    return np.random.SeedSequence(number).generate_state(2, np.uint32).astype(np.uint64)


def policy_generator(number: int, replicate: int) -> np.random.Generator:
    """The generator handed to a policy that is not a priority rule: one per replicate, the same for every policy.

    Examples
    --------
    >>> policy_generator(7, 0).random() == policy_generator(7, 0).random()
    True
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(number, spawn_key=(replicate,))))

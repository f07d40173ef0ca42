"""How much may be done in one period."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from rmab.errors import InfeasibleBudget, ModelError


@dataclass(frozen=True)
class TopK:
    """At most (or exactly) ``k`` arms are acted on in each period; any action but 0 counts as one.

    Parameters
    ----------
    k : int
        Arms acted on per period, at least 0.
    exactly : bool
        Whether all ``k`` activations must be used in every period.

    Raises
    ------
    ModelError
        If ``k`` is not a whole number.
    InfeasibleBudget
        If ``k`` is negative.

    Examples
    --------
    >>> TopK(20)
    TopK(k=20, exactly=False)
    """

    k: int
    exactly: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.k, Integral) or isinstance(self.k, bool):
            raise ModelError(f"the budget must be a whole number of arms per period, got {self.k!r}")
        if self.k < 0:
            raise InfeasibleBudget(f"the budget must not be negative, got {self.k}; use 0 for no action at all")
        object.__setattr__(self, "k", int(self.k))

    def check(self, n_arms: int) -> None:
        """Raise :class:`InfeasibleBudget` when the budget is above the cohort of ``n_arms`` arms."""
        if self.k > n_arms:
            raise InfeasibleBudget(
                f"the budget of {self.k} arms per period is above the cohort of {n_arms}; lower it to at most {n_arms}"
            )

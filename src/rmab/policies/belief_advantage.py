"""What acting is worth more than waiting on a belief space, at one price for the whole problem.

At the price lambda of the relaxed problem every arm is on its own. On the ordinary arm that its belief space is,

    Q(b, a) = r(b, a) - lambda [a > 0] + beta sum over c of P(c | b, a) V(c),     V = max_a Q(., a),

and the score of a belief is ``Q(b, 1) - Q(b, 0)``. An index asks at which charge this vanishes; the advantage asks how much it
is at the charge that the budget brings about. What is left of the budget is worth nothing, so under "at most" only arms are
left alone for which acting would not pay even without the charge of this period: those that score below minus the price.

1. Take the price of :func:`rmab.bound.hidden.hidden_bound`, unless one is given.
2. Relative value iteration on every space (:mod:`rmab.bound.relative`), which also solves the average criterion.

Cost: one sparse product per action and sweep. Stopping rule: changes agree to 1e-10 of the spread of rewards.
Reference: D. B. Brown, J. E. Smith, "Index policies and performance bounds for dynamic selection problems", Management Science
66 (2020), for such policies on ordinary arms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rmab.bound.hidden import hidden_bound
from rmab.bound.relative import iterate
from rmab.errors import ModelError
from rmab.hidden.checks import finite_number
from rmab.hidden.problem import HiddenProblem
from rmab.hidden.space import BeliefSpace
from rmab.index.findings import discount_of
from rmab.models.criterion import Criterion
from rmab.policies.belief import BeliefPolicy
from rmab.policies.belief_rules import TableScore, check_acting, check_grown, check_lasting, checked_lookup, checked_spaces

TOLERANCE = 1e-10


class LagrangianAdvantage(BeliefPolicy):
    """Act where acting is worth most more than waiting, at the price of the problem.

    Parameters
    ----------
    spaces : BeliefSpace or sequence of K BeliefSpace
        The belief space of each type; one for all types if a single one is given.
    price : float, optional
        Charge per activation; default that of :func:`rmab.bound.hidden.hidden_bound`.
    lookup : str, optional
        As for :class:`rmab.policies.belief_rules.TableScore`.

    Raises
    ------
    ModelError
        If there is no such look-up, the price is not a finite number, or, once used, the criterion is a horizon, there are more
        than two actions, or a space was not grown from the arm of its type.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Discounted
    >>> moves = [[0.7, 0.3], [0.2, 0.8]]
    >>> channel = HiddenArms([moves, moves], [[0, 0], [0, 1]], [[[1, 0], [1, 0]], [[0.9, 0.1], [0.1, 0.9]]])
    >>> problem = HiddenProblem(channel, TopK(1), Discounted(0.9), multiplicity=[3])
    >>> space = channel.reachable([0.4, 0.6], depth=20, merge=0.05)
    >>> rule = LagrangianAdvantage(space, price=0.4).belief_rule(problem)
    >>> bool((np.diff(rule.values[0][np.argsort(space.nodes[:, 1])]) > 0).all())
    True
    """

    def __init__(
        self, spaces: BeliefSpace | Sequence[BeliefSpace], *, price: float | None = None, lookup: str | None = None
    ) -> None:
        self.spaces = checked_spaces(spaces)
        self.price = None if price is None else finite_number("price", price)
        self.lookup = checked_lookup(self.spaces, lookup)

    def belief_rule(self, problem: HiddenProblem) -> TableScore:
        """The advantage of acting at every node; raises :class:`ModelError` as told above."""
        price, q = self._charged(problem)
        # where acting is not allowed nothing is looked up
        gains = [np.where(np.isfinite(value[1]), value[1] - value[0], 0.0) for value in q]
        return TableScore(self.spaces, gains, self.lookup, -price)

    def worth(self, problem: HiddenProblem) -> TableScore:
        """The value of every node at the price, up to a constant per type: what :class:`BeliefRollout` may end with."""
        return TableScore(self.spaces, [value.max(axis=0) for value in self._charged(problem)[1]], self.lookup)

    def _charged(self, problem: HiddenProblem) -> tuple[float, list[NDArray[np.float64]]]:
        check_lasting(problem, "LagrangianAdvantage")
        check_acting(problem, "LagrangianAdvantage")
        if len(self.spaces) not in (1, problem.n_types):
            raise ModelError(f"there are {len(self.spaces)} belief spaces, but the problem has {problem.n_types} types")
        check_grown(problem, self.spaces)
        price = hidden_bound(problem).price if self.price is None else self.price
        return price, [charged_values(space, price, problem.criterion) for space in self.spaces]


def charged_values(space: BeliefSpace, price: float, criterion: Criterion) -> NDArray[np.float64]:
    """``Q(b, a)`` of every action and node up to one constant, shape ``(A, m)``; minus infinity where not allowed.

    Examples
    --------
    >>> from rmab.hidden.arms import HiddenArms
    >>> from rmab.models.criterion import Discounted
    >>> arm = HiddenArms([[[1.0]]] * 2, [[0.0], [3.0]], [[[1.0]]] * 2)
    >>> charged_values(arm.reachable([1.0], depth=1, merge=0.1), 1.0, Discounted(0.5))
    array([[0.],
           [2.]])
    """
    beta = discount_of(criterion, "charged values")
    size = (len(space.nodes),) * 2
    moves = [csr_array(parts, shape=size) for parts in zip(space.data, space.indices, space.indptr, strict=True)]
    paid = space.rewards - price * (np.arange(len(moves)) > 0)[:, np.newaxis]
    may = space.hidden.allowed[space.node_modes].T

    def act(h: NDArray[np.float64]) -> NDArray[np.float64]:
        ahead = np.stack([reward + beta * (p @ h[:, 0]) for reward, p in zip(paid, moves, strict=True)])
        return np.where(may, ahead, -np.inf)

    scale = float(np.ptp(paid)) or 1.0
    h = iterate(
        lambda h: act(h).max(axis=0)[:, np.newaxis], paid.max(axis=0)[:, np.newaxis], np.ones(1), beta, TOLERANCE * scale
    )
    return act(h.values)

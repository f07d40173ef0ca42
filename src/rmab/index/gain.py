"""Gain index (the Lagrangian index): what acting now is worth when every later activation is paid at one common price.

Problem
-------
Let ``price`` minimise the Lagrangian dual of the whole problem (:mod:`rmab.index.price`), and let V be the optimal value of one
arm that pays it for each activation. The advantage of acting, the charge of this activation subtracted, is

    W(s) = r(1, s) - r(0, s) - price + beta * sum_t (P(t | s, 1) - P(t | s, 0)) V(t),

and the index is ``W(s) + price``, on the scale of the Whittle index. It exists for every arm, indexable or not, needs one best
response per type instead of one per state, and depends on the budget and on all the other arms.

Algorithm
---------
1. Find the interval of minimisers of the dual; its middle is the price.
2. Find the best response of every type at the price and read off W. Numbers within the rounding error of one another are
   one number: at the price some state of a type that is acted on in part of the periods has W = 0 exactly, and ties at 0 are
   the rule and not the exception.
3. Ties can carry the whole policy. ``"left"`` orders by the limit just below the interval of prices, ``"right"`` just above:
   the best response that stays optimal on that side, by (W, how fast W falls in the price), lexicographically. Tied cells then
   differ by units in the last place, upwards, so that they sort in the right order and keep their value.
4. ``"fluid"`` plays the candidates (ties left, broken by the randomisation of the relaxed optimum, left, right) in the fluid
   limit from several starts, and keeps the one whose worst reward is best; the earliest if several are.

Where activations cost differently (:class:`rmab.Knapsack`), a type of cost c is charged c times the price, and W / c ranks.

A priority rule may fall short of the bound whatever its order; :func:`rmab.gap_check` tells.

References: J. T. Hawkins, A Lagrangian decomposition approach to weakly coupled dynamic optimization problems, PhD thesis, MIT
(2003); K. Avrachenkov, V. Borkar, P. Shah, "Lagrangian index policy for restless bandits with average reward",
arXiv:2412.12641 (2024). Cost: the bound, and one or two more best responses; "fluid" adds :mod:`rmab.index.mean_field`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.index.mean_field import MeanField, starts
from rmab.index.price import Dual, highest, lowest, minimise
from rmab.models.criterion import Horizon
from rmab.models.problem import Problem, check_unpenalised

TIE_BREAKS = ("none", "left", "right", "fluid")
SIDES = {"left": -1, "none": 0, "right": 1}
TIED = 1e-11
SAME_ORDER = 1e-7
SELDOM = 1e-7
CLEARLY_BETTER = 1e-9


@dataclass(frozen=True, eq=False)
class GainIndex:
    """Gain index of every state of every type.

    Attributes
    ----------
    values : ndarray, shape (K, S)
        Advantage of acting before this activation is paid for: higher is more worth acting on. It pays at the market where it
        is at least ``price`` (times the cost of an activation); under an "at most" budget what is spare is free, and worth it
        where it is at least 0.
    density : ndarray, shape (K, S)
        The same per unit of cost, which ranks where activations cost differently; equal to ``values`` under a :class:`TopK`.
    costs : ndarray, shape (K,)
        What an activation of an arm of each type takes of the budget; ones under a :class:`TopK`.
    price : float
        Charge per activation (per unit of cost) at which the index holds: the middle of ``price_interval``, or its low or high
        end for the tie breaks "left" and "right"; the finite end where one is infinite.
    price_interval : tuple of float
        All minimisers of the dual, from low to high. Minus infinity when exactly all arms are acted on, infinity when none is.
    tie_break : str
        The rule that was asked for.
    bound : float
        The minimum of the dual: no policy earns more per period, over all arms.
    status : str
        How ties were settled, in words.
    """

    values: NDArray[np.float64]
    density: NDArray[np.float64]
    costs: NDArray[np.float64]
    price: float
    price_interval: tuple[float, float]
    tie_break: str
    bound: float
    status: str

    @property
    def advantage(self) -> NDArray[np.float64]:
        """Advantage of acting with the charge subtracted, W, shape ``(K, S)``."""
        return self.values - self.price * self.costs[:, np.newaxis]

    def __str__(self) -> str:
        low, high = self.price_interval
        interval = "" if low == high else f" (any from {low:.6g} to {high:.6g})"
        shown = np.array2string(self.values, precision=6, threshold=60)
        return (
            f"gain index of {len(self.values)} types at price {self.price:.6g}{interval} per activation, "
            f"bound {self.bound:.8g}: {self.status}\n{shown}"
        )


def gain_index(problem: Problem, *, tie_break: str = "none") -> GainIndex:
    """Gain index of every state of every type; ``lagrangian_index`` is the same function under its other name.

    Parameters
    ----------
    problem : Problem
        ``K`` types with two actions; discounted (from the problem's start) or average.
    tie_break : str
        ``"none"`` leaves ties, which policies then break at random; ``"left"`` and ``"right"`` order them by the limit of
        prices just below or above the optimal ones; ``"fluid"`` keeps what earns most in the fluid limit.

    Returns
    -------
    GainIndex

    Raises
    ------
    ModelError
        If the arms have more than two actions, the criterion is a finite horizon, the problem has penalties or a budget of
        several resources, or the tie break is unknown.
    NotConverged
        If the price cannot be found.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0.0, 1.0], [0.0, 1.0]], multiplicity=[100])
    >>> print(gain_index(Problem(arms, TopK(20), Average())))
    gain index of 1 types at price 0.833333 per activation, bound 33.333333: ties left
    [[0.833333 0.666667]]
    """
    _check(problem, tie_break)
    dual = Dual(problem)
    best = minimise(dual)
    interval = (lowest(dual, best), highest(dual, best))
    low, high = (end if np.isfinite(end) else other for end, other in (interval, interval[::-1]))
    prices = {"none": (low + high) / 2, "left": low, "right": high}
    if tie_break == "fluid":
        chosen, density, status = _best_in_the_limit(problem, dual, prices)
    else:
        chosen, density = tie_break, _one_sided(dual, tie_break, prices[tie_break])
        status = "ties left" if tie_break == "none" else f"ties broken by the limit from the {tie_break}"
    costs = problem.costs
    values = density * costs[:, np.newaxis]
    for array in (density, costs, values):
        array.setflags(write=False)
    bound = best.tangent.at(best.tangent.price)
    return GainIndex(values, density, costs, prices[chosen], interval, tie_break, bound, status)


lagrangian_index = gain_index


def _check(problem: Problem, tie_break: str) -> None:
    check_unpenalised(problem, "use penalty_index")
    if problem.arms.n_actions != 2:
        raise ModelError(f"the gain index needs two actions, these arms have {problem.arms.n_actions}")
    if isinstance(problem.criterion, Horizon):
        raise ModelError(
            f"the gain index needs Discounted(beta) or Average(), got {problem.criterion!r}; "
            "use solve(problem), whose policy has one index per period"
        )
    if tie_break not in TIE_BREAKS:
        raise ModelError(f"unknown tie break {tie_break!r}; choose one of {', '.join(TIE_BREAKS)}")


def _one_sided(dual: Dual, tie_break: str, price: float) -> NDArray[np.float64]:
    direction = SIDES[tie_break]
    side = dual.beside(price, direction)
    return _index(dual, price, side.advantage, -direction * side.rate)


def _index(dual: Dual, price: float, advantage: NDArray[np.float64], order: NDArray[np.float64]) -> NDArray[np.float64]:
    """Advantage plus price, equal up to rounding made equal, then ties told apart by ``order`` (higher first)."""
    size = np.maximum(np.abs(dual.rewards).max(axis=(1, 2)), abs(price))[:, np.newaxis]
    slack = TIED * np.maximum(size, np.abs(advantage).max(axis=1, keepdims=True))
    clean = _merged(np.where(np.abs(advantage) <= slack, 0.0, advantage), slack)
    second = _merged(order, np.array(SAME_ORDER * max(np.abs(order).max(), 1.0)))
    values = clean + price
    return _told_apart(np.where(np.abs(values) <= slack, 0.0, values), second)


def _merged(values: NDArray[np.float64], slack: NDArray[np.float64]) -> NDArray[np.float64]:
    """Neighbours closer than both their ``slack`` get one value, the lowest of their group, or zero if it is among them."""
    place = np.argsort(values, axis=None)
    line, room = values.ravel()[place], np.broadcast_to(slack, values.shape).ravel()[place]
    group = np.concatenate([[0], np.cumsum(np.diff(line) > np.minimum(room[1:], room[:-1]))])
    value = line[np.searchsorted(group, np.arange(group[-1] + 1))]
    value[group[line == 0.0]] = 0.0
    merged = np.empty(len(line))
    merged[place] = value[group]
    return merged.reshape(values.shape)


def _told_apart(values: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values as distinct numbers in (value, second) order, each at least a unit in the last place above the one before."""
    place = np.lexsort((second.ravel(), values.ravel()))
    line, other = values.ravel()[place] + 0.0, second.ravel()[place]
    rank = np.concatenate([[0], np.cumsum((np.diff(line) > 0) | (np.diff(other) != 0))])
    bits = line.view(np.int64)
    # whole numbers in the order of the floats they are the bits of, so that one more is the next float
    key = np.where(bits >= 0, bits, np.iinfo(np.int64).min - bits)
    key = np.maximum.accumulate(key - rank) + rank
    apart = np.empty(len(line))
    apart[place] = np.where(key >= 0, key, np.iinfo(np.int64).min - key).view(np.float64)
    return apart.reshape(values.shape)


def _best_in_the_limit(problem: Problem, dual: Dual, prices: dict[str, float]) -> tuple[str, NDArray[np.float64], str]:
    """Name, values and status of the candidate whose worst reward in the fluid limit is best, the earliest if several are."""
    middle = prices["none"]
    relaxed = _index(dual, middle, dual.beside(middle, 0).advantage, _relaxed_choice(dual, middle))
    candidates = [
        ("none", "ties left", _one_sided(dual, "none", middle)),
        ("none", "ties broken by the relaxed optimum", relaxed),
    ]
    for side in ("left", "right"):
        candidates.append((side, f"ties broken by the limit from the {side}", _one_sided(dual, side, prices[side])))
    ranks = [np.unique(-values, return_inverse=True)[1].reshape(values.shape) for _, _, values in candidates]
    if all(np.array_equal(ranks[0], other) for other in ranks):
        return "none", candidates[0][2], "no ties"
    field, points = MeanField(problem), starts(problem, dual, middle).values()
    worst = np.empty(len(candidates))
    for i, (_, _, values) in enumerate(candidates):
        eligible = np.array([ranks[i].max() + 1 if problem.budget.exactly else ranks[i][values >= 0].max(initial=-1) + 1])
        worst[i] = min(field.limit(ranks[i][np.newaxis], eligible, start).reward for start in points)
    chosen = int(np.argmax(worst >= worst.max() - CLEARLY_BETTER * np.abs(worst).max()))
    name, how, values = candidates[chosen]
    return name, values, f"{how}: best in the fluid limit, {worst[chosen]:.6g} per arm from its worst start"


def _relaxed_choice(dual: Dual, price: float) -> NDArray[np.float64]:
    """How often the relaxed optimum acts in each state; where it never is, how often its two policies do."""
    below, above, share = dual.mixture(price)
    spent = share * dual.occupancy(below.policy), (1.0 - share) * dual.occupancy(above.policy)
    total = spent[0] + spent[1]
    there = total > SELDOM
    first = np.where(there, spent[0] / np.where(there, total, 1.0), share)
    return first * below.policy + (1.0 - first) * above.policy

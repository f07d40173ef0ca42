"""A crowd of arms that a learner acts on, and one period of it: act under the budget, move, settle.

``act`` fills ``crowd.action``. With a chance of epsilon, drawn once a period, it explores, else it acts on the cells (type,
state) of highest ``score``:

* exploring: on ``k`` arms at random (Floyd), or, at a finite temperature, on the ``k`` of largest ``score / temperature +
  luck`` with Gumbel luck, which draws arms without replacement with weights exp(score / temperature);
* otherwise: on the ``k`` best cells, ties exactly uniform; where the budget is "at most", on cells of score 0 at least;
* a positive ``width`` adds ``width * (sqrt(log n(s) / n(s, 1)) - sqrt(log n(s) / n(s, 0)))`` to every score, n the visits;
* decoupled: every arm for itself acts if its score is above ``level``, or explores; the budget is then not kept.

It also counts the visits of every cell and action. ``move`` draws what each arm earns and where it goes, ``settle`` takes it
there. A learner's own step stands between the two, where state, action, reward and next state of every arm are known.

References: W. Kool, H. van Hoof, M. Welling, "Stochastic beams and where to find them", ICML (2019), for drawing without
replacement by Gumbel luck; J. Bentley, R. Floyd, "A sample of brilliance", Communications of the ACM 30 (1987). Cost of a
period: O(N), and O(K S log(K S)) for the order of the cells if they are fewer than the arms.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rmab._kernels.alias import draw_pair
from rmab._kernels.arms_engine import TILE, even
from rmab._kernels.philox import EXPLORE, LUCK, MOVE, TIE, arm_uniform, fill_bits, open_unit
from rmab._kernels.scored_engine import act_above, find_score_cut
from rmab._kernels.top_k import find_cut

NEVER = 1e9


class World(NamedTuple):
    """How arms move: first arm of each type (K+1,), alias tables as ``threshold`` (K, A, S, S) and ``outcome``, the
    alias and the own state of each column; ``rewards`` (K, A, S).
    """

    first_arm: NDArray[np.int64]
    threshold: NDArray[np.uint64]
    outcome: NDArray[np.int32]
    rewards: NDArray[np.float64]


class Crowd(NamedTuple):
    """Where arms are and what they do, (N,) each; ``key`` (3,) of the random numbers and the seed, ``counts`` (K * S,) arms per
    cell, ``earned`` (3,) reward of all periods so far and the lowest and highest reward, ``bits`` room for random numbers.
    """

    key: NDArray[np.uint64]
    first_arm: NDArray[np.int64]
    state: NDArray[np.int32]
    action: NDArray[np.int32]
    reward: NDArray[np.float64]
    following: NDArray[np.int32]
    counts: NDArray[np.int64]
    earned: NDArray[np.float64]
    bits: NDArray[np.uint64]


class Actor(NamedTuple):
    """How to act: the budget, whether arms act for themselves, epsilon in period t = max(floor, start / (1 + t / decay)), the
    temperature of exploration (infinite: uniform) and the width of the confidence bonus.
    """

    k: int
    exactly: bool
    decoupled: bool
    start: float
    decay: float
    floor: float
    temperature: float
    width: float


@njit(nogil=True, cache=True)
def act(crowd, actor, step, score, level, visits):
    """Fill ``crowd.action`` in period ``step`` from ``score`` (K, S), and count ``visits`` (K, S, A)."""
    if actor.width > 0.0:
        score = score + actor.width * _bonus(visits)
    exploring = explores(crowd, actor, step)
    if actor.decoupled:
        _each_for_itself(crowd, actor, step, score, level[0])
    elif exploring and actor.temperature < np.inf:
        _byluck(crowd, step, actor.k, score / actor.temperature)
    elif exploring:
        _at_random(crowd, step, actor.k)
    elif score.size > len(crowd.state):
        threshold = -np.inf if actor.exactly else 0.0
        _highest(crowd, step, actor.k, threshold, score, np.zeros(len(crowd.state)))
    else:
        _best_cells(crowd, step, actor.k, actor.exactly, score)
    count(crowd, visits)


@njit(nogil=True, cache=True)
def move(world, crowd, step):
    """Fill ``crowd.reward`` and ``crowd.following`` for the actions of period ``step``."""
    k0, k1, seed = crowd.key
    n_arms, n_states = len(crowd.state), world.rewards.shape[2]
    k = 0
    for tile in range(0, n_arms, TILE):
        last = min(tile + TILE, n_arms)
        fill_bits(seed, np.uint64(step + 1), np.uint64(tile // 2), MOVE, k0, k1, crowd.bits[: even(last - tile)])
        i = tile
        while i < last:
            while world.first_arm[k + 1] <= i:
                k += 1
            stop = min(last, world.first_arm[k + 1])
            tables = world.threshold[k].ravel(), world.outcome[k].ravel(), world.rewards[k].ravel()
            _move_some(crowd, i, stop, crowd.bits[i - tile :], np.uint64(n_states), *tables)
            i = stop


@njit(nogil=True, cache=True)
def _move_some(crowd, first, last, bits, width, threshold, outcome, rewards):
    """Move the arms ``first <= i < last``, of one type with flat tables."""
    state, action, reward, following = crowd.state, crowd.action, crowd.reward, crowd.following
    for i in range(first, last):
        cell = np.uint64(action[i]) * width + np.uint64(state[i])  # unsigned: no wrapping of negative numbers
        reward[i] = rewards[cell]
        following[i] = draw_pair(bits[i - first], cell * width, width, threshold, outcome)


@njit(nogil=True, cache=True)
def settle(crowd):
    """Take every arm to its next state, count the arms per cell, add up what they earned and widen the range of rewards."""
    n_types = len(crowd.first_arm) - 1
    n_states = len(crowd.counts) // n_types
    crowd.counts[:] = 0
    total, lowest, highest = 0.0, crowd.earned[1], crowd.earned[2]
    for k in range(n_types):
        cells = crowd.counts[k * n_states : (k + 1) * n_states]
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            s = crowd.following[i]
            crowd.state[i] = s
            cells[s] += 1
            total += crowd.reward[i]
            lowest = min(lowest, crowd.reward[i])
            highest = max(highest, crowd.reward[i])
    crowd.earned[0] += total
    crowd.earned[1] = lowest
    crowd.earned[2] = highest


@njit(inline="always")
def luck(crowd, step, place, purpose):
    """One uniform number of the crowd's own, for ``place`` in period ``step``."""
    return arm_uniform(crowd.key[2], np.uint64(step + 1), place, purpose, crowd.key[0], crowd.key[1])


@njit(inline="always")
def epsilon(actor, step):
    """The chance that period ``step`` is spent on exploring."""
    return max(actor.floor, actor.start / (1.0 + step / actor.decay))


@njit(nogil=True, cache=True)
def explores(crowd, actor, step):
    """Whether period ``step`` is spent on exploring."""
    return luck(crowd, step, 0, EXPLORE) < epsilon(actor, step)


@njit(nogil=True, cache=True)
def _at_random(crowd, step, budget):
    """Act on ``budget`` arms drawn uniformly without replacement, by Floyd's algorithm."""
    n_arms = len(crowd.state)
    k0, k1, seed = crowd.key
    few, marked = (budget, 1) if 2 * budget <= n_arms else (n_arms - budget, 0)
    crowd.action[:] = 1 - marked
    room = len(crowd.bits)
    for j in range(few):
        if j % room == 0:
            fill_bits(seed, np.uint64(step + 1), np.uint64(j // 2), LUCK, k0, k1, crowd.bits)
        last = n_arms - few + j
        i = np.int64(open_unit(crowd.bits[j % room]) * (last + 1))
        crowd.action[last if crowd.action[i] == marked else i] = marked


@njit(nogil=True, cache=True)
def _best_cells(crowd, step, budget, exactly, score):
    """Act on the arms in the cells of highest score, as many as the budget allows, ties drawn uniformly."""
    line = score.ravel()
    order = np.argsort(-line, kind="mergesort")
    rank = np.empty(len(line), dtype=np.int64)
    ranks, eligible = 0, 0
    for i in range(len(order)):
        if i > 0 and line[order[i]] != line[order[i - 1]]:
            ranks += 1
        rank[order[i]] = ranks
        if exactly or line[order[i]] >= 0.0:
            eligible = ranks + 1
    cut, needed, tied = find_cut(crowd.counts, order, rank, eligible, budget)
    _choose(crowd, step, rank, cut, needed, tied)


@njit(nogil=True, cache=True)
def _choose(crowd, step, rank, cut, needed, tied):
    """Act on ranks below ``cut`` and on ``needed`` of the ``tied`` arms at it, by selection sampling."""
    k0, k1, seed = crowd.key
    n_states, room = len(rank) // (len(crowd.first_arm) - 1), len(crowd.bits)
    drawn = 0
    for k in range(len(crowd.first_arm) - 1):
        ranks = rank[k * n_states : (k + 1) * n_states]
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            mine = ranks[crowd.state[i]]
            chosen = mine < cut
            if mine == cut and needed > 0:
                if drawn % room == 0:
                    fill_bits(seed, np.uint64(step + 1), np.uint64(drawn // 2), TIE, k0, k1, crowd.bits)
                chosen = open_unit(crowd.bits[drawn % room]) * tied < needed
                needed -= chosen
                tied -= 1
                drawn += 1
            crowd.action[i] = chosen


@njit(nogil=True, cache=True)
def _byluck(crowd, step, budget, score):
    """Act on the ``budget`` arms of highest score plus Gumbel luck."""
    n_arms = len(crowd.state)
    k0, k1, seed = crowd.key
    drawn = np.empty(n_arms)
    for tile in range(0, n_arms, TILE):
        last = min(tile + TILE, n_arms)
        fill_bits(seed, np.uint64(step + 1), np.uint64(tile // 2), LUCK, k0, k1, crowd.bits[: even(last - tile)])
        for i in range(tile, last):
            drawn[i] = -np.log(-np.log(open_unit(crowd.bits[i - tile])))
    _highest(crowd, step, budget, -np.inf, score, drawn)


@njit(nogil=True, cache=True)
def _highest(crowd, step, budget, threshold, score, drawn):
    """Act on the ``budget`` arms of highest score plus what was ``drawn`` (N,), if that reaches the threshold."""
    for k in range(len(crowd.first_arm) - 1):
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            drawn[i] += score[k, crowd.state[i]]
    k0, k1, seed = crowd.key
    cut, needed, tied = find_score_cut(drawn, threshold, budget, drawn[0], np.empty(len(drawn)))
    act_above(seed, step + 1, k0, k1, cut, needed, tied, drawn, crowd.action)


@njit(nogil=True, cache=True)
def _each_for_itself(crowd, actor, step, score, level):
    """Every arm acts if its score is above ``level``, or, with a chance of epsilon, explores."""
    exploring = epsilon(actor, step)
    for k in range(len(crowd.first_arm) - 1):
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            ahead = score[k, crowd.state[i]] - level
            if exploring > 0.0 and luck(crowd, step, i, EXPLORE) < exploring:
                chance = 1.0 / (1.0 + np.exp(min(-ahead / actor.temperature, 700.0)))
                crowd.action[i] = luck(crowd, step, i, LUCK) < chance
            else:
                crowd.action[i] = ahead > 0.0


@njit(nogil=True, cache=True)
def _bonus(visits):
    """How much less is known of acting than of waiting, (K, S); what was never tried comes first."""
    n_types, n_states, _ = visits.shape
    bonus = np.zeros((n_types, n_states))
    for k in range(n_types):
        for s in range(n_states):
            seen = visits[k, s, 0] + visits[k, s, 1]
            for a in range(2):
                if seen > 0:
                    unknown = np.sqrt(np.log(seen) / visits[k, s, a]) if visits[k, s, a] > 0 else NEVER
                    bonus[k, s] += unknown if a == 1 else -unknown
    return bonus


@njit(nogil=True, cache=True)
def count(crowd, visits):
    """Count the visits (K, S, A) of every state and action."""
    for k in range(len(crowd.first_arm) - 1):
        seen = visits[k]
        for i in range(crowd.first_arm[k], crowd.first_arm[k + 1]):
            seen[crowd.state[i], crowd.action[i]] += 1

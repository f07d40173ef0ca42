"""What the first actions of a period are worth when a rule on beliefs takes over: paths of signals, rewards in expectation.

An arm that is left alone and of which nothing is seen meanwhile is *quiet*: its beliefs, scores and rewards are the same on all
paths, and are computed once. On a path only the other arms, and those that were acted on, are followed; of the rest, the best
are read off the quiet scores in their order.

1. Quiet beliefs, rewards and scores of every arm, the order of the scores, and the sums of the rewards.
2. For every first choice and path: act; afterwards act on the arms of highest score among the followed and the best of the
   others; replace what quiet arms would have earned by what the followed ones earn.
3. Add what the beliefs after the last period are worth.

Path, period and arm determine the random number, so all choices are compared on the same ones. Among equal scores the arm of
the lowest number comes first. ``laws`` and scorers are those of :mod:`rmab._kernels.hidden_arm`; an arm has a place in both
scorers, (2, N), that of the rule first and that of the terminal value second. Cost per choice and path: T times the followed
arms and the budget, times S**2, for T periods.
"""

import numpy as np
from numba import njit

from rmab._kernels.hidden_arm import expected, filter_belief, happening, score_arms, score_room
from rmab._kernels.philox import MOVE, arm_uniform


@njit(nogil=True, cache=True)
def score_free(laws, scorer, kinds, modes, beliefs, places, arms, threshold, room, score):
    """The ``score`` (N,) of the ``arms`` listed; minus infinity if one may not be acted on or is below ``threshold``."""
    _, n_modes, first_cell, free = laws[:4]
    score_arms(laws, scorer, kinds, modes, beliefs, places, arms, room, score)
    for i in arms:
        if not free[first_cell[kinds[i]] + n_modes[kinds[i]] + modes[i]] or score[i] < threshold:
            score[i] = -np.inf


@njit(nogil=True, cache=True)
def sum_worth(laws, scorer, kinds, modes, beliefs, places, arms, room, worth):
    """The sum of the ``worth`` (N,) of the beliefs of the ``arms`` listed."""
    score_arms(laws, scorer, kinds, modes, beliefs, places, arms, room, worth)
    total = 0.0
    for i in arms:
        total += worth[i]
    return total


@njit(nogil=True, cache=True)
def move_arms(laws, successor, end, path, step, k0, k1, kinds, action, modes, beliefs, places, arms, after, reward):
    """One period of the ``arms`` listed; writes what each earns into ``reward`` (N,) and returns the sum.

    ``successor`` and ``end`` are where operators lead to in the tables of the rule and of the terminal value, or empty.
    """
    sizes, n_modes, first_cell, _, first_operator, next_mode, mass, operator, rewards = laws
    total = 0.0
    for i in arms:
        k = kinds[i]
        size, cell = sizes[k], first_cell[k] + action[i] * n_modes[k] + modes[i]
        reward[i] = expected(rewards, cell, beliefs, i, size)
        total += reward[i]
        op = first_operator[cell]
        if op + 1 < first_operator[cell + 1]:
            luck = arm_uniform(np.uint64(path), np.uint64(step), i, MOVE, k0, k1)
            op = happening(first_operator, mass, cell, beliefs, i, size, luck)
        filter_belief(operator, op, beliefs, i, size, after)
        modes[i] = next_mode[op]
        base = first_operator[first_cell[k]]
        if len(successor) > 0:
            places[0, i] = successor[places[0, i], op - base]
        if len(end) > 0:
            places[1, i] = end[places[1, i], op - base]
    return total


@njit(nogil=True, cache=True)
def quiet_arms(laws, kinds, modes, steps):
    """Whether nothing is seen of each arm (N,) while it is left alone for ``steps`` periods."""
    first_cell, first_operator, next_mode = laws[2], laws[4], laws[5]
    quiet = np.ones(len(kinds), dtype=np.bool_)
    for i in range(len(kinds)):
        y = modes[i]
        for _ in range(steps):
            op = first_operator[first_cell[kinds[i]] + y]
            quiet[i] &= op + 1 == first_operator[first_cell[kinds[i]] + y + 1]
            y = next_mode[op]
    return quiet


@njit(nogil=True, cache=True)
def roll_out(laws, base, worth, kinds, modes, beliefs, places, choices, steps, paths, beta, threshold, ending, k0, k1):
    """Mean value of each of the ``choices`` (C, M) of arms for the first period, over ``paths`` of ``steps`` T, shape (C,).

    ``base`` is the scorer that takes over, ``worth`` that of the terminal value, which counts if ``ending``.
    """
    n_arms, width = beliefs.shape
    after, room = np.empty(width), score_room(width)
    quiet = quiet_arms(laws, kinds, modes, steps)
    calm, loud = np.flatnonzero(quiet), np.flatnonzero(~quiet)
    # the quiet arms, period by period
    mode, belief = np.empty((steps + 1, n_arms), dtype=np.int64), np.empty((steps + 1, n_arms, width))
    place, order = np.empty((steps + 1, 2, n_arms), dtype=np.int64), np.empty((steps, len(calm)), dtype=np.int64)
    score, reward, last = np.empty((steps, n_arms)), np.zeros((steps + 1, n_arms)), np.zeros(n_arms)
    action, earned = np.zeros(n_arms, dtype=np.int64), np.empty(steps)
    mode[0], belief[0], place[0] = modes, beliefs, places
    for t in range(steps):
        score_free(laws, base, kinds, mode[t], belief[t], place[t, 0], calm, threshold, room, score[t])
        order[t] = calm[np.argsort(-score[t][calm], kind="mergesort")]
        mode[t + 1], belief[t + 1], place[t + 1] = mode[t], belief[t], place[t]
        earned[t] = move_arms(
            laws,
            base[4],
            worth[4],
            0,
            t,
            k0,
            k1,
            kinds,
            action,
            mode[t + 1],
            belief[t + 1],
            place[t + 1],
            calm,
            after,
            reward[t],
        )
    at_end = sum_worth(laws, worth, kinds, mode[steps], belief[steps], place[steps, 1], calm, room, last) if ending else 0.0
    # the arms that are followed on a path
    my_mode, my_belief, my_place = modes.copy(), beliefs.copy(), places.copy()
    my_score, spare, followed = np.empty(n_arms), np.empty(n_arms), np.empty(n_arms, dtype=np.bool_)
    listed, best = np.empty(n_arms, dtype=np.int64), np.empty(choices.shape[1], dtype=np.int64)
    value = np.zeros(len(choices))
    for c in range(len(choices)):
        for path in range(paths):
            followed[:] = False
            count, weight = 0, 1.0
            for t in range(steps + 1):
                arms = listed[:count]
                if t == 0:
                    chosen, best[:] = len(best), choices[c]
                elif t < steps:
                    score_free(laws, base, kinds, my_mode, my_belief, my_place[0], arms, threshold, room, my_score)
                    chosen = best_arms(arms, my_score, followed, order[t], score[t], best)
                else:
                    chosen = 0
                for j in range(len(loud) if t == 0 else 0):
                    count = follow(loud[j], mode[0], belief[0], place[0], my_mode, my_belief, my_place, followed, listed, count)
                for j in range(chosen):
                    action[best[j]] = 1
                    if not followed[best[j]]:
                        count = follow(
                            best[j], mode[t], belief[t], place[t], my_mode, my_belief, my_place, followed, listed, count
                        )
                arms = listed[:count]
                if t < steps:
                    total = earned[t] + move_arms(
                        laws,
                        base[4],
                        worth[4],
                        path,
                        t,
                        k0,
                        k1,
                        kinds,
                        action,
                        my_mode,
                        my_belief,
                        my_place,
                        arms,
                        after,
                        spare,
                    )
                    for i in arms:
                        total -= reward[t, i]
                        action[i] = 0
                elif ending:
                    total = at_end + sum_worth(laws, worth, kinds, my_mode, my_belief, my_place[1], arms, room, spare)
                    for i in arms:
                        total -= last[i]
                else:
                    total = 0.0
                value[c] += weight * total
                weight *= beta
    return value / paths


@njit(nogil=True, cache=True)
def follow(i, mode, belief, place, my_mode, my_belief, my_place, followed, listed, count):
    """Follow arm ``i`` from where it is now; returns the number of followed arms."""
    followed[i], listed[count] = True, i
    my_mode[i], my_belief[i] = mode[i], belief[i]
    my_place[0, i], my_place[1, i] = place[0, i], place[1, i]
    return count + 1


@njit(nogil=True, cache=True)
def best_arms(listed, mine, followed, order, score, best):
    """Write the arms of highest score into ``best`` (M,), from ``listed`` ones by ``mine`` (N,) and the others by ``score``.

    Returns how many there are; those of score minus infinity do not count.
    """
    count = 0
    for i in listed:
        count = insert(i, mine[i], mine, score, followed, best, count)
    seen = 0
    for i in order:
        if seen == len(best) or score[i] == -np.inf:
            break
        if not followed[i]:
            seen += 1
            count = insert(i, score[i], mine, score, followed, best, count)
    return count


@njit(nogil=True, cache=True)
def insert(arm, value, mine, score, followed, best, count):
    """Put ``arm`` in its place among the ``count`` ``best``, by value and then number; returns the new count."""
    if value == -np.inf:
        return count
    place = count
    while place > 0:
        other = best[place - 1]
        theirs = mine[other] if followed[other] else score[other]
        if theirs > value or (theirs == value and other < arm):
            break
        place -= 1
    if place == len(best):
        return count
    count = min(count + 1, len(best))
    for j in range(count - 1, place, -1):
        best[j] = best[j - 1]
    best[place] = arm
    return count

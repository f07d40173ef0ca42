"""Per-arm simulation of rules that score every arm afresh in each period, by luck or by meters that the arm carries.

1. Score. By luck: the first level whose cumulative chance reaches the arm's own random number. By meters: multilinear
   interpolation in the cell of the grid where the meters are; meters move little, so a cell is found from the last one.
2. Find the k-th highest score among those that reach the threshold: quickselect, whose passes have no branches, begun at the
   last period's cut.
3. Act on the arms above it; among the tied ones choose by selection sampling, which is exactly uniform.
4. Count rewards, dues and meters by the states before the move; move as in :mod:`rmab._kernels.arms_engine`.

Reference for 2: C. A. R. Hoare, "Algorithm 65: Find", Communications of the ACM 4 (1961).
Cost per step: O(N) expected, times 2**J for J meters.
"""

import numpy as np
from numba import njit

from rmab._kernels.arms_engine import TILE, advance, charge, even, start_arms, sum_up
from rmab._kernels.philox import SCORE, TIE, arm_uniform, fill_bits, open_unit


@njit(nogil=True, cache=True)
def score_by_luck(replicate, step, k0, k1, first_arm, levels, chance, state, bits, score):
    """Draw the ``score`` (N,) of each arm from its row of ``levels`` and cumulative ``chance``, both (K, S, L)."""
    last_level = levels.shape[2] - 1
    k = 0
    for tile in range(0, len(state), TILE):
        last = min(tile + TILE, len(state))
        fill_bits(np.uint64(replicate), np.uint64(step), np.uint64(tile // 2), SCORE, k0, k1, bits[: even(last - tile)])
        for i in range(tile, last):
            while first_arm[k + 1] <= i:
                k += 1
            luck, row = open_unit(bits[i - tile]), chance[k, state[i]]
            level = 0
            while level < last_level and row[level] < luck:
                level += 1
            score[i] = levels[k, state[i], level]


@njit(nogil=True, cache=True)
def score_by_meters(first_arm, grid, table, state, meters, cell, corner, score):
    """Interpolate ``table`` (K, S, G**J) at the ``meters`` (J, N) into ``score`` (N,).

    ``cell`` (J, N) holds each meter's last cell and is brought up to date; ``corner`` (2**J,) is room to work in.
    """
    n_meters, size = grid.shape
    for k in range(len(first_arm) - 1):
        for i in range(first_arm[k], first_arm[k + 1]):
            base = 0
            for j in range(n_meters):
                points, z, c = grid[j], meters[j, i], cell[j, i]
                while c < size - 2 and z >= points[c + 1]:
                    c += 1
                while c > 0 and z < points[c]:
                    c -= 1
                cell[j, i] = c
                base = base * size + c
            read_corners(table[k, state[i]], base, size, n_meters, corner)
            half = len(corner)
            for j in range(n_meters):
                half //= 2
                points, c = grid[j], cell[j, i]
                share = (meters[j, i] - points[c]) / (points[c + 1] - points[c])
                for m in range(half):
                    corner[m] += share * (corner[m + half] - corner[m])
            score[i] = corner[0]


@njit(inline="always")
def read_corners(row, base, size, n_meters, corner):
    """The table at the corners of the cell that begins at ``base``; the first meter is the highest bit of a corner's number."""
    for m in range(len(corner)):
        offset, stride = 0, 1
        for b in range(n_meters):
            offset += ((m >> b) & 1) * stride
            stride *= size
        corner[m] = row[base + offset]


@njit(nogil=True, cache=True)
def find_score_cut(score, threshold, budget, guess, left):
    """Where the budget ends: ``(cut, needed, tied)``, to act above ``cut`` and on ``needed`` of the ``tied`` arms at it.

    Only scores of at least ``threshold`` count. ``guess`` is where to cut first; ``left`` (N,) is room to work in.
    """
    if budget == 0:
        return np.inf, 0, 0
    n = 0
    for value in score:
        left[n] = value
        n += value >= threshold
    if n <= budget:
        tied = 0
        for value in left[:n]:
            tied += value == threshold
        return threshold, tied, tied
    wanted, pivot = budget, guess
    while True:
        above, tied = 0, 0
        for value in left[:n]:
            above += value > pivot
            tied += value == pivot
        if above < wanted <= above + tied:
            return pivot, wanted - above, tied
        kept = 0
        if wanted <= above:
            for value in left[:n]:
                left[kept] = value
                kept += value > pivot
        else:
            wanted -= above + tied
            for value in left[:n]:
                left[kept] = value
                kept += value < pivot
        n = kept
        low, high, middle = min(left[0], left[n - 1]), max(left[0], left[n - 1]), left[n // 2]
        pivot = min(max(middle, low), high)


@njit(nogil=True, cache=True)
def act_above(replicate, step, k0, k1, cut, needed, tied, score, action):
    """Set ``action`` (N,) to 1 for scores above ``cut`` and for ``needed`` of the ``tied`` arms at it, else 0."""
    for i in range(len(score)):
        action[i] = score[i] > cut
        if score[i] == cut and needed > 0:
            # when all of the tied arms are needed no draw can fail
            if needed == tied or arm_uniform(np.uint64(replicate), np.uint64(step), i, TIE, k0, k1) * tied < needed:
                action[i] = 1
                needed -= 1
            tied -= 1


@njit(nogil=True, cache=True)
def collect(first_arm, rewards, state, action, occupancy):
    """Reward and number of activations of one period; adds to ``occupancy`` (S,)."""
    total, acted = 0.0, 0
    for k in range(len(first_arm) - 1):
        reward = rewards[k]
        for i in range(first_arm[k], first_arm[k + 1]):
            total += reward[action[i], state[i]]
            acted += action[i]
            occupancy[state[i]] += 1
    return total, acted


@njit(nogil=True, cache=True)
def move_meters(first_arm, increments, floor, ceiling, state, action, meters):
    """Add the ``increments`` (J, K, A, S) of one period to the ``meters`` (J, N), and keep them within their limits (J,)."""
    for j in range(len(floor)):
        for k in range(len(first_arm) - 1):
            added = increments[j, k]
            for i in range(first_arm[k], first_arm[k + 1]):
                meters[j, i] = min(max(meters[j, i] + added[action[i], state[i]], floor[j]), ceiling[j])


@njit(nogil=True, cache=True)
def run_scored(first, k0, k1, first_arm, fixed, start, moves, rewards, dues, rule, budget, threshold, record):
    """Simulate replicates ``first, first + 1, ...`` of a rule that scores, one per row of the ``record``.

    ``rule`` is a pair: (levels, chance), both (K, S, L), with ``L = 0`` if the rule goes by meters; and their grid (J, G),
    table (K, S, G**J), increments (J, K, A, S), start (J, K), and limits, floor and ceiling (J,).
    All else is as in :func:`rmab._kernels.arms_engine.run_arms`.
    """
    levels, chance = rule[0]
    grid, table, increments, begin, floor, ceiling = rule[1]
    costs, weight = dues
    reward, acted, occupancy, excess, violation = record
    n_arms, n_meters = first_arm[-1], len(grid)
    state, action = np.empty(n_arms, dtype=np.int32), np.empty(n_arms, dtype=np.int32)
    score, left = np.empty(n_arms), np.empty(n_arms)
    meters, cell, corner = np.empty((n_meters, n_arms)), np.zeros((n_meters, n_arms), dtype=np.int64), np.empty(1 << n_meters)
    bits = np.empty(TILE, dtype=np.uint64)
    owed = np.empty((len(costs), n_arms))
    cut = 0.0
    for i in range(reward.shape[0]):
        start_arms(first + i, k0, k1, first_arm, fixed, start, state, bits)
        owed[:] = 0.0
        for k in range(len(first_arm) - 1):
            meters[:, first_arm[k] : first_arm[k + 1]] = begin[:, k : k + 1]
        for t in range(reward.shape[1]):
            if levels.shape[2] > 0:
                score_by_luck(first + i, t, k0, k1, first_arm, levels, chance, state, bits, score)
            else:
                score_by_meters(first_arm, grid, table, state, meters, cell, corner, score)
            cut, needed, tied = find_score_cut(score, threshold, budget, cut, left)
            act_above(first + i, t, k0, k1, cut, needed, tied, score, action)
            reward[i, t], acted[i, t] = collect(first_arm, rewards, state, action, occupancy[t])
            charge(weight[t], costs, first_arm, state, action, owed)
            move_meters(first_arm, increments, floor, ceiling, state, action, meters)
            advance(first + i, t, k0, k1, first_arm, moves[0], moves[1], state, action, bits, None, None)
        sum_up(first_arm, owed, excess[i], violation[i])

"""What one arm with a hidden state does in one period, on its exact belief, and the score that a rule gives it.

An arm of type k in mode y under action a has *operators* M, one for every next mode and signal that can follow: with b its
belief, an operator has probability ``b @ M @ 1`` and leaves the belief ``b @ M`` divided by it. Arrays of types with fewer
states than the most, W, are padded with zeros.

``laws`` is (size, n_modes, first_cell, free, first_operator, next_mode, mass, operator, reward). Types have ``size`` states and
``n_modes`` modes, both (K,). The cell ``first_cell[k] + a * n_modes[k] + y`` says whether the action is ``free`` to choose
(C,), its ``reward`` (C, W), and its operators: from ``first_operator[cell]`` up to the next cell's, each with the mode it leads
to (O,), its row sums ``mass`` (O, W) and its matrix (O, W, W). Operators that are all zero are left out.

``scorer`` is (kind, weight, points, values, successor, graph, first_mode, mesh): the kind of rule, the weights (K, Y, W) of a
linear one; and for those that look tables up, the nodes of all tables (P, W), their values (P,), the node that each operator of
a type, in order, leads to (P, most operators of a type), and nodes near by (P, G). A rule that interpolates has, instead of the
last two, a ``mesh`` of all tables (:mod:`rmab._kernels.triangulation`), in which the modes of type k count from
``first_mode[k]``. Where an arm was looked up is its *place*: a node, or a simplex of the mesh.

Kernels unpack these tuples before their loops: within, each access would count references.
Cost: S products per operator that may happen, S**2 for the one that does, and S per node visited or S**3 per simplex.
"""

import numpy as np
from numba import njit

from rmab._kernels.belief_tree import IMPOSSIBLE
from rmab._kernels.nearest_belief import track
from rmab._kernels.triangulation import locate

LINEAR = 0
NEAREST = 1
MERGED = 2
INTERPOLATE = 3


@njit(nogil=True, cache=True)
def expected(table, row, beliefs, i, size):
    """The mean of a ``row`` of ``table`` under the belief ``beliefs[i]``, of which the first ``size`` entries count."""
    total = 0.0
    for s in range(size):
        total += table[row, s] * beliefs[i, s]
    return total


@njit(nogil=True, cache=True)
def happening(first_operator, mass, cell, beliefs, i, size, luck):
    """The operator of ``cell`` that a uniform number ``luck`` picks for an arm with the belief ``beliefs[i]``."""
    chosen, left = first_operator[cell], luck
    for op in range(first_operator[cell], first_operator[cell + 1]):
        chance = expected(mass, op, beliefs, i, size)
        if chance > IMPOSSIBLE:
            chosen = op
            left -= chance
            if left < 0.0:
                break
    return chosen


@njit(nogil=True, cache=True)
def filter_belief(operator, op, beliefs, i, size, after):
    """Make of the belief ``beliefs[i]`` what it is after the operator ``op``; ``after`` (W,) is room to work in."""
    for t in range(size):
        after[t] = 0.0
    for s in range(size):
        share = beliefs[i, s]
        for t in range(size):
            after[t] += share * operator[op, s, t]
    total = 0.0
    for t in range(size):
        total += after[t]
    total = 1.0 / total
    for t in range(size):
        beliefs[i, t] = after[t] * total


@njit(nogil=True, cache=True)
def score_room(width):
    """What :func:`score_arms` needs to work in, for arms of at most ``width`` states."""
    return np.empty(width), np.empty((width, width + 1))


@njit(nogil=True, cache=True)
def score_arms(laws, scorer, kinds, modes, beliefs, places, arms, room, score):
    """The ``score`` (N,) of the ``arms`` listed, and their ``places`` (N,) where they were looked up, near the last ones."""
    sizes = laws[0]
    rule, weight, points, values, _, graph, first_mode, mesh = scorer
    if rule == LINEAR:
        for i in arms:
            k, y, total = kinds[i], modes[i], 0.0
            for s in range(sizes[k]):
                total += weight[k, y, s] * beliefs[i, s]
            score[i] = total
    elif rule == INTERPOLATE:
        for i in arms:
            k = kinds[i]
            score[i], places[i] = interpolated(
                values, first_mode[k] + modes[i], beliefs[i, : sizes[k]], places[i], mesh, room[0], room[1]
            )
    else:
        if rule == NEAREST:
            for i in arms:
                places[i] = track(beliefs[i], places[i], points, graph)
        for i in arms:
            score[i] = values[places[i]]


@njit(nogil=True, cache=True)
def interpolated(values, mode, belief, simplex, mesh, shares, work):
    """The ``values`` (P,) at the corners of the simplex of ``mesh`` around a belief, weighed, and that simplex."""
    weights = shares[: len(belief)]
    simplex = locate(belief, mode, simplex, mesh, weights, work)
    total = 0.0
    for s in range(len(belief)):
        total += weights[s] * values[mesh[1][simplex, s]]
    return total, simplex

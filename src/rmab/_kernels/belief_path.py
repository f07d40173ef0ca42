"""One path of the belief of an arm that is acted on at random."""

import numpy as np
from numba import njit

from rmab._kernels.belief_tree import possible


@njit(nogil=True, cache=True)
def belief_path(kernel, allowed, start, mode, activity, uniforms):
    """Beliefs (T, S) and modes (T,) after each period; ``uniforms`` (T, 2) choose the action and the signal.

    Every action but 0 has the same share of ``activity``; one that the mode forbids is replaced by waiting.
    """
    n_states = len(start)
    moves = possible(kernel, allowed)
    beliefs = np.empty((len(uniforms), n_states))
    modes = np.empty(len(uniforms), dtype=np.int64)
    belief, after = start.copy(), np.empty(n_states)
    for t in range(len(uniforms)):
        action = 0
        if uniforms[t, 0] < activity:
            action = 1 + min(int(uniforms[t, 0] / activity * (kernel.shape[0] - 1)), kernel.shape[0] - 2)
        if not allowed[mode, action]:
            action = 0
        left, chosen, best = uniforms[t, 1], -1, -1.0
        for m in range(len(moves)):
            if moves[m, 0] == action and moves[m, 1] == mode:
                chance = (belief @ kernel[action, mode, moves[m, 2], moves[m, 3]]).sum()
                left -= chance
                if chance > best or left < 0.0:  # rounding may leave a rest: then the likeliest
                    chosen, best = m, chance
                if left < 0.0:
                    break
        after[:] = belief @ kernel[action, mode, moves[chosen, 2], moves[chosen, 3]]
        belief[:] = after / after.sum()
        mode = moves[chosen, 2]
        beliefs[t] = belief
        modes[t] = mode
    return beliefs, modes

"""Arms with hidden states for tests, and what a rule earns on them by adding up everything that can be seen."""

from itertools import combinations, product

import numpy as np

from rmab.hidden.arms import HiddenArms


def random_hidden(seed, *, actions=2, modes=1, signals=2, states=2, blind=True, allowed=None):
    """A random joint kernel; with ``blind`` waiting shows nothing."""
    rng = np.random.default_rng(seed)
    kernel = rng.dirichlet(np.ones(modes * signals * states), (actions, modes, states))
    kernel = np.moveaxis(kernel.reshape(actions, modes, states, modes, signals, states), 2, 4)
    if blind:
        kernel[0, :, :, 0] = kernel[0].sum(axis=2)
        kernel[0, :, :, 1:] = 0
    return HiddenArms.from_kernel(kernel, rng.normal(size=(actions, modes, states)), allowed=allowed)


def level_means(seed, states):
    """An arm whose best guess and whose need to look compete: all arms earn about the same if acted on always."""
    rng = np.random.default_rng(seed)
    stay = rng.uniform(0.3, 0.9)
    moves = stay * np.eye(states) + (1 - stay) * rng.dirichlet(np.ones(states), states)
    errors = 0.8 * np.eye(states) + 0.2 * rng.dirichlet(np.ones(states), states)
    rewards = np.diag(errors) * np.sort(rng.random(states) ** rng.uniform(0.5, 4))
    arm = HiddenArms([moves, moves], [np.zeros(states), rewards], [np.eye(states)[[0] * states], errors])
    return HiddenArms(
        [moves, moves],
        [np.zeros(states), rewards * rng.uniform(0.8, 1.2) / (arm.stationary() @ rewards)],
        [np.eye(states)[[0] * states], errors],
    )


def enumerated(problem, score, threshold, steps):
    """Mean reward and activations of every period, exactly: ``score(k, mode, belief)``, ties chosen uniformly."""
    kinds = problem.type_of_arm
    start = tuple((int(problem.start_modes[k]), tuple(problem.start[k])) for k in kinds)
    chance, reward, acted = {start: 1.0}, np.zeros(steps), np.zeros(steps)
    for t in range(steps):
        after = {}
        for known, weight in chance.items():
            for actions, share in choices(problem, kinds, known, score, threshold):
                reward[t] += (
                    weight
                    * share
                    * sum(problem.arms[k].rewards[a, y] @ b for k, a, (y, b) in zip(kinds, actions, known, strict=True))
                )
                acted[t] += weight * share * sum(actions)
                outcomes = [seen(problem.arms[k], a, y, b) for k, a, (y, b) in zip(kinds, actions, known, strict=True)]
                for joint in product(*outcomes):
                    state = tuple(next_state for _, next_state in joint)
                    p = weight * share * np.prod([q for q, _ in joint])
                    after[state] = after.get(state, 0.0) + p
        chance = after
    return reward, acted


def choices(problem, kinds, known, score, threshold):
    """The possible actions of all arms and their probabilities."""
    scores = [score(k, y, np.array(b)) for k, (y, b) in zip(kinds, known, strict=True)]
    exactly = problem.budget.exactly
    free = [
        i
        for i, (k, (y, _)) in enumerate(zip(kinds, known, strict=True))
        if problem.arms[k].allowed[y, 1] and (exactly or scores[i] >= threshold)
    ]
    k = min(problem.budget.k, len(free))
    ranked = sorted((scores[i] for i in free), reverse=True)
    cut = ranked[k - 1] if k else np.inf
    sure = [i for i in free if scores[i] > cut]
    tied = [i for i in free if scores[i] == cut]
    picks = list(combinations(tied, k - len(sure)))
    return [(tuple(int(i in sure or i in pick) for i in range(len(kinds))), 1 / len(picks)) for pick in picks]


def seen(arm, action, mode, belief):
    """What can be seen of one arm next: probabilities, and next modes with beliefs."""
    result = []
    for mode2, signal in np.ndindex(arm.n_modes, arm.n_signals):
        v = np.array(belief) @ arm.kernel[action, mode, mode2, signal]
        if v.sum() > 1e-14:
            result.append((v.sum(), (mode2, tuple(v / v.sum()))))
    return result


class Copy:
    """A policy on beliefs hidden behind its actions, as a user's own policy would be."""

    def __init__(self, policy):
        self.policy = policy

    def actions(self, problem, information, *, step=0, rng=None):
        return self.policy.actions(problem, information, step=step, rng=rng)


def within(outcome, expected, sigmas=4.5):
    """Whether the mean reward of every period is as expected, but for the noise of the simulation."""
    half = (outcome.curve_interval[:, 1] - outcome.curve) / 1.96
    return bool((np.abs(outcome.curve - expected) <= sigmas * half + 1e-12).all())

"""Follow the virtual advice: every arm has a virtual twin that ignores the budget, and does what its twin does if it can.

The single-arm policy pi of the fluid LP (see :mod:`rmab.policies.randomised_lp`) meets the budget on average. Arms that all
followed it would be independent and share out the budget up to O(sqrt(N)); but arms that are refused drift away. So each arm
keeps a *virtual state* that moves as if nothing was ever refused:

1. At step 0 the virtual state is the real one.
2. Each period the virtual state draws an action from pi.
3. Arms take their virtual actions as far as the budget allows: arms whose virtual and real states agree come first, and within
   both groups a fixed order of the arms that mixes the types.
4. An arm that agrees and takes its virtual action moves together with its twin. Any other twin moves on its own, by the same
   transition law, until the two states meet again.

Nothing is assumed about the dynamics of priority policies: if two copies of an arm that take the same actions meet in finite
mean time, the gap to the bound is O(1/sqrt(N)) per arm.

Where pi is not given by the LP, in states that the relaxed optimum never visits, it is completed so that arms reach the states
it does visit. The notes (virtual states, last actions) start afresh at step 0; a policy asked for anything but the next period,
or shown states that cannot follow the last ones, raises.

Reference: Y. Hong, Q. Xie, Y. Chen, W. Wang, Restless bandits with average reward: breaking the uniform global attractor
assumption, NeurIPS (2023). Cost: one linear program when it is made; O(N) per period.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmab.errors import ModelError
from rmab.models.problem import Problem
from rmab.policies.base import checked_states
from rmab.policies.id_policy import check_average, mixed_order
from rmab.policies.randomised_lp import check_same, follow, single_arm_plan


class VirtualAdvice:
    """Every arm does what its virtual twin does, as far as the budget allows.

    Parameters
    ----------
    problem : Problem
        Two actions; average criterion. The program is solved here, once.

    Raises
    ------
    ModelError
        If the criterion is not the average one or there are more than two actions.
    NotConverged
        If the program or its price cannot be solved.

    Examples
    --------
    >>> from rmab.models.arms import Arms
    >>> from rmab.models.budget import TopK
    >>> from rmab.models.criterion import Average
    >>> arms = Arms([[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]], [[0, 1], [0, 1]], multiplicity=[10])
    >>> problem = Problem(arms, TopK(2), Average())
    >>> policy = VirtualAdvice(problem)
    >>> policy.actions(problem, np.array([0, 1] * 5), step=0, rng=np.random.default_rng(1)).sum()
    np.int64(2)
    """

    def __init__(self, problem: Problem) -> None:
        check_average(problem, "VirtualAdvice")
        self.problem = problem
        self.plan = single_arm_plan(problem)
        self._order = mixed_order(problem, self.plan)
        self._cumulative = np.cumsum(problem.arms.unit_rows, axis=-1)
        self._memory = Memory.blank()
        self._virtual = np.empty(0, dtype=np.int64)
        self._advice = np.empty(0, dtype=bool)

    def actions(
        self, problem: Problem, states: NDArray[np.int64], *, step: int = 0, rng: np.random.Generator | None = None
    ) -> NDArray[np.int64]:
        """The action of each arm, shape ``(N,)``; periods must be asked for in order, from 0.

        Raises
        ------
        ModelError
            If there is not one valid state per arm, the policy was made for another problem, or ``step`` or ``states`` do not
            follow those of the last call.
        """
        check_same(problem, self.problem)
        rng = np.random.default_rng(rng)
        given = checked_states(problem, states)
        cells = self.plan.cells(given)
        self._memory.check(problem, given, step)
        self._virtual = given if step == 0 else self._moved(given, rng)
        advice = self.plan.wishes(self.plan.cells(self._virtual), rng)
        agrees = (self._virtual == given)[self._order]
        order = np.concatenate([self._order[agrees], self._order[~agrees]])
        actions = follow(advice, order, problem.budget, self.plan.useful(cells))
        self._advice = advice
        self._memory = Memory(step, given, actions)
        return actions

    def _moved(self, given: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """The virtual states one period on: the real ones for arms that moved together, else drawn."""
        virtual, advice = self._virtual, self._advice
        alone = np.flatnonzero((virtual != self._memory.states) | (advice != self._memory.actions))
        moved = given.copy()
        rows = self._cumulative[self.plan.type_of_arm[alone], advice[alone].astype(np.int64), virtual[alone]]
        moved[alone] = (rng.random(len(alone))[:, np.newaxis] >= rows[:, :-1]).sum(axis=1)
        return moved


@dataclass(frozen=True, eq=False)
class Memory:
    """What a policy with notes remembers of the last period: its number, and states and actions, shape ``(N,)``."""

    step: int
    states: NDArray[np.int64]
    actions: NDArray[np.int64]

    @classmethod
    def blank(cls) -> Memory:
        """Nothing remembered: only period 0 can follow."""
        return cls(-2, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    def check(self, problem: Problem, states: NDArray[np.int64], step: int) -> None:
        """Raise :class:`ModelError` unless ``step`` is 0, or the next period in states that can follow the last."""
        if step == 0:
            return
        if step != self.step + 1:
            last = f"period {self.step}" if self.step >= 0 else "no period at all"
            raise ModelError(
                f"this policy keeps notes: asked for period {step} after {last}; ask for every period in order, from 0"
            )
        arms = problem.arms
        lost = np.flatnonzero(arms.transitions[arms.type_of_arm, self.actions, self.states, states] <= 0)
        if len(lost):
            raise ModelError(
                f"in period {step} arm {lost[0]} is in state {states[lost[0]]}, which cannot follow its state and action in "
                f"period {self.step}; this policy keeps notes: start every run at step 0, and use one policy per run at a time"
            )

"""Runs of arms with hidden states: repeatable, within the budget, the same in every form; and errors that say what is wrong."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from oracles.hidden_play import Copy, level_means, random_hidden
from rmab._kernels.hidden_arm import happening, score_arms, score_room
from rmab._kernels.hidden_engine import advance_hidden, follow_places
from rmab.errors import InfeasibleBudget, ModelError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.baselines import Myopic, NoAction, RoundRobin, Uniform
from rmab.policies.belief import BeliefPolicy
from rmab.policies.belief_arrays import pack_laws, pack_rule, places_of
from rmab.policies.belief_index import BeliefIndexPolicy
from rmab.policies.belief_information import Information
from rmab.policies.belief_rules import TableScore
from rmab.policies.index import IndexPolicy
from rmab.simulation.engine import Workers
from rmab.simulation.hidden import simulate_hidden
from rmab.simulation.run import compare, simulate

FIELDS = ("rewards", "curve", "activations", "states", "violation", "excess")


def three_types(budget=None, criterion=None, *, blind=True):
    """Types of two, three and four hidden states, the second with a mode that forbids acting."""
    sometimes = np.array([[True, True], [True, False]])
    arms = [
        random_hidden(1, states=2, blind=blind),
        random_hidden(2, states=3, modes=2, allowed=sometimes, blind=blind),
        random_hidden(3, states=4, signals=3, blind=blind),
    ]
    start = [np.full(arm.n_states, 1 / arm.n_states) for arm in arms]
    return HiddenProblem(arms, budget or TopK(4), criterion or Average(), multiplicity=[5, 6, 4], start=start)


def spaces_of(problem, closure="nearest", merge=0.05):
    return [
        arm.reachable(law, depth=6, merge=merge, closure=closure) for arm, law in zip(problem.arms, problem.start, strict=True)
    ]


def table_policy(problem, *, closure="nearest", lookup="nearest", merge=0.05):
    spaces = spaces_of(problem, closure, merge)
    rng = np.random.default_rng(4)
    return BeliefIndexPolicy(spaces, [rng.normal(size=len(space.nodes)) for space in spaces], lookup=lookup, threshold=-1.0)


@pytest.mark.parametrize("engine", ["beliefs", "states"])
@pytest.mark.parametrize("blind", [True, False])
def test_runs_are_bit_identical_over_threads_chunks_and_executors(engine, blind):
    problem = three_types(blind=blind)
    policy = table_policy(problem)
    size = {"steps": 30, "replicates": 37, "rng": 5, "engine": engine}
    one = simulate(problem, policy, threads=1, **size)
    with ThreadPoolExecutor(3) as pool:
        others = [simulate(problem, policy, threads=2, **size), simulate(problem, policy, executor=pool, **size)]
    for other in others:
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    parts = [
        simulate_hidden(
            problem, policy, steps=30, replicates=37, number=5, workers=Workers(1, chunk=chunk), sampled=engine == "states"
        )
        for chunk in (1, 5, 37)
    ]
    for part in parts[1:]:
        for mine, first in zip(part, parts[0], strict=True):
            np.testing.assert_array_equal(mine, first)


@pytest.mark.parametrize("engine", ["beliefs", "states"])
@pytest.mark.parametrize("lookup", ["nearest", "interpolate"])
@pytest.mark.parametrize("blind", [True, False])
def test_the_kernel_does_what_actions_do_with_an_exhaustive_search(engine, lookup, blind):
    """One arm of each kind, so that nothing ties; exact nearest nodes and interpolation of all beliefs at once on one side."""
    arms = [random_hidden(seed, states=2 + seed % 2, blind=blind) for seed in range(6)]
    problem = HiddenProblem(arms, TopK(2), Average())
    policy = table_policy(problem, closure="linear", lookup=lookup, merge=0.03)
    size = {"steps": 100, "replicates": 4, "rng": 3, "engine": engine}
    kernel, own = simulate(problem, policy, **size), simulate(problem, Copy(policy), **size)
    np.testing.assert_array_equal(kernel.activations, own.activations)
    np.testing.assert_allclose(kernel.curve, own.curve, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(kernel.states, own.states, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("states", "merge", "share"), [(2, 0.01, 0.0), (3, 0.04, 0.02), (4, 0.1, 0.02)])
def test_tracked_nodes_are_nearly_always_the_nearest(states, merge, share):
    """On a line descent over neighbours cannot miss. Elsewhere it may, where a signal leads away from the set of nodes."""
    arms = [level_means(seed, states) for seed in range(10)]
    problem = HiddenProblem(arms, TopK(2), Average())
    spaces = spaces_of(problem, merge=merge)
    assert share_missed(problem, TableScore(spaces, [space.nodes[:, 0] for space in spaces]), steps=200) <= share


def share_missed(problem, rule, steps):
    """Share of look-ups of the kernel that end at a node farther than the nearest, under random actions."""
    laws, scorer, known = tuple(pack_laws(problem)), tuple(pack_rule(problem, rule)), Information.at_start(problem)
    mode, belief, place = known.modes.copy(), known.beliefs.copy(), places_of(problem, known, rule)
    n, width, kinds = problem.n_arms, problem.n_states, problem.type_of_arm
    first = np.concatenate([[0], np.cumsum(problem.multiplicity)])
    score, passed, missed, rng = np.empty(n), np.empty(n, dtype=np.int64), 0, np.random.default_rng(1)
    for t in range(steps):
        score_arms(laws, scorer, kinds, mode, belief, place, np.arange(n), score_room(width), score)
        nearest = places_of(problem, Information(mode, belief), rule)
        missed += (distance(scorer, place, belief) > distance(scorer, nearest, belief)).sum()
        action = np.zeros(n, dtype=np.int32)
        action[rng.choice(n, problem.budget.k, replace=False)] = 1
        room = np.empty(n, dtype=np.int64), action, passed, np.empty(0, dtype=np.uint64), np.empty(width), np.empty(width)
        advance_hidden(0, t, np.uint64(1), np.uint64(2), first, laws, False, mode, belief, *room)
        follow_places(first, laws, scorer, passed, place)
    return missed / (steps * n)


def distance(scorer, places, beliefs):
    return ((scorer[2][places] - beliefs) ** 2).sum(axis=1)


def test_merged_nodes_are_followed_from_the_start():
    """With every belief a node, following nodes is looking beliefs up; and period by period it cannot be done."""
    arms = [random_hidden(seed) for seed in range(3)]
    problem = HiddenProblem(arms, TopK(1), Horizon(4))
    spaces = [arm.reachable(law, depth=5, merge=0.0, closure="nearest") for arm, law in zip(arms, problem.start, strict=True)]
    values = [np.sin((4 + k) * space.nodes[:, 0]) for k, space in enumerate(spaces)]
    nearest, merged = (
        simulate(problem, BeliefIndexPolicy(spaces, values, lookup=lookup), replicates=50, rng=1)
        for lookup in ("nearest", "merged")
    )
    np.testing.assert_allclose(nearest.rewards, merged.rewards, rtol=1e-12)
    with pytest.raises(ModelError, match="needs the whole history"):
        simulate(problem, Copy(BeliefIndexPolicy(spaces, values, lookup="merged")), replicates=1, rng=1)


def test_interpolation_on_a_lattice_runs_outside_of_the_kernel():
    problem = three_types()
    policy = table_policy(problem, closure="freudenthal", lookup="interpolate", merge=0.1)
    one, other = (simulate(problem, each, steps=5, replicates=2, rng=1) for each in (policy, Copy(policy)))
    np.testing.assert_array_equal(one.rewards, other.rewards)


@pytest.mark.parametrize("policy", [Myopic(), Uniform(), RoundRobin(), table_policy(three_types())])
@pytest.mark.parametrize("engine", ["beliefs", "states"])
def test_budgets_are_kept_and_compulsory_ones_used(policy, engine):
    few = three_types(TopK(3))
    assert (simulate(few, policy, steps=20, replicates=5, rng=0, engine=engine).activations <= 3).all()
    all_but_some = three_types(TopK(14, exactly=True))
    outcome = simulate(all_but_some, policy, steps=20, replicates=5, rng=0, engine=engine)
    # of fifteen arms six may be in a mode in which they cannot be acted on; at the start none is
    assert outcome.activations[0] == 14
    assert ((outcome.activations >= 9) & (outcome.activations <= 14)).all()
    assert (outcome.activations < 14).any()


def test_an_arm_whose_mode_forbids_acting_is_left_alone():
    """Acting pays a million where it is forbidden; what is booked there is what waiting pays."""
    kernel = np.zeros((2, 2, 2, 1, 1, 1))
    kernel[:, 0, 1] = kernel[:, 1, 0] = 1.0  # available in every second period
    arm = HiddenArms.from_kernel(kernel, [[[0.0], [0.0]], [[1.0], [1e6]]], allowed=[[True, True], [True, False]])
    for budget in (TopK(2), TopK(2, exactly=True)):
        problem = HiddenProblem(arm, budget, Horizon(4), multiplicity=[3])
        for policy in (Myopic(), Uniform(), RoundRobin(), Copy(Myopic())):
            outcome = simulate(problem, policy, replicates=2, rng=0)
            np.testing.assert_array_equal(outcome.curve, [2.0, 0.0, 2.0, 0.0])
            np.testing.assert_array_equal(outcome.activations, [2.0, 0.0, 2.0, 0.0])


def test_policies_are_compared_on_the_same_signals():
    problem = three_types(criterion=Discounted(0.9))
    table = compare(problem, {"a": Myopic(), "b": Copy(Myopic()), "none": NoAction()}, steps=40, replicates=30, rng=9)
    single = HiddenProblem(problem.arms, TopK(1), Average(), start=problem.start)
    paired = compare(single, {"a": Myopic(), "b": Copy(Myopic())}, steps=40, replicates=10, rng=9)
    assert paired.difference("a", "b").interval == pytest.approx((0.0, 0.0), abs=1e-12)
    assert table.best in ("a", "b")
    assert "none" in str(table)


def test_outcomes_of_every_criterion():
    for criterion, extra in ((Discounted(0.9), {"steps": 20}), (Average(), {"steps": 20, "burn_in": 5}), (Horizon(20), {})):
        problem = three_types(criterion=criterion)
        done = []
        outcome = simulate(
            problem, Myopic(), replicates=12, rng=1, progress=lambda i, n, done=done: done.append((i, n)), **extra
        )
        weights = 0.1 * 0.9 ** np.arange(20) if isinstance(criterion, Discounted) else np.full(20, 1 / 20)
        weights = np.where(np.arange(20) >= 5, 1 / 15, 0) if isinstance(criterion, Average) else weights
        assert outcome.mean == pytest.approx(outcome.curve @ weights)
        assert outcome.states.shape == (20, 4)
        np.testing.assert_allclose(outcome.states.sum(axis=1), 1.0, rtol=0, atol=1e-12)
        assert outcome.violation.shape == (3,)
        assert outcome.excess.shape == (0, 3)
        assert not outcome.violation.any()
        assert outcome.mean_violation == 0.0
        assert done[-1] == (12, 12)
        assert outcome.gap(outcome.mean + 1).value > 0
        largest = sum(m * np.abs(arm.rewards).max() for m, arm in zip(problem.multiplicity, problem.arms, strict=True))
        assert outcome.truncation == pytest.approx(0.9**20 * largest if isinstance(criterion, Discounted) else 0.0)
        assert "beliefs engine" in str(outcome)


def test_types_share_operators_and_tables():
    arm = random_hidden(0)
    problem = HiddenProblem([arm, arm, random_hidden(1)], TopK(1), Average())
    spaces = spaces_of(problem)
    shared = TableScore([spaces[0], spaces[0], spaces[2]], [space.nodes[:, 0] for space in (spaces[0], spaces[0], spaces[2])])
    laws = pack_laws(problem)
    assert laws.first_cell[0] == laws.first_cell[1] != laws.first_cell[2]
    assert len(pack_rule(problem, shared).values) == 2 * len(spaces[0].nodes) + len(spaces[2].nodes)
    single = HiddenProblem([arm, arm], TopK(1), Average())
    assert len(pack_rule(single, TableScore(spaces[0], spaces[0].nodes[:, 0])).values) == len(spaces[0].nodes)


def test_signals_that_cannot_be_seen_are_never_drawn():
    mass = np.array([[0.0, 1.0], [0.5, 0.0], [0.5, 0.0]])
    belief = np.array([[1.0, 0.0]])
    drawn = {happening(np.array([0, 3]), mass, 0, belief, 0, 2, luck) for luck in np.linspace(0.0, 1.0, 101)}
    assert drawn == {1, 2}


class Fixed:
    def __init__(self, actions):
        self.given = actions

    def actions(self, problem, information, *, step=0, rng=None):
        return self.given


@pytest.mark.parametrize(
    ("actions", "error", "match"),
    [
        ([1, 1], ModelError, "must return 3 whole numbers"),
        ([0, 2, 0], ModelError, "gives arm 1 action 2"),
        ([1, 1, 0], InfeasibleBudget, "acts on 2 arms, but the budget is exactly 1"),
        ([0, 0, 0], InfeasibleBudget, "acts on 0 arms, but the budget is exactly 1"),
        ([0, 0, 1], ModelError, "gives arm 2 action 1, which its mode 1 does not allow"),
    ],
)
def test_wrong_actions_are_refused(actions, error, match):
    arm = random_hidden(2, modes=2, allowed=np.array([[True, True], [True, False]]))
    problem = HiddenProblem(
        [arm, arm], TopK(1, exactly=True), Average(), multiplicity=[2, 1], start=[0.5, 0.5], start_modes=[0, 1]
    )
    with pytest.raises(error, match=match):
        simulate(problem, Fixed(actions), steps=2, replicates=1, rng=0)


def test_errors_name_the_remedy():
    problem = three_types()
    plain = Problem(Arms([[[1.0]]] * 2, [[0.0], [1.0]], multiplicity=[2]), TopK(1), Average())
    run = {"steps": 2, "replicates": 1, "rng": 0}
    with pytest.raises(ModelError, match="use BeliefIndexPolicy"):
        simulate(problem, IndexPolicy([[1.0]]), **run)
    with pytest.raises(ModelError, match="unknown engine 'counts' for hidden states"):
        simulate(problem, Myopic(), engine="counts", **run)
    with pytest.raises(ModelError, match="unknown engine 'beliefs'"):
        simulate(plain, Myopic(), engine="beliefs", **run)
    with pytest.raises(ModelError, match="must be a HiddenProblem"):
        simulate(plain, table_policy(problem), **run)
    with pytest.raises(ModelError, match="write Problem"):
        simulate("problem", Myopic(), **run)
    with pytest.raises(ModelError, match="type 0 are for"):
        simulate(problem, table_policy(HiddenProblem(problem.arms[::-1], TopK(1), Average(), start=problem.start[::-1])), **run)
    with pytest.raises(InfeasibleBudget, match="no action is not allowed"):
        simulate(three_types(TopK(1, exactly=True)), NoAction(), **run)

    class Wrong(BeliefPolicy):
        def belief_rule(self, problem):
            return "a rule"

    with pytest.raises(ModelError, match="must be a LinearScore or a TableScore, got str"):
        simulate(problem, Wrong(), **run)

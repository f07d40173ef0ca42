"""Rules and policies on beliefs: against formulas, dense dynamic programming and rollouts that follow every arm."""

import numpy as np
import pytest

from oracles.hidden_play import Copy, level_means, random_hidden
from rmab._kernels.philox import MOVE, arm_uniform
from rmab.bound.hidden import hidden_bound
from rmab.bound.informed import fib, qmdp
from rmab.bound.sawtooth import sawtooth
from rmab.errors import ModelError
from rmab.hidden.arms import HiddenArms
from rmab.hidden.problem import HiddenProblem
from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.budget import TopK
from rmab.models.criterion import Average, Discounted, Horizon
from rmab.models.problem import Problem
from rmab.policies.baselines import Myopic, NoAction, RoundRobin, Uniform
from rmab.policies.belief_advantage import LagrangianAdvantage, charged_values
from rmab.policies.belief_index import BeliefIndexPolicy
from rmab.policies.belief_information import Information
from rmab.policies.belief_informed import Fib, Qmdp
from rmab.policies.belief_rollout import BeliefRollout
from rmab.policies.belief_rules import LinearScore, TableScore
from rmab.simulation.run import compare, simulate

SOMETIMES = np.array([[True, True], [True, False]])


def spaces_of(problem, closure="nearest", merge=0.05):
    return [
        arm.reachable(law, depth=6, merge=merge, closure=closure) for arm, law in zip(problem.arms, problem.start, strict=True)
    ]


def random_information(problem, seed):
    rng = np.random.default_rng(seed)
    beliefs = np.zeros((problem.n_arms, problem.n_states))
    modes = np.empty(problem.n_arms, dtype=np.int64)
    for i, k in enumerate(problem.type_of_arm):
        beliefs[i, : problem.arms[k].n_states] = rng.dirichlet(np.ones(problem.arms[k].n_states))
        modes[i] = rng.integers(problem.arms[k].n_modes)
    return Information(modes, beliefs)


@pytest.mark.parametrize("states", [3, 4])
def test_the_index_policy_beats_the_myopic_one_where_means_are_level(states):
    arms = [level_means(seed, states) for seed in range(30)]
    problem = HiddenProblem(arms, TopK(2), Discounted(0.9))
    spaces = spaces_of(problem, merge=0.1)
    index = [whittle_index(space.arms, Discounted(0.9)) for space in spaces]
    policies = {"index": BeliefIndexPolicy(spaces, index), "myopic": Myopic()}
    table = compare(problem, policies, steps=100, replicates=400, rng=1)
    assert table.difference("index", "myopic").interval[0] > 0.05 * table.outcomes["myopic"].mean


@pytest.mark.parametrize("policy", [Qmdp(0.3), Fib(0.3)])
def test_informed_scores_are_myopic_where_moves_do_not_depend_on_the_action(policy):
    problem = HiddenProblem([level_means(seed, 3) for seed in range(3)], TopK(1), Discounted(0.9))
    scores = policy.belief_rule(problem).weights
    for myopic, informed in zip(Myopic().belief_rule(problem).weights, scores, strict=True):
        np.testing.assert_allclose(informed, myopic - 0.3, atol=1e-9)
    table = compare(problem, {"informed": policy, "myopic": Myopic()}, steps=20, replicates=10, rng=0)
    np.testing.assert_array_equal(table.outcomes["informed"].rewards, table.outcomes["myopic"].rewards)


def test_informed_policies_take_the_price_of_the_problem_and_leave_forbidden_modes_alone():
    arm = random_hidden(4, modes=2, allowed=SOMETIMES)
    problem = HiddenProblem(arm, TopK(1), Discounted(0.8), multiplicity=[3], start=[0.5, 0.5])
    price = hidden_bound(problem).price
    for kind in (Qmdp, Fib):
        np.testing.assert_array_equal(kind().belief_rule(problem).weights[0], kind(price).belief_rule(problem).weights[0])
        assert not kind().belief_rule(problem).weights[0][1].any()
    with pytest.raises(ModelError):
        Qmdp(0.1).belief_rule(HiddenProblem(arm, TopK(1), Horizon(3), start=[0.5, 0.5]))


@pytest.mark.parametrize("criterion", [Discounted(0.9), Discounted(0.9999), Average()])
def test_charged_values_solve_the_optimality_equation(criterion):
    arm = random_hidden(5, states=3, modes=2, allowed=SOMETIMES)
    space = arm.reachable(np.full(3, 1 / 3), depth=5, merge=0.1, closure="nearest")
    q = charged_values(space, 0.2, criterion)
    beta = criterion.beta if isinstance(criterion, Discounted) else 1.0
    best = q.max(axis=0)
    again = space.rewards - [[0.0], [0.2]] + beta * np.einsum("ast,t->as", space.arms.transitions[0], best)
    constant = (again - q)[np.isfinite(q)]
    np.testing.assert_allclose(constant, constant[0], atol=1e-8)
    assert (np.isneginf(q[1]) == (space.node_modes == 1)).all()
    problem = HiddenProblem(arm, TopK(1), criterion, start=np.full(3, 1 / 3))
    rule = LagrangianAdvantage(space, price=0.2).belief_rule(problem)
    free = space.node_modes == 0
    np.testing.assert_array_equal(rule.values[0][free], (q[1] - q[0])[free])
    assert rule.threshold == -0.2


def test_the_advantage_at_the_price_is_better_than_no_plan():
    problem = HiddenProblem([level_means(seed, 3) for seed in range(8)], TopK(1), Discounted(0.9))
    policy = LagrangianAdvantage(spaces_of(problem, closure="linear", merge=0.1))
    table = compare(problem, {"advantage": policy, "myopic": Myopic()}, steps=80, replicates=300, rng=3)
    assert table.difference("advantage", "myopic").interval[0] > 0
    with pytest.raises(ModelError, match="2 belief spaces, but the problem has 8 types"):
        LagrangianAdvantage(policy.spaces[:2], price=0.1).belief_rule(problem)


def naive_rollout(problem, information, rule, first, *, horizon, paths, beta, terminal, words):
    """The value of acting on ``first`` now, following every arm on every path."""
    kinds, total = problem.type_of_arm, 0.0
    for path in range(paths):
        modes, beliefs = information.modes.copy(), information.beliefs.copy()
        for t in range(horizon + 1):
            acting = set(first)
            if t > 0:
                score = rule.score(problem, Information(modes, beliefs))
                may = [i for i, k in enumerate(kinds) if problem.arms[k].allowed[modes[i], 1]]
                if not problem.budget.exactly:
                    may = [i for i in may if score[i] >= rule.threshold]
                acting = set(sorted(may, key=lambda i: (-score[i], i))[: problem.budget.k])
            for i, k in enumerate(kinds):
                arm, a, y = problem.arms[k], int(i in acting), modes[i]
                b = beliefs[i, : arm.n_states]
                total += beta**t * arm.rewards[a, y] @ b
                luck = arm_uniform(np.uint64(path), np.uint64(t), i, MOVE, *words)
                for y2, z in np.ndindex(arm.n_modes, arm.n_signals):
                    v = b @ arm.kernel[a, y, y2, z]
                    luck -= v.sum()
                    if v.sum() > 1e-14 and luck < 0:
                        break
                modes[i], beliefs[i, : arm.n_states] = y2, v / v.sum()
        if terminal is not None:
            total += beta ** (horizon + 1) * terminal.score(problem, Information(modes, beliefs)).sum()
    return total / paths


@pytest.mark.parametrize("blind", [True, False])
@pytest.mark.parametrize("tabled", [True, False])
@pytest.mark.parametrize("budget", [TopK(1), TopK(3, exactly=True)])
def test_rollouts_have_the_numbers_of_following_every_arm(blind, tabled, budget):
    arms = [
        random_hidden(1, states=2, blind=blind),
        random_hidden(2, states=3, modes=2, allowed=SOMETIMES, blind=False),
        random_hidden(3, states=3, blind=blind),
    ]
    start = [np.full(arm.n_states, 1 / arm.n_states) for arm in arms]
    problem = HiddenProblem(arms, budget, Discounted(0.9), multiplicity=[2, 2, 1], start=start)
    spaces = spaces_of(problem, closure="linear", merge=0.1)
    rng = np.random.default_rng(3)
    terminal = TableScore(spaces, [rng.normal(size=len(space.nodes)) for space in spaces], "interpolate")
    base = BeliefIndexPolicy(
        spaces, [rng.normal(size=len(space.nodes)) for space in spaces], lookup="interpolate", threshold=-1
    )
    base = base if tabled else Myopic()
    policy = BeliefRollout(base, horizon=3, paths=6, terminal=terminal if tabled else None)
    information = random_information(problem, 7)
    rule = base.belief_rule(problem)
    score = rule.score(problem, information)
    ranked = [i for i in np.argsort(-score) if problem.arms[problem.type_of_arm[i]].allowed[information.modes[i], 1]]
    ranked = [i for i in ranked if budget.exactly or score[i] >= rule.threshold]
    tried = np.array(ranked)
    found = policy.estimates(problem, information, tried, rng=5)
    words = np.random.default_rng(5).integers(2**32, size=2, dtype=np.uint64)
    m = min(budget.k, len(ranked))
    expected = [
        naive_rollout(
            problem,
            information,
            rule,
            [c, *[i for i in ranked if i != c][: m - 1]],
            horizon=3,
            paths=6,
            beta=0.9,
            terminal=policy.terminal,
            words=words,
        )
        for c in tried
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    chosen = np.flatnonzero(policy.actions(problem, information, rng=5))
    assert set(chosen) == set(tried[np.argsort(-np.array(expected), kind="stable")][:m])


def test_rollouts_try_only_the_best_candidates_and_stop_at_the_horizon():
    arms = [HiddenArms([[[1.0]]] * 2, [[0.0], [float(i)]], [[[1.0]]] * 2) for i in range(4)]
    problem = HiddenProblem(arms, TopK(1), Horizon(10))
    seen = Information.at_start(problem)
    # what is worth waiting for comes after the end, so only the present counts in the last period
    policy = BeliefRollout(Myopic(), horizon=5, paths=1, terminal=LinearScore([[[100.0]]] * 4))
    np.testing.assert_array_equal(policy.estimates(problem, seen, np.arange(4), step=9), [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(policy.estimates(problem, seen, np.arange(4), step=6), [9.0, 10.0, 11.0, 12.0])
    np.testing.assert_array_equal(policy.estimates(problem, seen, np.arange(4), step=0), 400.0 + np.arange(15.0, 19.0))
    assert BeliefRollout(Myopic(), horizon=0, paths=1, candidates=1).actions(problem, seen).tolist() == [0, 0, 0, 1]
    nobody = HiddenProblem(arms, TopK(0), Horizon(10))
    assert not policy.actions(nobody, seen).any()


def test_a_rollout_with_terminal_value_improves_on_its_base():
    problem = HiddenProblem([level_means(seed, 3) for seed in range(10, 18)], TopK(1), Discounted(0.9))
    worth = LagrangianAdvantage(spaces_of(problem, closure="linear", merge=0.1)).worth(problem)
    policies = {"rollout": BeliefRollout(Myopic(), horizon=0, paths=30, terminal=worth), "base": Myopic()}
    table = compare(problem, policies, steps=60, replicates=150, rng=2)
    assert table.difference("rollout", "base").interval[0] > 0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"horizon": -1}, "horizon must be a whole number, at least 0"),
        ({"paths": 0}, "paths must be a whole number, at least 1"),
        ({"candidates": 2.5}, "candidates must be a whole number"),
        ({"base": "myopic"}, "base policy must be a BeliefPolicy"),
        ({"terminal": 3.0}, "terminal value must be a LinearScore or a TableScore"),
    ],
)
def test_wrong_rollouts_are_refused(change, match):
    with pytest.raises(ModelError, match=match):
        BeliefRollout(**{"base": Myopic(), **change})


def test_baselines_by_their_definitions():
    arms = [random_hidden(1, states=2), random_hidden(2, states=3, modes=2, allowed=SOMETIMES)]
    problem = HiddenProblem(arms, TopK(2), Average(), multiplicity=[3, 2], start=[[0.5, 0.5], [0.2, 0.3, 0.5]])
    seen = random_information(problem, 3)
    seen.modes[3:] = [1, 0]
    gains = [
        arms[k].rewards[1, y] @ b[: arms[k].n_states] - arms[k].rewards[0, y] @ b[: arms[k].n_states]
        for k, y, b in zip(problem.type_of_arm, *seen, strict=True)
    ]
    np.testing.assert_allclose(Myopic().belief_rule(problem).score(problem, seen), gains, atol=1e-14)
    assert [RoundRobin().actions(problem, seen, step=t).tolist() for t in range(3)] == [
        [1, 1, 0, 0, 0],
        [0, 0, 1, 0, 1],
        [1, 0, 0, 0, 1],
    ]
    assert not NoAction().actions(problem, seen).any()
    draws = [np.flatnonzero(Uniform().actions(problem, seen, rng=np.random.default_rng(i))) for i in range(200)]
    assert {tuple(draw) for draw in draws} == {(0, 1), (0, 2), (0, 4), (1, 2), (1, 4), (2, 4)}


def test_a_myopic_policy_looks_one_step_ahead_when_rewards_do_not_depend_on_the_action():
    p = np.array([[[0.9, 0.1], [0.8, 0.2]], [[0.3, 0.7], [0.1, 0.9]]])
    arm = HiddenArms(p, [[0.0, 2.0]] * 2, np.ones((2, 2, 1)))
    weights = Myopic().belief_rule(HiddenProblem(arm, TopK(1), Discounted(0.5))).weights[0]
    np.testing.assert_allclose(weights, [[0.6, 0.7]])
    plain = Myopic().rule(Problem(Arms(p, [[0.0, 2.0]] * 2), TopK(1), Discounted(0.5))).priority
    np.testing.assert_allclose(weights, plain)


def test_thresholds_hold_unless_actions_are_compulsory():
    arm = random_hidden(1, states=2)
    space = arm.reachable([0.5, 0.5], depth=3, merge=0.1, closure="nearest")
    low = BeliefIndexPolicy(space, np.full(len(space.nodes), -1.0))
    for budget, acted in ((TopK(2), 0), (TopK(2, exactly=True), 2)):
        problem = HiddenProblem(arm, budget, Average(), multiplicity=[3], start=[0.5, 0.5])
        assert low.actions(problem, Information.at_start(problem)).sum() == acted
        assert simulate(problem, low, steps=1, replicates=1, rng=0).activations[0] == acted
        forbidden = BeliefIndexPolicy(space, np.full(len(space.nodes), -np.inf))
        assert simulate(problem, forbidden, steps=1, replicates=1, rng=0).activations[0] == acted
    eager = BeliefIndexPolicy(space, np.full(len(space.nodes), -1.0), threshold=-np.inf)
    assert simulate(problem, Copy(eager), steps=1, replicates=1, rng=0).activations[0] == 2


def test_rules_that_do_not_fit_are_refused():
    arm = random_hidden(1, states=2)
    space = arm.reachable([0.5, 0.5], depth=1, merge=0.1, closure="nearest")
    mesh = arm.reachable([0.5, 0.5], depth=1, merge=0.1, closure="linear")
    good = np.zeros(len(space.nodes))
    one_type = whittle_index(mesh.arms, Average())
    two_types = whittle_index(Arms(np.ones((2, 2, 1, 1)), np.ones((2, 2, 1))), Average())
    for build, match in (
        (lambda: LinearScore([[0.0, 1.0]]), "weights of type 0 must be finite numbers of shape"),
        (lambda: LinearScore([[[0.0, np.nan]]]), "weights of type 0"),
        (lambda: LinearScore([[[0.0, 1.0]]], np.nan), "threshold is not a number"),
        (lambda: TableScore(space, good, "furthest"), "unknown look-up 'furthest'"),
        (lambda: TableScore(space, good[1:]), "must have shape"),
        (lambda: TableScore(space, good * np.nan), "the value of type 0 at node 0 is nan"),
        (lambda: TableScore(mesh, np.full(len(mesh.nodes), np.inf), "interpolate"), "at node 0 is inf"),
        (lambda: TableScore(mesh, np.full(len(mesh.nodes), np.nan)), "at node 0 is nan"),
        (lambda: LinearScore(3), "weights must be a list of arrays .* got 3"),
        (lambda: TableScore([space], 3.0), "values must be a list of 1 tables, one for each belief space, got 3.0"),
        (lambda: TableScore([], []), r"spaces must be a BeliefSpace, or a list of them, one per type, got \[\]"),
        (lambda: TableScore(mesh.arms, good), "spaces must be a BeliefSpace, or a list of them, one per type, got Arms"),
        (
            lambda: BeliefIndexPolicy(mesh.arms, one_type),
            "spaces must be a BeliefSpace, or a list of them, one per type, got Arms",
        ),
        (lambda: BeliefIndexPolicy([mesh, mesh], one_type), "index must be a list of 2 tables of numbers.*, got IndexTable$"),
        (lambda: LagrangianAdvantage("x"), "the space of type 0 must be a BeliefSpace, got str"),
        (lambda: LagrangianAdvantage(3), "spaces must be a BeliefSpace, or a list of them, one per type, got 3"),
        (lambda: LagrangianAdvantage(space, price=np.nan), "the price must be a finite number, got nan"),
        (lambda: LagrangianAdvantage(space, lookup="furthest"), "unknown look-up 'furthest'"),
        (lambda: Qmdp(price="x"), "the price must be a finite number, got 'x'"),
        (lambda: Qmdp(price=np.inf), "the price must be a finite number, got inf"),
        (lambda: Fib(price=True), "the price must be a finite number, got True"),
        (lambda: qmdp(arm, np.nan, Average()), "the charge must be a finite number, got nan"),
        (lambda: fib(arm, None, Average()), "the charge must be a finite number, got None"),
        (lambda: sawtooth(arm, "x", Average(), beliefs=space.beliefs), "the charge must be a finite number, got 'x'"),
        (lambda: TableScore([space, space], [good]), "2 belief spaces but 1 tables"),
        (lambda: TableScore([arm], [good]), "must be a BeliefSpace, got HiddenArms"),
        (
            lambda: BeliefIndexPolicy(space, two_types),
            "of 2 types",
        ),
    ):
        with pytest.raises(ModelError, match=match):
            build()
    assert TableScore(space, good).lookup == TableScore(space, good, "interpolate").lookup == "nearest"
    assert TableScore(mesh, np.zeros(len(mesh.nodes))).lookup == "interpolate"
    problem = HiddenProblem([arm, random_hidden(2, states=3)], TopK(1), Average(), start=[[0.5, 0.5], [0.2, 0.3, 0.5]])
    seen = Information.at_start(problem)
    with pytest.raises(ModelError, match="the belief spaces of type 1 are for"):
        BeliefIndexPolicy([space, space], [good, good]).actions(problem, seen)
    with pytest.raises(ModelError, match=r"modes and beliefs must have shapes \(2,\)"):
        Myopic().actions(problem, Information(seen.modes, seen.beliefs[:1]))


@pytest.mark.parametrize("policy", [Myopic(), Uniform(), BeliefRollout(Myopic())])
def test_what_is_no_information_is_refused(policy):
    problem = HiddenProblem([random_hidden(1), random_hidden(2, modes=2)], TopK(1), Average(), start=[0.5, 0.5])
    seen = Information.at_start(problem)
    for given, match in (
        (np.zeros(3), r"array of modes and one of beliefs, as Information\(modes, beliefs\) .* got ndarray"),
        (None, "got NoneType"),
        (Information([0, 0], seen.beliefs), "array of modes"),
        (Information(np.zeros(2), seen.beliefs), "modes must be whole numbers, got float64"),
        (Information(np.array([1, 1]), seen.beliefs), "modes: arm 0 has 1, but they run from 0 to 0"),
        (Information(np.array([0, -1]), seen.beliefs), "modes: arm 1 has -1, but they run from 0 to 1"),
    ):
        with pytest.raises(ModelError, match=match):
            policy.actions(problem, given)


def rules_of(arm):
    """A policy of every kind that values acting against waiting, by name."""
    space = arm.reachable([0.5, 0.5], depth=2, merge=0.1, closure="nearest")
    return {
        "Qmdp": Qmdp(0.1),
        "Fib": Fib(),
        "LagrangianAdvantage": LagrangianAdvantage(space),
        "a rule that looks scores up in tables": BeliefIndexPolicy(space, np.zeros(len(space.nodes))),
        "BeliefRollout": BeliefRollout(Myopic()),
    }


@pytest.mark.parametrize(
    "name", ["Qmdp", "Fib", "LagrangianAdvantage", "a rule that looks scores up in tables", "BeliefRollout"]
)
def test_policies_that_would_never_use_a_third_action_say_so(name):
    arm = HiddenArms([[[0.7, 0.3], [0.2, 0.8]]] * 3, np.eye(3, 2), np.ones((3, 2, 1)))
    problem = HiddenProblem(arm, TopK(1), Average(), multiplicity=2)
    with pytest.raises(ModelError, match=f"{name} chooses between waiting and acting, these arms have 3 actions"):
        simulate(problem, rules_of(arm)[name], steps=1, replicates=1, rng=0)
    assert simulate(problem, Myopic(), steps=1, replicates=1, rng=0).activations[0] <= 1


@pytest.mark.parametrize("name", ["Qmdp", "Fib", "LagrangianAdvantage"])
def test_policies_that_value_a_lasting_problem_name_themselves_under_a_horizon(name):
    arm = random_hidden(1, states=2)
    problem = HiddenProblem(arm, TopK(1), Horizon(3), start=[0.5, 0.5])
    with pytest.raises(ModelError, match=rf"^{name} needs a problem with Discounted\(beta\) or Average\(\), got Horizon"):
        rules_of(arm)[name].belief_rule(problem)


def test_what_belongs_to_an_arm_is_refused_for_another():
    arm, other = random_hidden(1, states=2), random_hidden(2, states=2)
    twin = HiddenArms.from_kernel(arm.kernel, arm.rewards, allowed=arm.allowed)
    space = arm.reachable([0.5, 0.5], depth=2, merge=0.1, closure="nearest")
    zeros = np.zeros(len(space.nodes))
    mine, strange = (HiddenProblem([arm, second], TopK(1), Average(), start=[0.5, 0.5]) for second in (twin, other))
    followed = BeliefIndexPolicy(space, zeros, lookup="merged")
    advantage = LagrangianAdvantage([space, space], price=0.1)
    for policy in (followed, advantage):
        simulate(mine, policy, steps=2, replicates=1, rng=0)
        with pytest.raises(ModelError, match="the belief space of type 1 "):
            simulate(strange, policy, steps=2, replicates=1, rng=0)
    with pytest.raises(ModelError, match="the belief space of type 1 "):
        advantage.worth(strange)
    for lookup in ("nearest", "interpolate"):
        simulate(strange, BeliefIndexPolicy(space, zeros, lookup=lookup), steps=2, replicates=1, rng=0)


def test_infinite_values_are_looked_up_at_the_nearest_node_unless_interpolation_is_asked_for():
    arm = random_hidden(1, states=2)
    mesh = arm.reachable([0.5, 0.5], depth=3, merge=0.05, closure="linear")
    values = np.where(mesh.nodes[:, 1] > 0.6, np.inf, mesh.nodes[:, 1])
    assert TableScore(mesh, values).lookup == "nearest"
    assert TableScore([mesh, mesh], [mesh.nodes[:, 1], -values]).lookup == "nearest"
    problem = HiddenProblem(arm, TopK(1), Average(), multiplicity=2, start=[0.5, 0.5])
    seen = Information(np.zeros(2, dtype=np.int64), np.array([[0.5, 0.5], [0.01, 0.99]]))
    assert BeliefIndexPolicy(mesh, values).actions(problem, seen).tolist() == [0, 1]
    with pytest.raises(ModelError, match="is inf; give a finite number"):
        BeliefIndexPolicy(mesh, values, lookup="interpolate")

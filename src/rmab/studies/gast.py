"""Three arms on which the Whittle index policy cycles (Gast, Gaujal and Yan).

Each arm has three states, is indexable, and 40 % of its copies are acted on. In the fluid limit the Whittle order does not lead
to the relaxed optimum but to a cycle around it, so the policy stays below the bound however many arms there are. The
LP-priority and the gain index have the same order and share that fate. Policies that need no global attractor close the gap,
but slowly: where the cycle costs little, as in examples 1 and 3, they pass the Whittle policy only at some thousand arms.

References: N. Gast, B. Gaujal, C. Yan, Exponential asymptotic optimality of Whittle index policy, arXiv:2012.09064, appendix
E.2, for the arms and the claim about the Whittle index policy; Y. Hong, Q. Xie, Y. Chen, W. Wang, arXiv:2306.00196,
arXiv:2402.05689 and arXiv:2405.17882, for virtual advice, ID and set expansion, and two sets; N. Gast, D. Narasimha,
arXiv:2410.06307, for LP-update. The faster rate of the two-set policy needs local stability, which these arms lack: it acts
exactly as set expansion does.
"""

from __future__ import annotations

from collections.abc import Mapping

from rmab.index.whittle import whittle_index
from rmab.models.arms import Arms
from rmab.models.criterion import Average
from rmab.studies.curves import PRIORITIES, bound_per_arm, closes, measured, near, near_all, run_curves, stays_below
from rmab.studies.rows import Row
from rmab.studies.study import Claim, Definition, Instance, Scale

FRACTION = 0.4
# printed with eight digits and completed to rows that sum to 1
TRANSITIONS = {
    "example 1": (
        (
            (0.5214073, 0.40392496, 0.07466774),
            (0.0158415, 0.21455666, 0.76960184),
            (0.5372232953722329, 0.37651148376511484, 0.0862652208626522),
        ),
        (
            (0.24639364, 0.23402385, 0.51958251),
            (0.49681581496815813, 0.4950982149509821, 0.0080859700808597),
            (0.37826553, 0.15469252, 0.46704195),
        ),
    ),
    "example 2": (
        (
            (0.02232142, 0.10229283, 0.87538575),
            (0.03426605, 0.17175704, 0.79397691),
            (0.5232475547675244, 0.4552329754476703, 0.021519469784805303),
        ),
        (
            (0.1487460114874601, 0.3043580930435809, 0.546895895468959),
            (0.56845754, 0.41117331, 0.02036915),
            (0.25265570252655706, 0.2731043927310439, 0.47423990474239913),
        ),
    ),
    "example 3": (
        (
            (0.47819592, 0.02090623, 0.50089785),
            (0.08063373, 0.15456935, 0.76479692),
            (0.6655251400000001, 0.08481946000000001, 0.24965540000000003),
        ),
        (
            (0.00279465, 0.37327924, 0.62392611),
            (0.5158233551582335, 0.46333908463339085, 0.020837560208375603),
            (0.41875202, 0.17776712, 0.40348086),
        ),
    ),
}
ACTIVE_REWARDS = {
    "example 1": (0.72232506, 0.18844869, 0.25752477),
    "example 2": (0.37401552, 0.11740814, 0.07866135),
    "example 3": (0.97658608, 0.53014109, 0.40394919),
}
BOUNDS = {"example 1": 0.247597, "example 2": 0.123800, "example 3": 0.363776}
INDICES = {
    "example 1": (0.7223, 0.3083, 0.1995),
    "example 2": (0.3740, 0.1820, -0.0212),
    "example 3": (0.9766, 0.5818, 0.3180),
}
CLOSING = ("virtual-advice", "id", "set-expansion", "two-set", "lp-update")


def instances() -> tuple[Instance, ...]:
    """The three examples, all arms in the first state."""
    arms = {name: Arms(TRANSITIONS[name], ((0.0, 0.0, 0.0), ACTIVE_REWARDS[name])) for name in TRANSITIONS}
    return tuple(Instance(name, arm, FRACTION) for name, arm in arms.items())


def judge(instances: Mapping[str, Instance], rows: tuple[Row, ...]) -> tuple[Claim, ...]:
    """The bounds, the indices, the cycle, and the policies that do without an attractor."""
    claims = []
    for name, instance in instances.items():
        index = whittle_index(instance.arm, Average()).values[0]
        claims += [
            near(f"{name}: the bound per arm", bound_per_arm(instance, 10), BOUNDS[name], 1e-6),
            near_all(f"{name}: Whittle indices", index, INDICES[name], 1e-4),
            *(stays_below(instance, rows, policy) for policy in PRIORITIES),
            *(closes(instance, rows, policy) for policy in CLOSING),
            measured(instance, rows, "randomised-lp", "random arms turned away, no claim"),
        ]
    return tuple(claims)


STUDY = Definition(
    name="policies/gast",
    title="Arms on which the Whittle index policy cycles",
    citation="Gast, Gaujal, Yan, Exponential asymptotic optimality of Whittle index policy, arXiv:2012.09064, appendix E.2",
    instances=instances,
    run=run_curves,
    scales={
        "glance": Scale((20, 320), steps=120, burn_in=40, replicates=2),
        "quick": Scale((20, 80, 320, 1280), steps=500, burn_in=150, replicates=5),
        "full": Scale((20, 80, 320, 1280, 5120), steps=1500, burn_in=500, replicates=6),
    },
    judge=judge,
)

"""Figure 2 of the POW paper: reward and violation of POW and the policies it is compared with, against the scale.

Figure 2 (a) is throughput with a least share of activations, (c) remote sensing with an energy budget, (e) throughput with
regular service; each has two settings. The paper's runs are 20 of 10,000 periods at scales 1 to 100. Its learned index is
replaced by the exact one here, so that what is tested is the policy and not the training.

Reference: N. Zamir, I.-H. Hou, Restless bandits with individual penalty constraints, arXiv:2604.04101 (2026), figure 2.
"""

from __future__ import annotations

from rmab.studies.penalised import Variant, judge, run_penalised
from rmab.studies.study import Definition, Scale

CITATION = "Zamir, Hou, Restless bandits with individual penalty constraints, arXiv:2604.04101, figure 2"
SCALES = {
    "glance": Scale((1, 20), steps=500, burn_in=0, replicates=2),
    "quick": Scale((1, 5, 20, 100), steps=10_000, burn_in=0, replicates=4),
    "full": Scale((1, 2, 5, 10, 20, 50, 100), steps=10_000, burn_in=0, replicates=20),
}
PARTS = {
    "a": ("throughput with a least share of activations", "throughput-activation-v1", ("TP4", "TP6")),
    "c": ("remote sensing with an energy budget", "remote-sensing-v1", ("RS4", "RS8")),
    "e": ("throughput with regular service", "throughput-regularity-v1", ("SR4", "SR6")),
}


def _definition(part: str) -> Definition:
    title, scenario, variants = PARTS[part]
    return Definition(
        name=f"pow/figure-2{part}",
        title=f"Arms with their own requirements: {title}",
        citation=CITATION,
        instances=lambda: tuple(Variant(scenario, variant) for variant in variants),
        run=run_penalised,
        scales=SCALES,
        judge=judge,
    )


STUDIES = tuple(_definition(part) for part in PARTS)

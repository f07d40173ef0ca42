"""The studies by name, and how one is run."""

from __future__ import annotations

from rmab.errors import ModelError
from rmab.parallel import Progress
from rmab.simulation.streams import Rng, entropy
from rmab.studies import (
    constant_step,
    conveyor,
    faster_q_aggregation,
    faster_q_fixed_charge,
    faster_q_index,
    flipped,
    gast,
    gino_figure_1,
    gino_figure_2,
    gino_flipped,
    gino_problems,
    pcl_baselines,
    pcl_examples,
    pcl_mesh,
    pcl_optimum,
    pcl_tables,
    pow,
)
from rmab.studies.study import Study

_DEFINITIONS = (
    *(gast.STUDY, conveyor.STUDY, flipped.STUDY),
    *pow.STUDIES,
    *pcl_tables.STUDIES,
    *pcl_examples.STUDIES,
    *pcl_baselines.STUDIES,
    *pcl_optimum.STUDIES,
    *pcl_mesh.STUDIES,
    *(gino_figure_1.STUDY, gino_figure_2.STUDY, gino_flipped.STUDY, gino_problems.STUDY),
    *(faster_q_fixed_charge.STUDY, faster_q_index.STUDY, faster_q_aggregation.STUDY),
    *constant_step.STUDIES,
)
STUDIES = {definition.name: definition for definition in _DEFINITIONS}


def reproduce(
    name: str, scale: str = "quick", *, rng: Rng = 0, threads: int | None = None, progress: Progress | None = None
) -> Study:
    """Run a study and hold it against its paper.

    Parameters
    ----------
    name : str
        One of the names in ``rmab reproduce --list``, such as ``"policies/gast"``.
    scale : str
        ``"glance"``: some seconds, with intervals too wide to settle much; ``"quick"``: under two minutes on two cores;
        ``"full"``: many minutes, with as many arms as it takes to see the limit.
    rng : None, int, SeedSequence or Generator
        Source of randomness; ``Study.entropy`` repeats the run.
    threads : int, optional
        As for :func:`rmab.simulate`.
    progress : callable, optional
        Called as ``progress(done, total)`` while it runs.

    Returns
    -------
    Study

    Raises
    ------
    ModelError
        If there is no such study or scale, naming those there are.

    Examples
    --------
    >>> reproduce("policies/gats")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    rmab.errors.ModelError: there is no study 'policies/gats'; there are policies/gast, policies/conveyor, ...
    """
    if name not in STUDIES:
        raise ModelError(f"there is no study {name!r}; there are {', '.join(STUDIES)}")
    definition = STUDIES[name]
    settings, number, instances = definition.scale(scale), entropy(rng), definition.instances()
    rows = definition.run(instances, settings, entropy=number, threads=threads, progress=progress)
    return Study(
        name=name,
        title=definition.title,
        citation=definition.citation,
        scale=scale,
        settings=settings,
        starts={instance.name: instance.beginning for instance in instances},
        rows=rows,
        claims=definition.judge({instance.name: instance for instance in instances}, rows),
        entropy=number,
    )

"""What importing the library costs and touches: nothing heavy, nothing global."""

import subprocess
import sys
from pathlib import Path

import pytest

import rmab
import rmab.learn

NAMESPACES = [rmab, rmab.learn]
HOMES = [(namespace, name) for namespace in NAMESPACES for name in namespace._HOME]
HEAVY = ["jax", "matplotlib", "numba", "numpy", "polars", "pydantic", "scipy"]

GLOBAL_STATE = """
import importlib, os, pkgutil, random, threading, warnings
import cyclopts, jinja2, matplotlib.figure, numba, numpy as np, polars, pydantic, rich.progress, safetensors.numpy
import scipy.linalg, scipy.optimize, scipy.sparse, scipy.special, scipy.stats
def state():
    return {
        "NumPy error state": np.geterr(),
        "NumPy random state": [str(part) for part in np.random.get_state()],
        "NumPy print options": {**np.get_printoptions()},
        "random state": random.getstate(),
        "warnings filters": list(warnings.filters),
        "numba threads": numba.get_num_threads(),
        "threads": threading.active_count(),
        "matplotlib settings": dict(matplotlib.rcParams),
        "environment": dict(os.environ),
    }
before = state()
import rmab
names = [module.name for module in pkgutil.walk_packages(rmab.__path__, "rmab.") if not module.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
after = state()
print(len(names), [what for what in before if before[what] != after[what]])
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_rmab_loads_nothing_heavy():
    assert run(f"import sys, rmab; print([name for name in {HEAVY} if name in sys.modules])") == "[]"


def test_importing_every_module_touches_no_global_state():
    count, changed = run(GLOBAL_STATE).split(maxsplit=1)
    assert int(count) > 10
    assert changed == "[]"


@pytest.mark.parametrize("name", rmab.__all__)
def test_public_name_loads(name):
    assert getattr(rmab, name) is not None


@pytest.mark.parametrize(("namespace", "name"), HOMES)
def test_public_name_is_defined_where_the_map_says(namespace, name):
    assert getattr(namespace, name).__module__ == namespace._HOME[name]


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_no_module_shadows_a_public_name(namespace):
    package = Path(namespace.__file__).parent
    modules = {path.stem for path in package.glob("*.py")} | {path.name for path in package.iterdir() if path.is_dir()}
    assert modules.isdisjoint(namespace._HOME)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_public_names_are_listed_and_unknown_ones_refused(namespace):
    assert dir(namespace) == sorted(namespace.__all__)
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        namespace.no_such_name  # noqa: B018


def test_every_public_name_is_in_the_reference():
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text()
    listed = set(page.split())
    shown = [name if namespace is rmab else f"learn.{name}" for namespace, name in HOMES]
    assert [name for name in shown if name not in listed] == []

"""The benchmarks are not run here, but they must load: a renamed function shows at once."""

from importlib import import_module
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("name", sorted(file.stem for file in FOLDER.glob("*.py")))
def test_benchmark_loads(name, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    assert callable(import_module(name).main)

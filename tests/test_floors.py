"""The floors of the library: who may import whom. Imports are read from the sources, so lazy ones in functions count too."""

import ast
from pathlib import Path

import pytest

import rmab

PACKAGE = Path(rmab.__file__).parent
FLOORS = [
    {"errors"},
    {"models", "parallel"},
    {"hidden"},
    {"index"},
    {"bound"},
    {"policies"},
    {"simulation"},
    {"estimation", "learn", "scenarios"},
    {"planning", "figures", "report"},
    {"studies"},
    {"cli"},
]
FREE = {"_kernels", ""}  # kernels serve every floor; the empty name is rmab/__init__.py, which holds nothing but names


def imported(path: Path, module: str) -> set[str]:
    """The modules that the file at ``path`` imports, relative ones made absolute from the name of its own ``module``."""
    parent = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else []
            source = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found |= {source} | {f"{source}.{alias.name}" for alias in node.names}
    return found


def imports(package: Path) -> dict[str, set[str]]:
    """For each module of a package, the modules of the same package that it imports."""
    files = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: (imported(path, name) & files.keys()) - {name} for name, path in files.items()}


def floor(module: str) -> str:
    """The floor that a module belongs to: the part of its name after the package's."""
    return module.partition(".")[2].partition(".")[0]


def wrong_directions(package: Path) -> list[str]:
    """Every import of a higher floor, or of another floor by a kernel, as ``importer -> imported``."""
    height = {name: level for level, names in enumerate(FLOORS) for name in names}
    wrong = []
    for module, targets in imports(package).items():
        here = floor(module)
        for target in sorted(targets):
            there = floor(target)
            if here in ("", there) or (there in FREE and here != "_kernels"):
                continue
            if here == "_kernels" or height[there] > height[here]:
                wrong.append(f"{module} -> {target}")
    return sorted(wrong)


def between_floors(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same graph between floors instead of modules."""
    floors: dict[str, set[str]] = {floor(module): set() for module in graph}
    for module, targets in graph.items():
        floors[floor(module)] |= {floor(target) for target in targets} - {floor(module), ""}
    return floors


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The nodes of one circle in order, or nothing."""
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return trail[trail.index(module) :]
        for target in sorted(graph[module] - done):
            if found := walk(target, [*trail, module]):
                return found
        done.add(module)
        return []

    for module in sorted(graph):
        if found := walk(module, []):
            return found
    return []


def homeless(package: Path) -> list[str]:
    """Folders and files of the package that stand on no floor."""
    known = FREE.union(*FLOORS)
    return sorted({floor(module) for module in imports(package)} - known)


def test_each_floor_imports_only_from_floors_before_it():
    assert wrong_directions(PACKAGE) == []


def test_no_circle():
    assert circle(imports(PACKAGE)) == []
    assert circle(between_floors(imports(PACKAGE))) == []


def test_every_module_stands_on_a_floor():
    assert homeless(PACKAGE) == []


def test_every_floor_is_there():
    present = {floor(module) for module in imports(PACKAGE)}
    assert set().union(*FLOORS) - present == set()


def test_folders_hold_only_a_docstring():
    for path in PACKAGE.glob("**/*/__init__.py"):
        if path.parent == PACKAGE / "learn":  # the one folder that is a public namespace
            continue
        body = ast.parse(path.read_text()).body
        assert [type(node) for node in body] == [ast.Expr], f"{path} holds more than a docstring"


@pytest.fixture
def tree(tmp_path):
    """A maker of tiny packages: file name -> source."""

    def make(**files):
        for name, source in {"__init__": "", **files}.items():
            path = tmp_path / "rmab" / (name.replace("__in__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return tmp_path / "rmab"

    return make


def test_a_lower_floor_importing_a_higher_one_is_found(tree):
    package = tree(models__in__arms="def f():\n    from rmab.bound.lp import solve\n", bound__in__lp="")
    assert wrong_directions(package) == ["rmab.models.arms -> rmab.bound.lp"]


def test_a_relative_import_counts(tree):
    package = tree(models__in__arms="from ..bound import lp\n", bound__in__lp="")
    assert wrong_directions(package) == ["rmab.models.arms -> rmab.bound.lp"]


def test_the_right_direction_passes(tree):
    package = tree(bound__in__lp="import rmab.models.arms\nimport rmab._kernels.k\n", models__in__arms="", _kernels__in__k="")
    assert wrong_directions(package) == []
    assert circle(imports(package)) == []


def test_a_kernel_may_import_kernels_only(tree):
    package = tree(
        _kernels__in__one="from rmab._kernels.two import f\nfrom rmab.errors import E\n", _kernels__in__two="", errors=""
    )
    assert wrong_directions(package) == ["rmab._kernels.one -> rmab.errors"]


def test_a_circle_is_found(tree):
    package = tree(
        models__in__arms="from rmab.models.budget import TopK\n",
        models__in__budget="from rmab.models import problem\n",
        models__in__problem="import rmab.models.arms\n",
    )
    assert circle(imports(package)) == ["rmab.models.arms", "rmab.models.budget", "rmab.models.problem"]


def test_a_circle_of_floors_without_a_circle_of_modules_is_found(tree):
    package = tree(
        planning__in__plan="import rmab.report.page\n",
        planning__in__table="",
        report__in__page="",
        report__in__rows="import rmab.planning.table\n",
    )
    assert wrong_directions(package) == []
    assert circle(imports(package)) == []
    assert circle(between_floors(imports(package))) == ["planning", "report"]


def test_a_module_on_no_floor_is_found(tree):
    assert homeless(tree(attic__in__box="", errors="")) == ["attic"]

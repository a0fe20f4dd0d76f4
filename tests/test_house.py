"""The house holds together: imports go down, without circles; a name is one class; files can be read.

The map is in CONTRIBUTING.md.
"""

import ast
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from fastgrasp_model.commands.extras import CORE, EXTRAS, module_of

ROOT = Path(__file__).parents[1]
FOLDERS = {  # folder -> package, floor
    "fastgrasp_model": ("fastgrasp_model", 1),
    "evaluation": ("fastgrasp_evaluation", 2),
    "synthesis": ("fastgrasp_synthesis", 3),
    "training": ("fastgrasp_training", 4),
    "fastgrasp_ros": ("fastgrasp_ros", 4),
}
FLOORS = dict(FOLDERS.values())
LONGEST = 400  # lines of a file


def _modules() -> dict[str, ast.Module]:
    """Return the parsed files of all rooms by module name, such as fastgrasp_training.run."""
    found = {}
    for folder, (package, _) in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = (package, *path.relative_to(ROOT / folder).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text())
    return found


MODULES = _modules()


def _imports(tree: ast.AST, everywhere: bool) -> list[tuple[int, str]]:
    """Return (line, name) of what is imported: at the module's own level, or `everywhere`, in functions too.

    Names under TYPE_CHECKING do not count: they are not imported when the code runs.
    """
    found, todo = [], list(ast.iter_child_nodes(tree))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo += node.orelse
        elif everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo += ast.iter_child_nodes(node)
    return found


def _module_of(name: str) -> str | None:
    """Return the module of ours that an imported name is, or is in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def test_rooms_import_only_rooms_below():
    upward = []
    for module, tree in MODULES.items():
        room = module.split(".")[0]
        for line, name in _imports(tree, everywhere=True):
            other = name.split(".")[0]
            if other != room and (other in FLOORS and FLOORS[other] >= FLOORS[room] or other in ("tools", "tests")):
                upward.append(f"{module}:{line} imports {name}")
            if other == "rclpy" and room != "fastgrasp_ros":
                upward.append(f"{module}:{line} imports {name}")
    assert not upward


def test_the_library_needs_the_core_packages_alone():
    """Packages of extras are imported where they are used, inside functions."""
    modules = {"libigl": "igl", "pyyaml": "yaml", "pillow": "PIL"}
    core = {modules.get(package, package) for package in CORE} | set(sys.stdlib_module_names) | {"fastgrasp_model"}
    optional = {module_of(package) for extra in EXTRAS.values() for package in extra.packages}
    further = []
    for module, tree in MODULES.items():
        if module.split(".")[0] == "fastgrasp_model":
            for everywhere, allowed in ((False, core), (True, core | optional)):
                found = [each for each in _imports(tree, everywhere) if each[1].split(".")[0] not in allowed]
                further += [f"{module}:{line} imports {name}" for line, name in found]
    assert not further


@pytest.mark.parametrize("everywhere", [False, True])
def test_no_module_imports_itself_by_a_detour(everywhere):
    graph = {module: {target for _, name in _imports(tree, everywhere) if (target := _module_of(name))}
             for module, tree in MODULES.items()}  # fmt: skip
    packages = {module for module in MODULES if any(other.startswith(f"{module}.") for other in MODULES)}
    state: dict[str, int] = {}

    def visit(module: str, path: tuple[str, ...]) -> None:
        state[module] = 1
        for target in sorted(graph[module] - {module} - packages):
            assert state.get(target) != 1, f"a circle: {' -> '.join((*path, module, target))}"
            if target not in state:
                visit(target, (*path, module))
        state[module] = 2

    for module in MODULES:
        if module not in state:
            visit(module, ())


def test_a_name_stands_for_one_class():
    places = defaultdict(list)
    for module, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_files_can_be_read_in_one_sitting():
    paths = [path for folder in (*FOLDERS, "tools", "launch") for path in (ROOT / folder).rglob("*.py")]
    assert [str(p.relative_to(ROOT)) for p in paths if p.read_text().count("\n") > LONGEST] == []

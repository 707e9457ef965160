"""The house keeps its shape: imports point one way, nothing heavy loads early, files stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "skconvattn"

# Room -> the rooms that its modules may import, also inside functions and for type checking.
# No row names a room that stands below it here, so there is no way back. A row may name one module
# of a room by its path: it then stands where its own row says, and the rest of the room elsewhere.
MAY_IMPORT: dict[str, set[str]] = {
    "layers": set(),
    "data": set(),
    "networks": {"data", "layers"},
    "simulation": set(),
    "datasets": {"simulation"},
    "persistence.archive": set(),
    "engine": {"data", "networks", "layers"},
    "persistence": {"persistence.archive", "engine", "data", "networks", "layers"},
    "intervals": {"networks"},
    "members": {"persistence.archive", "engine", "data", "networks", "layers"},
    "estimators": {
        "members",
        "intervals",
        "persistence",
        "persistence.archive",
        "engine",
        "data",
        "networks",
        "layers",
    },
    "forecasting": {
        "members",
        "intervals",
        "persistence",
        "engine",
        "data",
        "networks",
        "layers",
    },
    "architectures": {"forecasting", "estimators", "networks", "layers"},
}
# Four rooms stand on top of all models and nothing imports them.
_BELOW = MAY_IMPORT.keys() - {"datasets"}
MAY_IMPORT["inspection"] = MAY_IMPORT["tuning"] = MAY_IMPORT["distributed"] = _BELOW
MAY_IMPORT["adapters"] = {"architectures"}
# What other packages build upon.
MAY_IMPORT["extend"] = {"estimators", "forecasting", "networks"}
# What finds every estimator, and what may build any of them, stand on top of the architectures.
MAY_IMPORT["_registry"] = {"architectures"}
MAY_IMPORT["persistence.loading"] = {"_registry", "persistence"}

# Private modules that stand beside the rooms: every room may import them, they import no room.
LEAVES = {"_backend", "_hyperparameters", "_normalization", "_sktime"}

# Names of the package itself that a room may take: `from skconvattn import __version__`.
FRONT_NAMES = {"__version__"}

# A backend is loaded with the first network, not with the first class. Only here may a module
# import one at its top level: rooms, and then single modules that only the engine loads late.
BACKENDS = {"keras", "tensorflow", "jax", "torch"}
BACKEND_ROOMS = {"layers"}
BACKEND_MODULES = {
    "engine/objectives/class_metrics.py",
    "engine/objectives/loss_classes.py",
    "engine/portable/training.py",
    "networks/losses.py",
}

MAX_LINES = 400

MODULES = sorted(PACKAGE.rglob("*.py"))
STUBS = sorted(PACKAGE.rglob("__init__.pyi"))
# The front door, which names everything and loads it late.
FRONT, STUB = PACKAGE / "__init__.py", PACKAGE / "__init__.pyi"


def _dotted(path: Path) -> str:
    """Path of a module within the package, with dots."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _path(dotted: str) -> Path:
    """File of a module."""
    return next(path for path in MODULES if _dotted(path) == dotted and path != FRONT)


def _room(dotted: str) -> str:
    """Row of a module: the longest one that its path begins with, or else the first part of it."""
    first, *rest = dotted.split(".")
    paths = [".".join([first, *rest[:i]]) for i in range(len(rest), -1, -1)]
    return next((path for path in paths if path in MAY_IMPORT), first)


def _may_import_backends(path: Path) -> bool:
    """Whether the module may load a backend as soon as it is imported itself."""
    return (
        _room(_dotted(path)) in BACKEND_ROOMS
        or path.relative_to(PACKAGE).as_posix() in BACKEND_MODULES
    )


def _name(path: Path) -> str:
    """Name of a module in the list of tests."""
    return path.relative_to(PACKAGE).as_posix()


every_module = pytest.mark.parametrize("path", MODULES, ids=_name)
every_module_without_backend = pytest.mark.parametrize(
    "path",
    [path for path in MODULES if not _may_import_backends(path)],
    ids=_name,
)
every_stub = pytest.mark.parametrize("stub", STUBS, ids=_name)


def test_the_table_of_rooms_has_no_cycle():
    above: set[str] = set()
    for room, imported in reversed(MAY_IMPORT.items()):
        assert not imported & (above | {room}), f"{room} imports a room above it"
        above.add(room)


def test_every_room_is_in_the_table():
    rooms = {path.relative_to(PACKAGE).parts[0] for path in MODULES if path.parent != PACKAGE}
    assert rooms <= MAY_IMPORT.keys(), "give the new room a row in MAY_IMPORT"


def test_every_module_beside_the_rooms_is_a_known_leaf():
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert modules <= LEAVES | MAY_IMPORT.keys(), "put the module into a room, or name it in LEAVES"


def test_every_row_and_every_exemption_names_something_that_exists():
    known = {_dotted(path) for path in MODULES}
    assert MAY_IMPORT.keys() | LEAVES <= known
    assert set().union(*MAY_IMPORT.values()) <= MAY_IMPORT.keys()
    assert {
        name for name in FRONT_NAMES if hasattr(import_module("skconvattn"), name)
    } == FRONT_NAMES
    assert known >= BACKEND_ROOMS


@every_module
def test_imports_point_one_way(path: Path):
    assert _wrong_imports(_room(_dotted(path)), path.read_text()) == []


def test_no_module_imports_itself_by_way_of_others():
    graph = {_dotted(path): _imported_modules(path) for path in MODULES if path != FRONT}
    assert _cycle(graph) == []


def test_the_search_for_cycles_finds_one():
    assert _cycle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d", "b"]
    assert _cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_registry_finds_the_public_estimators():
    names = [name for name, _ in import_module("skconvattn").all_estimators()]
    endings = ("Forecaster", "Regressor", "Classifier")
    assert names == sorted(n for n in _stub_names(STUB.read_text()) if n.endswith(endings))


@every_module_without_backend
def test_no_backend_is_imported_at_the_top_of_a_module(path: Path):
    assert set(_imported_at_top_level(ast.parse(path.read_text()))) & BACKENDS == set()


def test_modules_bound_to_a_backend_belong_to_rooms_that_load_it_late_and_exist():
    assert all(name.startswith(("engine/", "networks/")) for name in BACKEND_MODULES)
    assert [name for name in BACKEND_MODULES if not (PACKAGE / name).is_file()] == []


@every_module
def test_modules_open_with_a_sentence_and_postpone_annotations(path: Path):
    tree = ast.parse(path.read_text())
    assert (ast.get_docstring(tree) or "").split("\n")[0].endswith(".")
    assert any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and [alias.name for alias in node.names] == ["annotations"]
        for node in tree.body
    )


@every_module
def test_modules_are_short(path: Path):
    assert len(path.read_text().splitlines()) <= MAX_LINES, "split it by subject"


def test_the_package_has_a_stub():
    assert STUB in STUBS


@every_stub
def test_stubs_name_what_their_package_exports(stub: Path):
    package = import_module(".".join(("skconvattn", *stub.parent.relative_to(PACKAGE).parts)))
    assert sorted(_stub_names(stub.read_text())) == sorted(package.__all__)
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_importing_the_package_and_its_classes_loads_nothing_heavy():
    script = """
import sys
import skconvattn
classes = [name for name in skconvattn.__all__ if name[0].isupper()]
for name in classes:
    getattr(skconvattn, name)
heavy = {"keras", "tensorflow", "jax", "torch", "scikeras", "optuna", "matplotlib"}
print(len(classes), *sorted(heavy & sys.modules.keys()))
"""
    completed = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    n_classes, *loaded = completed.stdout.split()
    assert loaded == []
    assert int(n_classes) >= 6


@pytest.mark.parametrize(
    ("room", "line", "n_wrong"),
    [
        ("layers", "from skconvattn.layers._masks import mask_scores", 0),
        ("layers", "from skconvattn._normalization import EPSILON", 0),
        ("layers", "from skconvattn import __version__, _normalization", 0),
        ("networks", "from skconvattn import layers", 0),
        ("networks", "import skconvattnot.engine", 0),
        ("layers", "from skconvattn import engine", 1),
        ("layers", "import skconvattn.engine.program as program", 1),
        ("layers", "from skconvattn import AttentionForecaster", 1),
        ("layers", "import skconvattn", 1),
        ("networks", "from ..layers import Attention", 1),
        ("engine", "if TYPE_CHECKING:\n    from skconvattn.estimators import Base", 1),
        ("engine", "def fit():\n    from skconvattn.forecasting import Base", 1),
        ("engine", "def fit():\n    import_module('skconvattn.architectures')", 1),
        ("_normalization", "from skconvattn.layers import Attention", 1),
        ("_registry", "def all_estimators():\n    import skconvattn", 1),
        ("_registry", "from skconvattn.architectures import attention", 0),
        ("_normalization", "from skconvattn._hyperparameters import parameter_names", 0),
        ("persistence", "from skconvattn import _registry", 1),
        ("persistence.loading", "from skconvattn import _registry", 0),
        ("estimators", "from skconvattn.persistence import saving", 0),
        ("estimators", "from skconvattn.persistence.loading import load", 1),
        ("estimators", "def load():\n    from skconvattn.persistence import loading", 1),
        ("engine", "from skconvattn import data, estimators, forecasting", 2),
    ],
)
def test_the_check_of_imports_sees_what_it_should(room: str, line: str, n_wrong: int):
    assert len(_wrong_imports(room, line)) == n_wrong


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import keras", ["keras"]),
        ("import numpy, keras.ops as ops", ["numpy", "keras"]),
        ("from tensorflow.python import eager", ["tensorflow"]),
        ("try:\n    import torch\nexcept ImportError:\n    torch = None", ["torch"]),
        ("class A:\n    import jax", ["jax"]),
        ("if TYPE_CHECKING:\n    import keras\nelse:\n    import jax", ["jax"]),
        ("def f():\n    import keras", []),
        ("async def f():\n    import keras", []),
    ],
)
def test_the_check_of_backends_sees_what_it_should(source: str, found: list[str]):
    assert list(_imported_at_top_level(ast.parse(source))) == found


def _wrong_imports(room: str, source: str) -> list[str]:
    """What a module of a room imports from the package and may not, as "line: name"."""
    if room == "__init__":
        return []
    allowed = MAY_IMPORT.get(room, set()) | LEAVES | FRONT_NAMES | {room}
    return [
        f"{line}: {name}"
        for line, name in _imports_from_package(ast.parse(source))
        if _room(name) not in allowed
    ]


def _imports_from_package(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and path within the package of everything that is imported, wherever that stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(level=level) if level > 0:
                modules = ["skconvattn.<relative import>"]
            case ast.ImportFrom(module=str(module), names=names):
                modules = [f"{module}.{alias.name}" for alias in names]
            case ast.Call(
                func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                modules = [module]
            case _:
                continue
        for module in modules:
            package, _, rest = module.partition(".")
            if package == "skconvattn":
                yield node.lineno, rest or "skconvattn"


def _imported_modules(path: Path) -> set[str]:
    """Modules of the package that a module imports at run time, early or late."""
    known = {_dotted(module) for module in MODULES if module != FRONT}
    imported = set()
    for _, name in _imports_from_package(_without_type_checking(path)):
        parts = name.split(".")
        ancestors = (".".join(parts[:i]) for i in range(len(parts), 0, -1))
        module = next((ancestor for ancestor in ancestors if ancestor in known), None)
        if module is not None:
            imported.add(module)
            if _exports_nothing(_path(module)):  # imported for nothing but what stands in it
                imported |= {other for other in known if other.startswith(f"{module}.")}
    return imported


def _exports_nothing(path: Path) -> bool:
    """Whether a package imports nothing of ours by itself, so that only its modules matter."""
    return path.name == "__init__.py" and "skconvattn" not in {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for name in [node.module or ""]
    }


def _without_type_checking(path: Path) -> ast.AST:
    """Syntax tree of a module as it runs."""

    class Runs(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
            return node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else node

    return Runs().visit(ast.parse(path.read_text()))


def _cycle(graph: dict[str, set[str]]) -> list[str]:
    """Modules of a cycle from one back to itself, or none."""
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for imported in sorted(graph.get(module, ())):
            if found := visit(imported, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := visit(module, []))), [])


def _imported_at_top_level(node: ast.AST) -> Iterator[str]:
    """Top-level packages that are imported when the module is, leaving out type checking."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            return
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            children = node.orelse
        case ast.Import(names=names):
            yield from (alias.name.partition(".")[0] for alias in names)
            return
        case ast.ImportFrom(module=str(module), level=0):
            yield module.partition(".")[0]
            return
        case _:
            children = ast.iter_child_nodes(node)
    for child in children:
        yield from _imported_at_top_level(child)


def _stub_names(source: str) -> list[str]:
    """The `__all__` of a stub file."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    raise AssertionError("the stub has no __all__")

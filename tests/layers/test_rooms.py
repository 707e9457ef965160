"""The room of the layers shows public layers and their bases; pure functions own no weights."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path

import keras
import pytest

import skconvattn.layers as public

ROOM = Path(public.__file__).parent
BASES = {"base", "convolutions", "recurrences"}
OPS = sorted(path for path in (ROOM / "ops").glob("*.py") if path.stem != "__init__")


def _layers(module: str) -> list[type]:
    """Layers that a module of the room defines."""
    classes = vars(import_module(f"skconvattn.layers.{module}")).values()
    return [
        each
        for each in classes
        if inspect.isclass(each)
        and issubclass(each, keras.layers.Layer)
        and each.__module__ == f"skconvattn.layers.{module}"
    ]


def test_modules_of_the_room_hold_public_layers_or_their_bases():
    modules = {path.stem for path in ROOM.glob("*.py")} - {"__init__"}
    assert modules >= BASES
    for module in modules - BASES:
        shown = {each.__name__ for each in _layers(module) if not each.__name__.startswith("_")}
        assert shown
        assert shown <= set(public.__all__)


@pytest.mark.parametrize("path", OPS, ids=lambda path: path.stem)
def test_pure_functions_own_no_weights_and_know_no_layer(path: Path):
    assert _layers(f"ops.{path.stem}") == []
    tree = ast.parse(path.read_text())
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & {"add_weight", "layers", "Variable"}
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [module for module in modules if module and module.startswith("skconvattn")]
    assert all(module.startswith("skconvattn.layers.ops.") for module in ours)


def test_bands_are_expanded_by_a_public_function():
    assert public.expand_band.__module__ == "skconvattn.layers.ops.bands"

"""A directive that lists the parameters which a class declares, with defaults, as a table."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import fields
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


class ParameterTable(SphinxDirective):
    """``parameter-table`` of a dotted class name; ``only`` names parameters, in their order."""

    required_arguments = 1
    option_spec = {"only": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        module, _, name = self.arguments[0].rpartition(".")
        declared = documented(getattr(importlib.import_module(module), name))
        wanted = self.options.get("only", " ".join(declared)).replace(",", " ").split()
        lines = [".. list-table::", "   :header-rows: 1", "   :widths: 24 16 60", ""]
        lines += ["   * - parameter", "     - default", "     - what it does"]
        for parameter in wanted:
            default, text = declared[parameter]
            lines += [f"   * - ``{parameter}``", f"     - ``{default}``", f"     - {text}"]
        container = nodes.container()
        self.state.nested_parse(StringList(lines, "parameter-table"), 0, container)
        return container.children


def documented(cls: Any) -> dict[str, tuple[str, str]]:
    """Return default and description of the parameters that a class itself declares, by name."""
    own = inspect.get_annotations(cls)
    return {
        field.name: (repr(field.default), " ".join(field.metadata["doc"].split()))
        for field in fields(cls)
        if field.name in own
    }


def setup(app: Any) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("parameter-table", ParameterTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

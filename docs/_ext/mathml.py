"""Formulas as MathML, which browsers draw by themselves: no script from another host is needed."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

# Alignment within a formula is written as in Sphinx, by "&" and a double backslash.
_ALIGNED = re.compile(r"\\\\|(?<!\\)&")


def inline(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula of its own, aligned where it has several lines."""
    text = node.astext().strip()
    if _ALIGNED.search(text) and r"\begin" not in text:
        text = rf"\begin{{align*}}{text}\end{{align*}}"
    translator.body.append(f'<div class="math">{convert(text, display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

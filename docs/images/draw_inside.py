"""Draw how a forecast is made: boxes and arrows as SVG, written beside this file.

python docs/images/draw_inside.py
"""

from __future__ import annotations

from pathlib import Path

BLUE, GREEN, GREY, ORANGE = "#0072B2", "#009E73", "#555555", "#D55E00"
# Box: left, top, width, height, colour, lines of text of which the first is bold.
BOXES = {
    "input": (250, 10, 300, 58, GREY, ["y and X", "pandas, NumPy, panels of sktime"]),
    "repair": (250, 98, 300, 58, GREY, ["history", "checked, gaps and outliers repaired"]),
    "smoothing": (10, 206, 180, 74, BLUE, ["smoothing", "of values and", "of logarithms"]),
    "pretrained": (207, 206, 180, 74, GREEN, ["pretrained", "attention over", "the last seasons"]),
    "linear": (413, 206, 180, 74, BLUE, ["linear", "ridge regression", "from window to horizon"]),
    "network": (610, 206, 180, 74, GREEN, ["network", "the architecture,", "trained in fit"]),
    "errors": (
        150, 330, 500, 58, ORANGE,
        ["errors at past origins", "of forecasts that had not seen what they forecast"],
    ),
    "average": (60, 438, 310, 58, GREY, ["weighted average", "weights_, by these errors"]),
    "intervals": (430, 438, 310, 58, GREY, ["intervals", "from the errors of the average"]),
}  # fmt: skip
ARROWS = [
    ("input", "repair"),
    *(("repair", member) for member in ("smoothing", "pretrained", "linear", "network")),
    *((member, "errors") for member in ("smoothing", "pretrained", "linear", "network")),
    ("errors", "average"),
    ("errors", "intervals"),
]


def main() -> None:
    """Write the drawing."""
    Path(__file__).with_name("inside.svg").write_text(svg(), encoding="utf-8")


def svg() -> str:
    """Return the drawing."""
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 506" role="img" '
        'aria-label="How a forecast is made" font-family="sans-serif" font-size="15">'
    )
    marker = (
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="{GREY}"/></marker></defs>'
    )
    arrows = [_arrow(BOXES[start], BOXES[end]) for start, end in ARROWS]
    boxes = [_box(*box) for box in BOXES.values()]
    ground = '<rect width="800" height="506" fill="white"/>'
    parts = [head, marker, ground, *arrows, *boxes, "</svg>"]
    return "\n".join(parts) + "\n"


def _box(left: int, top: int, width: int, height: int, colour: str, lines: list[str]) -> str:
    middle, first = left + width / 2, top + height / 2 - 10 * (len(lines) - 1) + 5
    shape = (
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="8" fill="white" '
        f'stroke="{colour}" stroke-width="2"/>'
    )
    style = f'text-anchor="middle" fill="#222222" x="{middle}"'
    weights = ["bold"] + ["normal"] * (len(lines) - 1)
    texts = [
        f'<text y="{first + 20 * i}" font-weight="{weight}" {style}>{line}</text>'
        for i, (weight, line) in enumerate(zip(weights, lines, strict=True))
    ]
    return "\n".join([shape, *texts])


def _arrow(start: tuple, end: tuple) -> str:
    x1, y1 = start[0] + start[2] / 2, start[1] + start[3]
    x2, y2 = end[0] + end[2] / 2, end[1]
    # Several arrows reach a wide box side by side.
    x1 = min(max(x2, start[0] + 30), start[0] + start[2] - 30)
    x2 = min(max(x1 if end[2] > start[2] else x2, end[0] + 30), end[0] + end[2] - 30)
    return (
        f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{GREY}" stroke-width="1.5" fill="none" '
        'marker-end="url(#head)"/>'
    )


if __name__ == "__main__":
    main()

"""
A bar chart as an image that carries itself.

Prefect shows an image artifact by its URL and keeps no files. A data URI needs no server, is the
same for ever, and inside an image nothing of an SVG can run.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from cct_ops.clients.text import one_line

MOST_BARS = 15
LABEL_CHARACTERS = 32
ROW, BAR, LEFT, WIDTH, RIGHT = 26, 16, 250, 380, 60
LOW, HIGH = "#1565c0", "#c62828"


def bar_chart(title: str, bars: Sequence[tuple[str, int]], threshold: int) -> str:
    """Draw the largest bars as SVG; those above the threshold are red, and a line marks it."""
    shown = sorted(bars, key=lambda bar: (-bar[1], bar[0]))[:MOST_BARS]
    scale = WIDTH / max([value for _, value in shown] + [threshold + 1])
    height = ROW * (len(shown) + 2)
    size = {"width": str(LEFT + WIDTH + RIGHT), "height": str(height)}
    svg = Element("svg", size, xmlns="http://www.w3.org/2000/svg")
    SubElement(svg, "rect", width="100%", height="100%", fill="white")
    _text(svg, 10, 18, title)
    for number, (label, value) in enumerate(shown, start=1):
        top, length = ROW * number, value * scale
        _text(svg, LEFT - 8, top + 13, one_line(label, LABEL_CHARACTERS), anchor="end")
        place = {"x": str(LEFT), "y": str(top), "width": f"{length:.1f}", "height": str(BAR)}
        SubElement(svg, "rect", place, fill=HIGH if value > threshold else LOW)
        _text(svg, LEFT + length + 5, top + 13, str(value))
    mark = f"{LEFT + threshold * scale:.1f}"
    line = {"x1": mark, "x2": mark, "y1": str(ROW), "y2": str(height - ROW), "stroke": "black"}
    SubElement(svg, "line", line)
    return tostring(svg, encoding="unicode")


def data_uri(svg: str) -> str:
    """Make an SVG its own address."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _text(svg: Element, x: float, y: float, words: str, *, anchor: str = "start") -> None:
    style = {"font-family": "sans-serif", "font-size": "13", "text-anchor": anchor}
    SubElement(svg, "text", style, x=f"{x:.1f}", y=f"{y:.1f}").text = words

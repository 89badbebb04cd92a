"""
A review's timeline as a picture: lanes from left to right, or from the top down for a phone.

It is SVG and asks for nothing: within a page it takes the page's colours, alone it brings its own,
light and dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement, tostring

from cct_ops.models.base import counted
from cct_ops.models.review import Review
from cct_ops.record.report.words import took
from cct_ops.record.review.marks import LANES, Bar, Lane, Mark, bars_of, marks_of, moments_of
from cct_ops.record.review.stops import spread, stops_of
from cct_ops.terminal import visible

STYLE = files("cct_ops.record").joinpath("templates", "timeline.css").read_text()
COLOURS = """
:root { --card: #fff; --ink: #17202b; --soft: #5a6675; --line: #dde2e8; --code: #eef1f5;
  --good: #0b6e3c; --bad: #b3261e; --warn: #8a5300; --change: #0a58b0; --rest: #5f6c7b;
  --people: #7a3ea1; }
@media (prefers-color-scheme: dark) { :root { --card: #1a2129; --ink: #e8edf2; --soft: #9aa8b7;
  --line: #2f3a46; --code: #26303a; --good: #45c07f; --bad: #f2857d; --warn: #f3c36b;
  --change: #7db4f5; --rest: #8fa0b2; --people: #cf9bf0; } }
"""

WIDE, LEFT, RIGHT, TOP, FOOT = 1040, 112, 96, 40, 22
LANE, BAR, MOST_BARS = 34, 18, 8
NARROW, COLUMN, FIRST_COLUMN, HEAD = 360, 25, 84, 92
ROW, DAY = 24, 22
CHARACTER, SHORTEST_WORD = 6.4, 6
TICK, GAP_WORDS, LONG_GAP_SECONDS = 76, 50, 60
LEAST_APART = 13.5
RADIUS = 5.5


def wide(review: Review, *, alone: bool = False) -> str:
    """Draw it from left to right; ``alone`` it brings its own colours."""
    stops = stops_of(moments_of(review))
    places = [LEFT + x for x in spread(stops, WIDE - LEFT - RIGHT, LEAST_APART)]
    bars = bars_of(review, stops)
    tops = _tops(min(len(bars), MOST_BARS + 1))
    svg = _svg(review, stops, WIDE, tops[-1] + FOOT, alone=alone)
    for number, lane in enumerate(LANES):
        if number % 2 == 0:
            height = tops[number + 1] - tops[number]
            _rect(svg, "band", 0, tops[number], WIDE, height)
        _text(svg, "head", 10, tops[number] + 21, lane)
    _axis(svg, stops, places, tops[-1])
    changes = tops[LANES.index(Lane.CHANGES)]
    for row, bar in enumerate(bars[:MOST_BARS]):
        _bar(svg, bar, places, changes + LANE - 2 + row * BAR)
    if len(bars) > MOST_BARS:
        more = f"and {len(bars) - MOST_BARS} more temporary changes"
        _text(svg, "soft small", LEFT, changes + LANE + 11 + MOST_BARS * BAR, more)
    marks = marks_of(review, stops)
    for at, mark in enumerate(marks):
        later = marks[at + 1] if at + 1 < len(marks) else None
        x, y = places[mark.stop], tops[LANES.index(mark.lane)] + LANE / 2
        room = WIDE if later is None or later.lane is not mark.lane else places[later.stop]
        _mark(svg, mark, x, y)
        fits = int((room - x - 16) / CHARACTER)
        if fits >= min(len(mark.word), SHORTEST_WORD):
            _text(svg, "small", x + 10, y + 4, visible(mark.word, fits))
    return tostring(svg, encoding="unicode")


def narrow(review: Review, *, alone: bool = False) -> str:
    """Draw it from the top down, with a word at each stop."""
    stops = stops_of(moments_of(review))
    places = _rows(stops)
    svg = _svg(review, stops, NARROW, places[-1] + 24, alone=alone)
    columns = [FIRST_COLUMN + COLUMN * number for number in range(len(LANES))]
    for number, (lane, x) in enumerate(zip(LANES, columns, strict=True)):
        if number % 2 == 0:
            _rect(svg, "band", x - COLUMN / 2, HEAD - 12, COLUMN, places[-1] - HEAD + 30)
        text = _text(svg, "head small", x + 3, HEAD - 18, lane)
        text.set("transform", f"rotate(-52 {x + 3} {HEAD - 18})")
    day = None
    for stop, y in zip(stops, places, strict=True):
        if stop.astimezone(UTC).date() != day:
            day = stop.astimezone(UTC).date()
            _text(svg, "soft small", 4, y - 12, f"{day:%Y-%m-%d} UTC")
        _text(svg, "small", 4, y + 4, _clock(stop))
    for y1, y2, seconds in _long_ways(stops, places):
        _text(svg, "soft small", 4, (y1 + y2) / 2 + 4, f"· {took(seconds)} ·")
    for number, bar in enumerate(bars_of(review, stops)[:3]):
        x = columns[LANES.index(Lane.CHANGES)] - 9 + number * 6
        height = max(6.0, places[bar.last] - places[bar.first])
        _said(_rect(svg, _look(bar), x, places[bar.first], 5, height), bar.words)
    words: dict[int, list[str]] = {}
    for mark in marks_of(review, stops):
        words.setdefault(mark.stop, []).append(mark.word)
        _mark(svg, mark, columns[LANES.index(mark.lane)], places[mark.stop])
    for at, said in words.items():
        room = int((NARROW - columns[-1] - 14) / 5.7)
        whole = ", ".join(said)
        cut = whole if len(whole) <= room else f"{whole[: room - 1]}…"
        _text(svg, "small", columns[-1] + 14, places[at] + 4, cut)
    return tostring(svg, encoding="unicode")


def _tops(bars: int) -> list[float]:
    """Return where each lane begins, and where the last one ends."""
    tops = [float(TOP)]
    for lane in LANES:
        tops.append(tops[-1] + LANE + (bars * BAR + 4 if lane is Lane.CHANGES and bars else 0))
    return tops


def _rows(stops: Sequence[datetime]) -> list[float]:
    """Return the height of each stop; a new day has room for its name."""
    places, day = [], None
    steps = [0.0, *(y2 - y1 for y1, y2 in pairwise(spread(stops, ROW * 1.6 * len(stops), ROW)))]
    at = float(HEAD)
    for stop, step in zip(stops, steps, strict=True):
        at += step
        if stop.astimezone(UTC).date() != day:
            day = stop.astimezone(UTC).date()
            at += DAY
        places.append(at)
    return places


def _svg(
    review: Review, stops: Sequence[datetime], width: float, height: float, *, alone: bool
) -> Element:
    """Begin the picture, with what it is for those who do not see it."""
    size = {"viewBox": f"0 0 {width:g} {height:g}", "class": "timeline", "role": "img"}
    if alone:
        size |= {"width": f"{width:g}", "height": f"{height:g}"}
    svg = Element("svg", size, xmlns="http://www.w3.org/2000/svg")
    SubElement(svg, "title").text = visible(f"Timeline of {review.account.title}")
    SubElement(svg, "desc").text = described(review, stops)
    if alone:
        SubElement(svg, "style").text = COLOURS + STYLE
    _rect(svg, "ground", 0, 0, width, height)
    return svg


def described(review: Review, stops: Sequence[datetime]) -> str:
    """Say in words what the picture shows."""
    marks = marks_of(review, stops)
    entries = review.account.entries
    lanes = [
        f"{lane.lower()} {sum(len(mark.entries) for mark in marks if mark.lane is lane)}"
        for lane in LANES
    ]
    last = took((entries[-1].at - entries[0].at).total_seconds()) if entries else "0 s"
    return (
        f"{counted(len(entries), 'step')} in {last}, by lane: {', '.join(lanes)};"
        f" {counted(len(review.changes), 'temporary change')}. The way between two steps grows"
        " with the logarithm of the time between them. The list of all steps has the same in words."
    )


def _axis(svg: Element, stops: Sequence[datetime], places: Sequence[float], bottom: float) -> None:
    """Write the time of as many stops as there is room for, and how long the long ways are."""
    free, day = 0.0, None
    for stop, x in zip(stops, places, strict=True):
        if x < free:
            continue
        free, here = x + TICK, stop.astimezone(UTC).date()
        if here != day:
            words = f"{here:%Y-%m-%d} UTC"
            _text(svg, "soft small", x, 14, words)
            free, day = max(free, x + CHARACTER * (len(words) + 1)), here
        _text(svg, "small", x, 30, _clock(stop))
        ends = {"x1": f"{x:.1f}", "x2": f"{x:.1f}", "y1": "36", "y2": f"{bottom:.1f}"}
        SubElement(svg, "line", ends, **{"class": "grid"})
    for x1, x2, seconds in _long_ways(stops, places):
        text = _text(svg, "soft small", (x1 + x2) / 2, bottom + 14, f"· {took(seconds)} ·")
        text.set("text-anchor", "middle")


def _long_ways(
    stops: Sequence[datetime], places: Sequence[float]
) -> Iterator[tuple[float, float, float]]:
    """Yield the ways with room for words of how long they are, where that is long, with both."""
    for (from_, to), (earlier, later) in zip(pairwise(places), pairwise(stops), strict=True):
        seconds = (later - earlier).total_seconds()
        if to - from_ >= GAP_WORDS and seconds >= LONG_GAP_SECONDS:
            yield from_, to, seconds


def _bar(svg: Element, bar: Bar, places: Sequence[float], y: float) -> None:
    """Draw a temporary change, with its call as far as there is room."""
    x, width = places[bar.first], max(8.0, places[bar.last] - places[bar.first])
    _said(_rect(svg, _look(bar), x, y, width, BAR - 5), bar.words)
    state = " (overdue)" if bar.overdue else " (open)" if bar.open else ""
    words, room = f"{bar.words}{state}", int((WIDE - x - 8) / CHARACTER)
    cut = words if len(words) <= room else f"{words[: room - 1]}…"
    _text(svg, "small", x + 4, y + 10, cut)


def _look(bar: Bar) -> str:
    return f"bar{' open' if bar.open else ''}{' overdue' if bar.overdue else ''}"


def _mark(svg: Element, mark: Mark, x: float, y: float) -> None:
    """Draw a mark; several steps are a number, and what went badly is no circle."""
    look = f"{mark.lane.lower()}{' bad' if mark.bad else ''}"
    number = len(mark.entries)
    place = {"class": look}
    if mark.bad:
        r = RADIUS + 2
        points = f"{x:.1f},{y - r:.1f} {x + r:.1f},{y:.1f} {x:.1f},{y + r:.1f} {x - r:.1f},{y:.1f}"
        shape = SubElement(svg, "polygon", place, points=points)
    else:
        radius = RADIUS if number == 1 else RADIUS + 2
        shape = SubElement(svg, "circle", place, cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{radius:g}")
    lines = [f"{_clock(entry.at)} {entry.text}" for entry in mark.entries[:12]]
    _said(shape, "\n".join([*lines, *(["…"] if number > len(lines) else [])]))
    if number > 1:
        words = _text(svg, "number", x, y + 3.5, str(number) if number < 100 else "99+")
        words.set("text-anchor", "middle")


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M:%S}"


def _said(shape: Element, words: str) -> None:
    """Let the words show where somebody points at the shape."""
    SubElement(shape, "title").text = "\n".join(visible(line) for line in words.splitlines())


def _rect(svg: Element, look: str, x: float, y: float, width: float, height: float) -> Element:
    size = {"width": f"{width:.1f}", "height": f"{height:.1f}", "class": look}
    return SubElement(svg, "rect", size, x=f"{x:.1f}", y=f"{y:.1f}", rx="3")


def _text(svg: Element, look: str, x: float, y: float, words: str) -> Element:
    found = SubElement(svg, "text", {"class": look}, x=f"{x:.1f}", y=f"{y:.1f}")
    found.text = visible(words)
    return found

"""A report as one page with its charts, which opens offline: nothing of it comes from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from cct_ops.models.run import Outcome
from cct_ops.record.page import pages
from cct_ops.record.report.figures import ENDED, TIMES
from cct_ops.record.report.model import Figure, Group, Report, Section
from cct_ops.record.report.words import MEANINGS, first_sentence, value

MOST_IDS = 20_000
"""The ids with which a page still opens at once; more of them are in ``--json`` alone."""

_GOOD = {Outcome.RESOLVED, Outcome.NOTHING_TO_DO, Outcome.PASSED, Outcome.RECOMMENDED}
_SHOWN = ("incidents", "acknowledged", "verified fixes", "undone", "came back within 24 h")


class Part(NamedTuple):
    """A part of a bar, from 0 to 100."""

    kind: str
    at: float
    width: float
    words: str


class Bar(NamedTuple):
    """A bar with its name and its value in words."""

    name: str
    parts: tuple[Part, ...]
    words: str


class Column(NamedTuple):
    """A column of the chart of days, from 0 to 100 from the ground up."""

    at: float
    width: float
    height: float
    fixed: float
    words: str


def render(report: Report) -> str:
    """Return the page."""
    sections = (report.total, *report.playbooks)
    number = sum(len(figure.ids) for section in sections for figure in section.figures)
    return (
        pages("report")
        .get_template("report.html.j2")
        .render(
            report=report,
            sections=sections,
            sentence=first_sentence(report),
            cards=[report.total[name] for name in (*_SHOWN, "minutes saved")],
            columns=list(_columns(report)),
            most=max((span.incidents for span in report.spans), default=0),
            ends=[_ended(section) for section in report.playbooks],
            times=list(_times(report.total)),
            groups=list(Group),
            meanings=MEANINGS,
            with_ids=number <= MOST_IDS,
            value=value,
        )
    )


def _columns(report: Report) -> Iterator[Column]:
    """Yield a column for each day or week."""
    width = 100 / max(1, len(report.spans))
    most = max((span.incidents for span in report.spans), default=1) or 1
    for at, span in enumerate(report.spans):
        words = f"{span.begin:%Y-%m-%d}: {span.incidents}, {span.fixed} of them fixed"
        height, fixed = 100 * span.incidents / most, 100 * span.fixed / most
        yield Column(at * width + width * 0.1, width * 0.8, height, fixed, words)


def _ended(section: Section) -> Bar:
    """Return how the runs of a playbook ended, as the parts of a bar."""
    ends = sorted(section.group(Group.ENDED), key=_kind_order)
    whole = sum(figure.value or 0 for figure in ends) or 1
    parts, at = [], 0.0
    for figure in ends:
        width = 100 * (figure.value or 0) / whole
        outcome = figure.name.removeprefix(ENDED)
        parts.append(Part(_kind(figure), at, width, f"{outcome}: {figure.value:g}"))
        at += width
    return Bar(section.playbook or "", tuple(parts), ", ".join(part.words for part in parts))


def _kind(figure: Figure) -> str:
    """Return the class of an outcome: good, bad, or neither."""
    outcome = figure.name.removeprefix(ENDED)
    if outcome in _GOOD:
        return "good"
    return "bad" if outcome in set(Outcome) and Outcome(outcome).needs_attention else "rest"


def _kind_order(figure: Figure) -> tuple[int, str]:
    return ("good", "rest", "bad").index(_kind(figure)), figure.name


def _times(total: Section) -> Iterator[Bar]:
    """Yield each time from its median to its 95th percentile, on a scale of powers of ten."""
    longest = max((total[f"{name}, p95"].value or 0 for name in TIMES), default=0)
    scale = 99 / math.log10(1 + max(longest, 1))
    for name in TIMES:
        median, p95 = total[f"{name}, median"], total[f"{name}, p95"]
        words = f"{value(median)} / {value(p95)}"
        parts: tuple[Part, ...] = ()
        if median.value is not None and p95.value is not None:
            at, end = (scale * math.log10(1 + each) for each in (median.value, p95.value))
            parts = (Part("spread", at, end - at, words), Part("mark", at, 0.8, words))
        yield Bar(name, parts, words)

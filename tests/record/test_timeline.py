"""The picture of a timeline stays readable, says all of it, and takes text of others as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from xml.etree.ElementTree import Element, fromstring

import pytest

from cct_ops.models.account import Account, AccountOf, Actor, ActorKind, Entry, EntryKind
from cct_ops.models.plan import Call
from cct_ops.models.review import Review, Weakening
from cct_ops.record.review import picture
from cct_ops.record.review.marks import LANES, bars_of, marks_of, moments_of, went_badly
from cct_ops.record.review.stops import MOST_STOPS, spread, stop_at, stops_of

BEGAN = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
KINDS = list(EntryKind)
TEXTS = {
    EntryKind.VERIFICATION: "verified: holds: as it should",
    EntryKind.OUTCOME: "ended as Resolved: it holds",
}


def step(at: datetime, kind: EntryKind, text: str | None = None) -> Entry:
    """Return an entry of a kind."""
    by = Actor(kind=ActorKind.OURS, name="cct-ops")
    words = text or TEXTS.get(kind, "it was so")
    return Entry(at=at, kind=kind, actor=by, text=words, row="decisions 1")


def reviewed(*entries: Entry, changes: tuple[Weakening, ...] = ()) -> Review:
    """Return a review of these steps."""
    account = Account(
        id=UUID(int=7),
        about=AccountOf.INCIDENT,
        heading="CanaryRolledBack",
        state="open",
        summary=None,
        outcome=None,
        runs=(),
        entries=entries,
        thread=None,
        read_at=BEGAN + timedelta(hours=3),
    )
    nothing = dict.fromkeys(
        ("targets", "took", "runs", "related", "lessons", "checklist", "follow_ups", "proposals"),
        (),
    )
    words = {"headline": None, "severity": None, "duration": "-", "detected": "-"}
    return Review.model_validate({"account": account, "changes": changes, **nothing, **words})


def weakened(minutes: float, lasts: float, ended: float | None = None) -> Weakening:
    """Return a temporary change, by the minutes after the beginning."""
    made = BEGAN + timedelta(minutes=minutes)
    until = made + timedelta(minutes=lasts)
    return Weakening(
        id=UUID(int=8),
        call=Call(method="set_limit", arguments={"to": 5}),
        owner="anna",
        reason="-",
        state="active" if ended is None else "reverted",
        made_at=made,
        until=until,
        ended_at=None if ended is None else BEGAN + timedelta(minutes=ended),
        overdue=ended is None and until < BEGAN + timedelta(hours=3),
    )


ONE = [BEGAN]
MANY = [BEGAN + timedelta(seconds=7 * n + n % 13 * n % 5) for n in range(500)]
FAR_APART = [
    BEGAN + timedelta(days=3 * day, milliseconds=300 * n) for day in range(4) for n in range(5)
]


@pytest.mark.parametrize("moments", [ONE, MANY, FAR_APART], ids=["one", "many", "far apart"])
def test_every_step_is_in_the_picture_and_none_upon_another(moments: list[datetime]) -> None:
    """Wide, and for a phone."""
    steps = [step(at, KINDS[n * 7 % len(KINDS)]) for n, at in enumerate(moments)]
    review = reviewed(*steps)
    stops = stops_of(moments_of(review))
    places = spread(stops, 832, picture.LEAST_APART)

    marks = marks_of(review, stops)

    assert sum(len(mark.entries) for mark in marks) == len(steps)
    assert len(stops) <= MOST_STOPS
    assert all(b - a >= picture.LEAST_APART for a, b in pairwise(places))
    assert places[0] >= 0
    assert places[-1] <= 833
    for drawn in (picture.wide(review), picture.narrow(review)):
        svg = drawing(drawn)
        assert outside(svg) == []
        assert len(shapes(svg)) == len(marks)


def test_the_days_above_the_picture_leave_room_for_each_other() -> None:
    """At 11 pixels a character of a date is up to 6.4 wide on average."""
    steps = [step(BEGAN + timedelta(minutes=97 * n), EntryKind.ALERT) for n in range(150)]

    svg = drawing(picture.wide(reviewed(*steps)))

    days = [each for each in svg.iter(f"{SVG}text") if each.get("y") == "14.0"]
    assert len(days) > 3
    for one, other in pairwise(days):
        assert float(other.attrib["x"]) > float(one.attrib["x"]) + 6.4 * len(one.text or "")


def drawing(text: str) -> Element:
    """Read what was drawn, which is XML or an error."""
    return fromstring(text)  # noqa: S314 -- drawn by us


def shapes(svg: Element) -> list[Element]:
    """Return the marks that are drawn."""
    return [*svg.iter(f"{SVG}circle"), *svg.iter(f"{SVG}polygon")]


def outside(svg: Element) -> list[dict[str, str]]:
    """Return what is drawn outside of the picture."""
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    places = [
        (float(each.get("cx", each.get("x", "0"))), float(each.get("cy", each.get("y", "0"))), each)
        for each in svg.iter()
    ]
    return [each.attrib for x, y, each in places if not (0 <= x <= width and 0 <= y <= height)]


def test_the_longer_the_time_the_longer_the_way_and_days_leave_room_for_seconds() -> None:
    places = spread(stops_of(FAR_APART), 832, picture.LEAST_APART)
    ways = [b - a for a, b in pairwise(places)]

    within, between = ways[0], ways[4]
    assert between > 2 * within
    assert within > picture.LEAST_APART


def test_a_temporary_change_is_a_bar_to_its_end_or_to_where_it_stands() -> None:
    """One that is overdue lasts until now, one that is open to where it should end."""
    ended, overdue, lasting = weakened(1, 30, ended=20), weakened(2, 30), weakened(3, 400)
    review = reviewed(step(BEGAN, EntryKind.BEGAN), changes=(ended, overdue, lasting))
    stops = stops_of(moments_of(review))

    bars = bars_of(review, stops)

    assert [stops[bar.last] for bar in bars] == [
        BEGAN + timedelta(minutes=20),
        review.account.read_at,
        lasting.until,
    ]
    assert [(bar.open, bar.overdue) for bar in bars] == [
        (False, False),
        (True, True),
        (True, False),
    ]
    drawn = drawing(picture.wide(review))
    assert sum("bar" in each.get("class", "").split() for each in drawn.iter(f"{SVG}rect")) == 3


def test_more_temporary_changes_than_there_is_room_for_are_counted() -> None:
    many = tuple(weakened(n, 30, ended=n + 9) for n in range(12))

    drawn = picture.wide(reviewed(step(BEGAN, EntryKind.BEGAN), changes=many))

    assert "and 4 more temporary changes" in drawn
    assert outside(drawing(drawn)) == []


def test_who_does_not_see_it_is_told_what_it_shows() -> None:
    review = reviewed(step(BEGAN, EntryKind.ALERT), step(BEGAN, EntryKind.PAGE))

    for drawn in (picture.wide(review), picture.narrow(review, alone=True)):
        svg = drawing(drawn)
        assert svg.get("role") == "img"
        assert (
            svg.findtext(f"{SVG}title") == f"Timeline of Incident {UUID(int=7)}: CanaryRolledBack"
        )
        assert "2 steps in 0.0 s, by lane: alerts 1, decisions 0" in (
            svg.findtext(f"{SVG}desc") or ""
        )


def test_text_of_others_is_text_in_it() -> None:
    """Also what no XML may hold."""
    wrong = "</text><script>alert(1)</script>\x1b[2J\x00\u202e & ]]>"
    review = reviewed(step(BEGAN, EntryKind.ANSWER, wrong), step(BEGAN, EntryKind.DECISION, wrong))

    for drawn in (picture.wide(review, alone=True), picture.narrow(review)):
        svg = drawing(drawn)
        assert {each.tag for each in svg.iter()} <= {
            f"{SVG}{tag}"
            for tag in ("svg", "title", "desc", "style", "rect", "text", "line", "circle")
        }
        assert r"\x1b[2J" in "".join(svg.itertext())


@pytest.mark.parametrize(
    ("kind", "text", "bad"),
    [
        (EntryKind.VERIFICATION, "verified: holds: -", False),
        (EntryKind.VERIFICATION, "verified: broken: -", True),
        (EntryKind.OUTCOME, "ended as Resolved: -", False),
        (EntryKind.OUTCOME, "ended as Undone: -", True),
        (EntryKind.PAGE, "page: anna not reached: -", True),
        (EntryKind.CRASH, "the run showed no sign of life", True),
        (EntryKind.NOTICE, "notified", False),
    ],
)
def test_what_went_badly_has_a_shape_of_its_own(kind: EntryKind, text: str, bad: bool) -> None:
    """Colour alone tells nobody who does not see colours."""
    entry = step(BEGAN, kind, text)

    assert went_badly(entry) is bad
    drawn = drawing(picture.wide(reviewed(entry)))
    assert len(list(drawn.iter(f"{SVG}polygon"))) == int(bad)


def test_every_kind_of_step_has_its_lane() -> None:
    moments = [step(BEGAN + timedelta(minutes=n), kind) for n, kind in enumerate(KINDS)]

    marks = marks_of(reviewed(*moments), stops_of(each.at for each in moments))

    assert {mark.lane for mark in marks} == set(LANES)
    assert stop_at([BEGAN], BEGAN - timedelta(days=1)) == 0

"""A weekly rota keeps its hand-over on the wall, and whatever is wrong with it has its line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cct_ops.config import contacts
from cct_ops.config.rota import Layer
from cct_ops.models.on_call import By, Cover, Planned, turns
from tests.config.refusing import refusal

LISBON = "Europe/Lisbon"
CONTACTS = (
    "contacts:\n  - {id: ana, block: x/y}\n  - {id: bo, block: x/z}\n  - {id: lead, block: x/l}\n"
)
LAYER = (
    "name: primary, timezone: Europe/Lisbon, people: [ana, bo], starts: 2026-01-05,"
    ' hand_over: {day: mon, time: "09:00"}'
)


def layer(day: str = "mon", time: str = "09:00", timezone: str = LISBON) -> Layer:
    """Two people in turn from the first Monday of 2026 on."""
    return Layer.model_validate(
        {
            "name": "primary",
            "timezone": timezone,
            "people": ["ana", "bo"],
            "starts": "2026-01-05",
            "hand_over": {"day": day, "time": time},
        }
    )


def turn_at(of: Layer, at: datetime) -> Planned:
    """Return the one planned turn of a moment."""
    (found,) = [
        each for each in of.weekly(at, at + timedelta(days=7)) if each.begins <= at < each.ends
    ]
    return found


def test_people_take_turns_from_the_first_hand_over_on_and_nobody_before() -> None:
    known = layer(day="wed")

    found = list(known.weekly(datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)))

    assert found[0].begins == datetime(2026, 1, 7, 9, tzinfo=ZoneInfo(LISBON))
    assert [each.person for each in found[:4]] == ["ana", "bo", "ana", "bo"]
    assert all(one.ends == next_one.begins for one, next_one in pairwise(found))


@pytest.mark.parametrize(
    ("day", "time", "timezone", "moment", "hours"),
    [
        # The clocks change within the week: it is an hour shorter, or longer.
        ("mon", "09:00", LISBON, "2026-03-25", 167),
        ("mon", "09:00", LISBON, "2026-10-21", 169),
        ("sat", "23:00", LISBON, "2026-03-25", 168),
        ("sat", "23:00", LISBON, "2026-03-29", 167),
        ("sat", "23:00", LISBON, "2026-10-25", 169),
        ("sun", "23:00", LISBON, "2026-03-29", 167),
        ("mon", "09:00", "America/New_York", "2026-03-05", 167),
        ("mon", "09:00", "Australia/Sydney", "2026-04-01", 169),
        ("mon", "09:00", "Asia/Tokyo", "2026-03-25", 168),
    ],
)
def test_a_hand_over_keeps_its_time_on_the_wall_when_the_clocks_change(
    day: str, time: str, timezone: str, moment: str, hours: int
) -> None:
    zone = ZoneInfo(timezone)
    at = datetime.fromisoformat(moment).replace(tzinfo=zone, hour=1)

    found = turn_at(layer(day, time, timezone), at)

    assert found.ends - found.begins == timedelta(hours=hours)
    for edge in (found.begins, found.ends):
        assert f"{edge.astimezone(zone):%a %H:%M}".lower() == f"{day} {time}"


def test_a_hand_over_at_a_time_that_a_day_lacks_or_has_twice_is_one_all_the_same() -> None:
    """Neither is there a moment with nobody, nor one with two."""
    known = layer("sun", "02:30", "Europe/Berlin")

    for month, day, utc in ((3, 29, "01:30"), (10, 25, "00:30")):
        before = turn_at(known, datetime(2026, month, day - 1, tzinfo=UTC))
        behind = turn_at(known, datetime(2026, month, day + 1, tzinfo=UTC))
        assert before.ends == behind.begins
        assert f"{behind.begins.astimezone(UTC):%H:%M}" == utc


@pytest.mark.parametrize(
    ("rota", "said"),
    [
        (f"layers: [{{{LAYER}}}]\n", ":5: rota.fallback: Field required"),
        ("layers: []\n  fallback: [lead]", ":6: rota.layers: must not be empty"),
        (f"layers: [{{{LAYER}}}]\n  fallback: [nobody]", "names nobody, and no contact is called"),
        (
            f"layers: [{{{LAYER.replace('primary', 'lead')}}}]\n  fallback: [lead]",
            "lead cannot be both a contact and a layer",
        ),
        (
            f"layers: [{{{LAYER}}}, {{{LAYER}}}]\n  fallback: [lead]",
            "two layers are called primary",
        ),
        (
            f"layers: [{{{LAYER.replace(LISBON, 'Mars/X')}}}]\n  fallback: [lead]",
            ":6: rota.layers.0.timezone: no such time zone",
        ),
        (
            f"layers: [{{{LAYER.replace('mon', 'monday')}}}]\n  fallback: [lead]",
            ":6: rota.layers.0.hand_over.day: Input should be 'mon'",
        ),
        (
            "layers: [{name: primary, timezone: UTC, people: [ana]}]\n  fallback: [lead]",
            ":6: rota.layers.0: a layer takes people, starts and hand_over, or else a calendar",
        ),
        (
            f"layers: [{{{LAYER}, calendar: {{path: x}}}}]\n  fallback: [lead]",
            "a layer has a calendar, or people with starts and hand_over, not both",
        ),
        (
            "layers: [{name: primary, timezone: UTC, calendar: {}}]\n  fallback: [lead]",
            ":6: rota.layers.0.calendar: say where the calendar is",
        ),
    ],
)
def test_a_wrong_rota_is_refused_with_its_line(tmp_path: Path, rota: str, said: str) -> None:
    path = tmp_path / "contacts.yaml"

    refused = refusal(contacts.read, path, f"{CONTACTS}rota:\n  {rota}")

    assert refused.startswith(f"{path}:")
    assert said in refused


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def hours(number: float) -> datetime:
    """So many hours after noon."""
    return NOON + timedelta(hours=number)


def cover(person: str, instead_of: str, begins: float, ends: float, **more: object) -> Cover:
    """A cover that somebody entered."""
    values = {
        "id": "0d8f6a6e-6a0c-4b53-9a5e-3f1f2f7c9b11",
        "person": person,
        "instead_of": instead_of,
        "begins": hours(begins),
        "ends": hours(ends),
        "reason": "flu",
        "entered_by": "Ana",
        "entered_at": NOON,
    }
    return Cover.model_validate(values | more)


def told(*covers: Cover, planned: tuple[tuple[str, float, float], ...]) -> list[tuple[object, ...]]:
    """Return who is on call in the day after noon, and from when until when."""
    plans = [Planned(person=who, begins=hours(b), ends=hours(e)) for who, b, e in planned]
    found = turns("primary", plans, covers, "lead", NOON, hours(24))
    assert (found[0].begins, found[-1].ends) == (NOON, hours(24))
    return [(each.person, each.by.value, (each.ends - NOON) / timedelta(hours=1)) for each in found]


def test_where_nobody_is_planned_the_fallback_is_on_call() -> None:
    assert told(planned=(("ana", 2, 8),)) == [
        ("lead", "fallback", 2),
        ("ana", "rota", 8),
        ("lead", "fallback", 24),
    ]


def test_of_turns_that_overlap_the_one_that_began_last_holds_and_of_those_the_shorter() -> None:
    planned = (("ana", -9, 24), ("bo", 4, 6), ("chen", 4, 5))

    assert [each[::2] for each in told(planned=planned)] == [
        ("ana", 4),
        ("chen", 5),
        ("bo", 6),
        ("ana", 24),
    ]


def test_a_cover_holds_for_its_time_alone_and_until_it_is_withdrawn() -> None:
    planned = (("ana", 0, 24),)

    assert told(cover("bo", "ana", 3, 6), planned=planned) == [
        ("ana", "rota", 3),
        ("bo", By.OVERRIDE, 6),
        ("ana", "rota", 24),
    ]
    withdrawn = cover("bo", "ana", 3, 6, withdrawn_at=hours(4), withdrawn_by="Bo")
    assert [each[::2] for each in told(withdrawn, planned=planned)] == [
        ("ana", 3),
        ("bo", 4),
        ("ana", 24),
    ]


def test_two_who_cover_for_each_other_have_swapped() -> None:
    """Of a cover there is no cover."""
    swapped = cover("bo", "ana", 0, 24), cover("ana", "bo", 0, 24)

    assert [each[0] for each in told(*swapped, planned=(("ana", 0, 9), ("bo", 9, 24)))] == [
        "bo",
        "ana",
    ]


def test_a_cover_for_the_layer_goes_before_one_for_the_person_and_fills_a_gap() -> None:
    both = cover("chen", "primary", 0, 24), cover("bo", "ana", 0, 24)

    assert told(*both, planned=(("ana", 0, 9),)) == [("chen", "override", 24)]

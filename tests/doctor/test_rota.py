"""The doctor reads the rota and its calendars, and says who is missing when."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.config.test_calendars import calendar, event
from tests.doctor.conftest import Doctor
from tests.people.paging.on_call import PRIMARY, as_file


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The contacts of a test."""
    monkeypatch.setenv("CCT_OPS_CONTACTS_PATH", str(tmp_path / "contacts.yaml"))
    return tmp_path / "contacts.yaml"


def test_without_a_rota_the_doctor_says_so(doctor: Doctor) -> None:
    _, lines = doctor()

    assert lines["rota"].startswith("- ")
    assert "tried in their order, always" in lines["rota"]


def test_a_layer_that_somebody_has_for_four_weeks_is_well(doctor: Doctor, path: Path) -> None:
    path.write_text(yaml.safe_dump(as_file(PRIMARY)))

    assert "✓" in doctor()[1]["rota"]


def test_one_that_begins_later_is_told_with_its_gap(doctor: Doctor, path: Path) -> None:
    path.write_text(yaml.safe_dump(as_file({**PRIMARY, "starts": "2999-01-01"})))

    line = doctor()[1]["rota"]
    assert line.startswith("! ")
    assert "primary: ana by turns; nobody from " in line
    assert "else owner is on call then" in line


def test_a_calendar_is_read_and_what_names_nobody_is_listed(
    doctor: Doctor, path: Path, tmp_path: Path
) -> None:
    file = tmp_path / "on-call.ics"
    daily = ("DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY")
    file.write_text(calendar(event(*daily, title="Ana"), event(*daily, title="Lunch")))
    layer = {"name": "primary", "timezone": "UTC", "calendar": {"path": str(file)}}
    path.write_text(yaml.safe_dump(as_file(layer)))

    line = doctor()[1]["rota"]
    assert line.startswith("✓ ")
    assert "events that name no contact: Lunch (line 11)" in line
    file.write_text("BEGIN:VCALENDAR\nwhat\n")
    code, lines = doctor()
    assert code == 1
    assert f"primary: {file}:2: not a line of an iCalendar" in lines["rota"]
    assert "the last good copy holds" in lines["rota"]

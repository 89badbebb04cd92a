"""The board says who is on call, and lets people cover for each other, by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from cct_ops.ledger import clock
from cct_ops.ledger.people import covers, on_call_calendars
from cct_ops.models.role import Role
from tests.board.conftest import SignedIn
from tests.board.test_browser import PHONE, WIDE, keep, sign_in
from tests.chromium import needs_chromium
from tests.people.paging.on_call import covered, in_hours

LISBON = "Europe/Lisbon"
WEEKLY = {"starts": "2026-01-05", "timezone": LISBON}
PRIMARY = {
    "name": "primary",
    "people": ["ana", "bo", "chen"],
    "hand_over": {"day": "mon", "time": "09:00"},
    **WEEKLY,
}
SECONDARY = {
    "name": "secondary",
    "people": ["chen", "ana"],
    "hand_over": {"day": "wed", "time": "18:00"},
    **WEEKLY,
}
CONTACTS = [
    {"id": "ana", "name": "Ana Ito", "block": "twilio-sms/ana"},
    {"id": "bo", "name": "Bo Okafor", "block": "twilio-sms/bo"},
    {"id": "chen", "name": "Chen Wei", "block": "twilio-sms/chen"},
    {"id": "lead", "name": "Incident lead", "block": "pager-duty-webhook/lead"},
]


@pytest.fixture(autouse=True)
def contacts_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Contacts with a rota of two layers."""
    path = tmp_path / "contacts.yaml"
    write(path, PRIMARY, SECONDARY)
    monkeypatch.setenv("CCT_OPS_CONTACTS_PATH", str(path))
    return path


def write(path: Path, *layers: Mapping[str, object]) -> None:
    """Write the file with these layers."""
    made = {"layers": list(layers), "fallback": ["lead"]}
    path.write_text(yaml.safe_dump({"contacts": CONTACTS, "rota": made}))


@pytest.fixture
def board_settings(board_settings: object, monkeypatch: pytest.MonkeyPatch, contacts_path: Path):  # type: ignore[no-untyped-def]
    """Those of the board, with these contacts."""
    from cct_ops.settings import Settings

    monkeypatch.setenv("CCT_OPS_CONTACTS_PATH", str(contacts_path))
    return Settings.load()


def test_now_says_who_is_on_call_until_when(signed_in: SignedIn, engine: sa.Engine) -> None:
    covered(engine, "lead", "primary", reason="flu")

    shown = signed_in(Role.VIEWER).get("/now").text

    assert "primary <b>Incident lead</b> until <time" in shown
    assert "secondary <b>" in shown


def form(engine: sa.Engine, **change: str) -> dict[str, str]:
    """What somebody types who covers for Bo from now on."""
    ends = (clock.read(engine) + timedelta(hours=8)).astimezone(ZoneInfo(LISBON))
    right = {"person": "ana", "instead_of": "bo", "begins": "", "reason": "Bo is ill"}
    return right | {"ends": f"{ends:%Y-%m-%dT%H:%M}", "back": "/on-call"} | change


def test_a_cover_is_entered_and_withdrawn_by_name(signed_in: SignedIn, engine: sa.Engine) -> None:
    person = signed_in(Role.RESPONDER, "Ana Ito")

    answer = person.send("/on-call/cover", **form(engine))

    assert answer.headers["location"] == "/on-call"
    shown = person.get("/on-call").text
    assert "Ana Ito covers for Bo Okafor until " in shown
    (made,) = covers.standing(engine)
    assert made.entered_by == "Ana Ito, signed in on the board"
    assert (made.ends - clock.read(engine)).total_seconds() == pytest.approx(8 * 3600, abs=180)
    assert person.send(f"/on-call/covers/{made.id}/withdraw").status_code == 303
    assert covers.standing(engine) == []
    again = person.send(f"/on-call/covers/{made.id}/withdraw")
    assert (again.status_code, "has withdrawn it" in again.text) == (409, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"person": ""}, "Say who covers."),
        ({"instead_of": ""}, "Say for whom."),
        ({"reason": " "}, "Say why."),
        ({"ends": "soon"}, "Write a day and a time"),
        ({"ends": ""}, "Write a day and a time"),
        ({"begins": "0001-01-01T00:00"}, "366 days at most"),
        ({"begins": "9999-12-31T23:59"}, "must be after the beginning"),
        ({"person": "nobody"}, "No contact is called nobody"),
        ({"instead_of": "ana"}, "Nobody stands in for themselves"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_that_was_typed_is_lost(
    signed_in: SignedIn, engine: sa.Engine, change: dict[str, str], words: str
) -> None:
    answer = signed_in(Role.RESPONDER).send("/on-call/cover", **form(engine, **change))

    assert answer.status_code == 409
    assert words in answer.text
    if "reason" not in change:
        assert 'value="Bo is ill"' in answer.text
    assert covers.newest(engine, 9) == []


def test_of_two_covers_at_once_the_second_is_told_of_the_first(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    covered(engine, "chen", "bo")

    answer = signed_in(Role.RESPONDER).send("/on-call/cover", **form(engine))

    assert answer.status_code == 409
    assert "chen covers for bo from" in answer.text
    assert 'value="Bo is ill"' in answer.text


def test_a_calendar_that_cannot_be_read_is_said_and_so_is_whom_its_gap_wakes(
    signed_in: SignedIn, engine: sa.Engine, contacts_path: Path
) -> None:
    broken = {"name": "primary", "timezone": LISBON, "calendar": {"path": "x.ics"}}
    write(contacts_path, broken)
    on_call_calendars.mark_unread(engine, "primary", "x.ics", "x.ics:7: <no> time.")

    shown = signed_in(Role.VIEWER).get("/on-call").text

    assert "x.ics:7: &lt;no&gt; time." in shown
    assert "It never could be, so the fallback is on call." in shown
    assert "fallback: the calendar of primary could never be read" in shown


def test_what_is_read_is_the_same_while_nothing_changes(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    """Else the page would be news to everybody each second."""
    person = signed_in(Role.VIEWER)

    for path in ("/now", "/on-call"):
        seen = {person.get(path).text.partition('data-seen="')[2][:16] for _ in range(3)}
        assert len(seen) == 1


@needs_chromium
@pytest.mark.parametrize(("name", "size"), [("", WIDE), ("-phone", PHONE)])
def test_the_rota_of_four_weeks(
    browser: Browser, address: str, engine: sa.Engine, tmp_path: Path, name: str, size: object
) -> None:
    covered(engine, "lead", "primary", -1, 24 * 3, reason="a conference", by="Ana Ito")
    covered(engine, "bo", "secondary", 24 * 9, 24 * 13, reason="a swap", by="Chen Wei")
    context = browser.new_context(timezone_id=LISBON, locale="en-GB", viewport=WIDE)
    page = sign_in(context, address, engine, Role.RESPONDER)
    page.set_viewport_size(size)  # type: ignore[arg-type]
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))

    page.get_by_role("link", name="On call").first.click()

    expect(page.get_by_role("heading", name="The next four weeks")).to_be_visible()
    expect(page.locator("#live")).to_have_text("live")
    assert page.evaluate("document.documentElement.scrollWidth") == page.evaluate("innerWidth")
    keep(page, f"board-on-call{name}", tmp_path)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_label("Who covers").select_option("Ana Ito")
    page.get_by_label("For whom").select_option("Chen Wei")
    until = in_hours(engine, 30).astimezone(ZoneInfo(LISBON))
    page.get_by_label("To (Europe/Lisbon)").fill(f"{until:%Y-%m-%dT%H:%M}")
    page.get_by_label("Why").fill("a swap")
    page.get_by_role("button", name="Enter it").click()
    expect(page.get_by_text("Ana Ito covers for Chen Wei until")).to_be_visible()
    assert complaints == []
    context.close()

"""What people do on the board besides answering: on a phone and wide, with scripts and without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from cct_ops.ledger.gate import maintenance, switches
from cct_ops.ledger.people import acknowledgements, assignments, silences
from cct_ops.models.role import Role
from tests.board.conftest import weakened
from tests.board.test_browser import PHONE, WIDE, keep, sign_in
from tests.board.test_delivery import over
from tests.chromium import needs_chromium
from tests.ledger.alerts import opened

pytestmark = needs_chromium


def readable(page: Page) -> None:
    """Let axe find nothing, and nothing be wider than the screen, with all that can be opened."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], page.url
    size = page.viewport_size
    assert size is not None
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"], page.url


def test_an_incident_is_assigned_and_noted_without_scripts(
    browser: Browser, address: str, engine: sa.Engine
) -> None:
    incident = opened(engine, severity="critical")
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = sign_in(context, address, engine, Role.RESPONDER)
    page.goto(f"{address}/incidents/{incident}")

    page.get_by_text("Assign", exact=True).click()
    page.get_by_label("To").select_option("lead")
    page.get_by_role("button", name="Ask them").click()
    page.get_by_text("Add a note").click()
    page.get_by_label("Note").fill("Rolled back by hand.\n<b>p95</b> is falling")
    page.get_by_role("button", name="Keep it").click()

    said = page.inner_text("main")
    assert "Assigned to Incident lead by Anna Ito, just now" in said
    assert "Rolled back by hand.\n<b>p95</b> is falling" in said
    had = acknowledgements.holders(engine, [incident])
    assert assignments.newest(engine, [incident], had)[incident].person == "Incident lead"
    context.close()


def test_maintenance_and_silence_are_declared_without_scripts(
    browser: Browser, address: str, engine: sa.Engine
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = sign_in(context, address, engine, Role.RESPONDER)
    page.goto(f"{address}/switches")

    page.get_by_text("Declare maintenance").click()
    form = page.locator("#declare form")
    form.get_by_label("Targets").fill("/daily-*")
    form.get_by_label("From, in UTC").fill(
        f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    )
    form.get_by_label("Why").fill("Release 48")
    form.get_by_role("button", name="Declare it").click()
    page.get_by_text("Silence notices").click()
    form = page.locator("#silence form")
    form.get_by_label("Alerts").fill('alertname="HighLatency"')
    form.get_by_label("Why").fill("A known one")
    form.get_by_role("button", name="Silence them").click()

    assert [each.reason for each in maintenance.standing(engine)] == ["Release 48"]
    assert [each.reason for each in silences.standing(engine)] == ["A known one"]
    page.get_by_role("button", name="Call off").click()
    assert maintenance.standing(engine) == []
    context.close()


def test_an_alert_is_run_again_without_scripts(
    browser: Browser, address: str, engine: sa.Engine
) -> None:
    delivery = over(engine)
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = sign_in(context, address, engine, Role.RESPONDER)
    page.goto(f"{address}/inbox/{delivery}")

    page.get_by_role("link", name="What would happen now?").click()
    assert "It opens an incident and starts auto-rollback" in page.inner_text("main")
    page.get_by_role("link", name="Run it again").click()
    assert "No incident from it is open." in page.inner_text("main")
    page.get_by_role("button", name="Run it again, as Anna Ito").click()

    page.wait_for_url("**/incidents/*")
    assert "and opened this incident" in page.inner_text("main")
    context.close()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_what_is_done_can_be_read_by_everybody(
    browser: Browser, address: str, engine: sa.Engine, size: ViewportSize, tmp_path: Path
) -> None:
    context = browser.new_context(viewport=size, reduced_motion="reduce")
    page = sign_in(context, address, engine, Role.RESPONDER)
    incident = opened(engine, alertname="HighErrorRate", severity="critical")
    until = datetime.now(UTC) + timedelta(hours=2)
    for number in range(5):
        switches.hold(engine, "/daily-summary", until, f"Reason {number}", f"Person {number}")
    token = page.locator("input[name=form_token]").first.get_attribute("value") or ""
    for path, fields in (
        (f"/incidents/{incident}/assign", {"person": "lead"}),
        (f"/incidents/{incident}/note", {"note": "Rolled back by hand.\nIt helps."}),
        ("/switches/maintenance", {"m_targets": "/daily-*", "m_hours": "2", "m_reason": "Move"}),
        ("/switches/silence", {"s_matchers": "a=b", "s_hours": "2", "s_reason": "Known"}),
    ):
        form: dict[str, str | float | bool] = {"form_token": token, **fields}
        sent = page.request.post(f"{address}{path}", form=form, headers={"Origin": address})
        assert sent.ok, path
    weakened(engine)
    delivery = over(engine)
    places = {
        "incident": f"/incidents/{incident}",
        "switches": "/switches",
        "changes": "/changes",
        "delivery": f"/inbox/{delivery}?now=0",
        "again": f"/inbox/{delivery}?again=0",
        "inbox": "/inbox",
    }
    for name, path in places.items():
        page.goto(f"{address}{path}")
        if size is WIDE and name in {"switches", "again"}:
            keep(page, f"board-{name}", tmp_path)
        readable(page)
    context.close()

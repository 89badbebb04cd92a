"""
The board as a person meets it: in a real browser, wide and on a phone, with scripts and without.

With PICTURES=docs/images these tests also renew the pictures in the documentation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from cct_ops.ledger.gate import approvals, switches
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.deliveries import Incoming
from cct_ops.ledger.people import acknowledgements
from cct_ops.models.role import Role
from tests.approvals.parts import asked, new_run
from tests.board.conftest import new_link, weakened
from tests.chromium import needs_chromium
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, decided

pytestmark = needs_chromium

WIDE = ViewportSize(width=1280, height=860)
PHONE = ViewportSize(width=390, height=844)
LOOKED_AT = (
    *("/now", "/incidents", "/inbox", "/approvals", "/changes", "/playbooks"),
    *("/playbooks/auto-rollback", "/switches", "/system"),
)


def a_night(engine: sa.Engine) -> approvals.Approval:
    """Let a night begin: incidents of each severity, a request, a weakening, a held target."""
    opened(engine, alertname="ExportLate", severity="warning", route="/exports")
    taken = opened(engine, alertname="HighErrorRate", severity="error", route="/daily-summary")
    acknowledgements.record(engine, taken, "Ben Okafor", "signed in on the board")
    worst = opened(
        engine, alertname="CanaryRolledBack", severity="critical", route="/pre-market-briefing"
    )
    decided(engine, a_run(incident_id=taken))
    approval = asked(engine, new_run(incident_id=worst), form_accepted=True)
    weakened(engine)
    until = datetime.now(UTC) + timedelta(hours=2)
    switches.hold(engine, "/market-open", until, "I look at it myself", "Chen Wei")
    deliveries.record_all(
        engine, [Incoming("grafana", b"{", None, "line 1: no JSON", admitted_by="GRAFANA_KEY")]
    )
    return approval


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """A browser of a person of their own, in a zone of their own."""
    made = browser.new_context(viewport=WIDE, timezone_id="Asia/Tokyo", locale="en-GB")
    yield made
    made.close()


def sign_in(context: BrowserContext, address: str, engine: sa.Engine, role: Role) -> Page:
    """Come in by a link, and keep what the browser complains of."""
    page = context.new_page()
    page.goto(f"{address}{new_link(engine, role)}")
    page.get_by_role("button", name="Sign in as Anna Ito").click()
    page.wait_for_url("**/now")
    return page


def keep(page: Page, name: str, tmp_path: Path, *, whole: bool = True) -> None:
    """Take a picture of all of the page or of the screen, for the documentation if wanted."""
    folder = Path(os.environ.get("PICTURES", tmp_path))
    page.screenshot(path=folder / f"{name}.png", full_page=whole)


def test_a_night_on_call(
    context: BrowserContext, address: str, engine: sa.Engine, tmp_path: Path
) -> None:
    """From Now to a yes, by keys and buttons; nothing comes from elsewhere or is complained of."""
    approval = a_night(engine)
    complaints: list[str] = []
    elsewhere: list[str] = []
    context.on("console", lambda said: complaints.append(said.text))
    context.on("request", lambda sent: elsewhere.append(sent.url))
    page = sign_in(context, address, engine, Role.APPROVER)
    expect(page.locator("#live")).to_have_text("live")
    keep(page, "board-now", tmp_path)

    page.keyboard.press("ArrowDown")
    assert "CanaryRolledBack" in str(page.evaluate("document.activeElement.innerText"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents/*")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Anna Ito has it")).to_be_visible()
    keep(page, "board-incident", tmp_path)

    page.get_by_role("link", name="Decide").click()
    page.get_by_label("Note").fill("p95 is falling")
    keep(page, "board-approval", tmp_path, whole=False)
    page.get_by_role("button", name="Approve this plan, once").click()

    expect(page.get_by_text("You approved this plan.")).to_be_visible()
    found = approvals.find(engine, approval.id)
    assert found is not None
    assert (found.state, found.approver) == ("approved", "Anna Ito")
    assert complaints == []
    assert [url for url in elsewhere if not url.startswith(address)] == []


def test_news_come_by_themselves_and_leave_what_is_typed(
    context: BrowserContext, address: str, engine: sa.Engine
) -> None:
    page = sign_in(context, address, engine, Role.RESPONDER)
    expect(page.get_by_text("Nothing is broken.")).to_be_visible()
    page.get_by_text("Stop everything").click()
    page.get_by_label("Why").fill("half a sen")

    opened(engine, alertname="ExportLate", severity="warning")

    expect(page.get_by_text("ExportLate")).to_be_visible(timeout=4000)
    expect(page.get_by_label("Why")).to_have_value("half a sen")
    expect(page.get_by_label("Why")).to_be_focused()
    page.get_by_role("button", name="Stop all new changes").click()
    expect(page.get_by_text("Automation is stopped.")).to_be_visible()


def look(page: Page, state: str) -> None:
    """Let the tab be one that is looked at, or one that is not."""
    page.evaluate(
        """state => {
          Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


def test_more_tabs_than_a_browser_has_connections_are_open_at_once(
    context: BrowserContext, address: str, engine: sa.Engine
) -> None:
    """Each tab that is not looked at gives its own back, and has the news when it is again."""
    first = sign_in(context, address, engine, Role.VIEWER)
    for _ in range(7):
        page = context.new_page()
        page.goto(f"{address}/now")
        expect(page.locator("#live")).to_have_text("live")
        look(page, "hidden")
    opened(engine, alertname="ExportLate")
    expect(first.get_by_text("ExportLate")).to_be_visible()
    assert page.get_by_text("ExportLate").count() == 0

    look(page, "visible")

    expect(page.get_by_text("ExportLate")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_names_that_have_no_end_make_no_page_wider_or_endless(
    context: BrowserContext, address: str, engine: sa.Engine, size: ViewportSize
) -> None:
    incident = opened(engine, alertname="A" * 1500, route="/" + "c" * 600, severity="critical")
    page = sign_in(context, address, engine, Role.ADMIN)
    page.set_viewport_size(size)

    for path in (*LOOKED_AT, f"/incidents/{incident}"):
        page.goto(f"{address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"], path
        button = page.get_by_role("button", name="Acknowledge")
        if button.count():
            assert button.is_visible()
            assert (button.bounding_box() or {"y": 1e6})["y"] < size["height"], path


def test_on_a_phone_every_page_stands_in_the_menu(
    context: BrowserContext, address: str, engine: sa.Engine
) -> None:
    page = sign_in(context, address, engine, Role.ADMIN)
    page.set_viewport_size(PHONE)

    for link in page.get_by_role("navigation", name="Pages").get_by_role("link").all():
        box = link.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= PHONE["width"], link.inner_text()


def test_times_are_in_the_zone_of_the_reader(
    context: BrowserContext, address: str, engine: sa.Engine
) -> None:
    opened(engine)
    page = sign_in(context, address, engine, Role.VIEWER)

    assert "GMT+9" in str(page.locator("time.ago").first.get_attribute("title"))


def test_everything_works_without_scripts(
    browser: Browser, address: str, engine: sa.Engine
) -> None:
    approval = a_night(engine)
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = sign_in(context, address, engine, Role.APPROVER)

    page.get_by_role("button", name="Acknowledge").first.click()
    assert page.url.endswith("/now")
    assert "Anna Ito has it" in page.inner_text("main")
    page.get_by_text("Stop everything").click()
    page.get_by_label("Why").fill("let us look")
    page.get_by_role("button", name="Stop all new changes").click()
    assert "Automation is stopped." in page.inner_text("main")
    page.goto(f"{address}/approvals/{approval.id}")
    page.get_by_role("button", name="Decline").click()
    assert "You declined this plan" in page.inner_text("main")
    assert "as of" in page.inner_text("body")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(
    browser: Browser, address: str, engine: sa.Engine, scheme: str, tmp_path: Path
) -> None:
    """Axe finds nothing, and nothing is wider than a phone."""
    approval = a_night(engine)
    context = browser.new_context(
        viewport=PHONE,
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=1.5,
        reduced_motion="reduce",
    )
    page = sign_in(context, address, engine, Role.ADMIN)
    row = page.locator("[data-row] a").first.get_attribute("href")
    if scheme == "dark":
        keep(page, "board-now-phone", tmp_path)

    for path in (*LOOKED_AT, "/sessions", row, f"/approvals/{approval.id}", "/nowhere", "/links/x"):
        page.goto(f"{address}{path}")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], path
    context.close()

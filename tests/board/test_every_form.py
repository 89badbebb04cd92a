"""
Whatever can be done on a page can be done by keys and without scripts, and everybody can read it.

The tests go through the list of pages, each with something on it, so that a new page is tried as
soon as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import product

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page as Tab, Response

from cct_ops.board import pages
from cct_ops.board.page import Page
from cct_ops.ledger.intake.tables import alerts
from cct_ops.ledger.record import follow_ups
from cct_ops.models.role import Role
from cct_ops.models.run import Outcome
from tests.board.test_browser import PHONE, WIDE, a_night, sign_in
from tests.chromium import needs_chromium
from tests.ledger.alerts import opened
from tests.ledger.history import attempt

PATIENCE = 90_000  # a page that waits for a Prefect that is away waits longer on a busy machine

pytestmark = [needs_chromium, pytest.mark.timeout(300)]

Places = dict[str, str]
"""What stands in an address, by the name of the place."""

REACHED = "a[href], button, input:not([type=hidden]):not(:disabled), select, textarea, summary"
OPENED = "document.querySelectorAll('details').forEach((each) => { each.open = true })"
FORMS = "main form[method=post]"
FILLED = {"date": "2099-01-01", "datetime-local": "2099-01-01T00:00", "number": "1"}
each_page = pytest.mark.parametrize("page", pages.ALL, ids=lambda page: page.name)


@pytest.fixture
def night(engine: sa.Engine) -> Places:
    """A night with something on each page."""
    approval = a_night(engine)
    incident = approval.incident_id or opened(engine)
    attempt(engine, Outcome.UNVERIFIED, ago=timedelta(hours=1))
    due = follow_ups.today(engine) + timedelta(days=3)
    follow_ups.add(engine, incident, "Look at it by day.", owner="lead", due=due, by="Anna")
    with engine.connect() as ledger:
        delivery = ledger.execute(sa.select(alerts.c.delivery_id)).scalars().first()
    return {
        "incident_id": str(incident),
        "delivery_id": str(delivery),
        "approval_id": str(approval.id),
        "playbook": "auto-rollback",
    }


def at(page: Page, places: Places) -> str:
    """Return an address of the page at which there is something."""
    missing = set(re.findall(r"{(\w+)}", page.path)) - set(places)
    assert not missing, f"say in this file what {missing} of {page.path} is"
    return page.path.format_map(places)


@contextmanager
def somebody(
    browser: Browser, address: str, engine: sa.Engine, *, scripts: bool = True
) -> Iterator[Tab]:
    """Let an admin have come in."""
    context = browser.new_context(
        java_script_enabled=scripts, viewport=WIDE, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    yield sign_in(context, address, engine, Role.ADMIN)
    context.close()


@each_page
def test_every_form_is_sent_by_keys_without_scripts(
    browser: Browser, address: str, engine: sa.Engine, night: Places, page: Page
) -> None:
    """It is answered by what was done or why nothing was, and never by a mere error."""
    where = f"{address}{at(page, night)}"
    with somebody(browser, address, engine, scripts=False) as tab:
        tab.goto(where)
        number = tab.locator(FORMS).count()
        for index in range(number):
            if tab.goto(where).status == 401:  # type: ignore[union-attr]  # it is an HTTP page
                break  # the last form ended this very session
            form = tab.locator(FORMS).nth(index)
            if form.count() == 0:
                break  # what was done took its form away
            said = sent(tab, form)
            over = page.name == "sessions" and said.status == 401  # it was this very session
            assert said.status in {200, 409, 503} or over, (form, said.status)
            main = tab.inner_text("main")
            assert main.strip()
            refused = re.search(r"\b(no|not|nothing|nobody)\b", main, re.IGNORECASE)
            assert said.status in {200, 401} or refused


def sent(tab: Tab, form: Locator) -> Response:
    """Open what the form is in, fill it in, and press Enter on its button."""
    for summary in form.locator("xpath=ancestor::details[not(@open)]/summary").all():
        summary.press("Enter")
    for field in form.locator("input:not([type=hidden]), textarea, select").all():
        fill(field)
    with tab.expect_navigation() as gone:
        form.locator("button:not([formaction])").last.press("Enter")
    answer = gone.value
    assert answer is not None
    return answer


def fill(field: Locator) -> None:
    """Put something in that its kind of field takes, where nothing is."""
    kind = field.get_attribute("type") or ""
    if field.evaluate("each => each.tagName") == "SELECT":
        values = field.locator("option").evaluate_all("all => all.map((each) => each.value)")
        field.select_option(next((value for value in values if value), ""))
    elif kind == "checkbox":
        field.press("Space")
    elif not field.input_value():
        field.fill(FILLED.get(kind, "something"))


@each_page
def test_whatever_is_there_is_reached_by_keys(
    browser: Browser, address: str, engine: sa.Engine, night: Places, page: Page
) -> None:
    """By Tab each thing, by arrows each row, and Enter opens one."""
    with somebody(browser, address, engine) as tab:
        tab.goto(f"{address}{at(page, night)}")
        arrows_go_from_row_to_row(tab)
        tab.goto(f"{address}{at(page, night)}")
        tab.evaluate(OPENED)
        shown = tab.locator(REACHED).evaluate_all(
            "all => all.filter((each) => each.checkVisibility()).map((each, at) =>"
            " (each.dataset.wanted = at, [at, each.outerHTML.slice(0, 120)]))"
        )

        reached = set()
        for _ in range(len(shown) + 20):
            tab.keyboard.press("Tab")
            reached.add(tab.evaluate("document.activeElement?.dataset?.wanted ?? null"))

        assert [what for number, what in shown if str(number) not in reached] == []


def arrows_go_from_row_to_row(tab: Tab) -> None:
    rows = tab.locator("[data-row]")
    for index in range(rows.count()):
        tab.keyboard.press("ArrowDown")
        assert rows.nth(index).evaluate("each => each === document.activeElement"), index
    opens = rows.last.locator("a").first
    if rows.count() and opens.count():
        leads = str(opens.get_attribute("href")).partition("?")[0]
        tab.keyboard.press("Enter")
        tab.wait_for_url(f"**{leads}*")


@each_page
def test_everybody_can_read_it_wide_and_on_a_phone_by_day_and_by_night(
    browser: Browser, address: str, engine: sa.Engine, night: Places, page: Page
) -> None:
    """With all that can be opened; and nothing is wider than the screen."""
    with somebody(browser, address, engine) as tab:
        tab.goto(f"{address}{at(page, night)}")
        tab.evaluate(OPENED)
        for scheme, size in product(("light", "dark"), (WIDE, PHONE)):
            tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            tab.set_viewport_size(size)
            found = Axe().run(tab).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], scheme
            assert tab.evaluate("document.documentElement.scrollWidth") == size["width"]

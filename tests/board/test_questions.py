"""
Six questions of the night, each answered at one place of a screen that needs no scrolling.

With PICTURES=docs/images the pictures in the documentation, with these places marked, are renewed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from cct_ops.ledger.intake import outbox
from cct_ops.models.role import Role
from tests.board.test_browser import WIDE, a_night, keep, sign_in
from tests.chromium import needs_chromium
from tests.ledger.alerts import opened

pytestmark = needs_chromium

# A box around each place, and the number of its question on the box's edge.
_MARK = """(place, number) => {
  const box = place.getBoundingClientRect(), frame = document.createElement("div");
  Object.assign(frame.style, {
    position: "absolute", left: `${box.x - 4}px`, top: `${box.y + scrollY - 4}px`,
    width: `${box.width + 8}px`, height: `${box.height + 8}px`, border: "3px solid #c2188b",
    borderRadius: "8px", boxSizing: "border-box", pointerEvents: "none", zIndex: 9,
  });
  const label = document.createElement("b");
  Object.assign(label.style, {
    position: "absolute", right: "-14px", top: "-14px", width: "28px", height: "28px",
    borderRadius: "50%", background: "#c2188b", color: "white", font: "bold 16px sans-serif",
    display: "grid", placeItems: "center",
  });
  label.textContent = number;
  frame.append(label);
  document.body.append(frame);
}"""


@pytest.fixture
def page(browser: Browser, address: str, engine: sa.Engine) -> Page:
    """The screen of an approver, in a night on call."""
    a_night(engine)
    context: BrowserContext = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    return sign_in(context, address, engine, Role.APPROVER)


def mark(page: Page, number: int, place: Locator, *answers: str) -> None:
    """See the answers at their place, on the screen as it is loaded, and mark it."""
    box = place.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= WIDE["height"]
    seen = place.inner_text()
    assert [words for words in answers if words not in seen] == []
    place.evaluate(f"(place) => ({_MARK})(place, {number})")


def test_now_answers_five_of_them(page: Page, tmp_path: Path) -> None:
    broken = page.locator("#broken")
    taken = broken.locator("li", has_text="HighErrorRate").locator(".holder")

    mark(page, 1, broken.locator(".head"), "3 open", "1 P0", "2 nobody has")
    mark(page, 2, taken, "Ben Okafor has it")
    mark(page, 3, page.locator("#weakened section").first, "bypass_schema_validation", "left")
    mark(page, 4, page.locator("#waiting section"), "auto-rollback", "left", "Decide")
    mark(page, 6, page.locator("#automation").get_by_text("Stop everything"), "Stop everything")

    keep(page, "board-questions", tmp_path, whole=False)


def test_the_inbox_answers_why_an_alert_did_not_fire(
    page: Page, address: str, engine: sa.Engine, tmp_path: Path
) -> None:
    while (waits := outbox.claim(engine, outbox.REMEDIATE, 30)) is not None:
        outbox.mark_grouped(engine, waits, rule="r", reason="-")
    opened(engine, alertname="DiskAlmostFull", severity="warning")
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    reason = "Rule rest: no playbook is meant for it."
    outbox.hand_to_people(engine, claim, state="notified", rule="rest", reason=reason)
    page.goto(f"{address}/inbox")

    page.get_by_label("Why did it (not) fire?").fill("DiskAlmostFull")
    page.get_by_role("button", name="Find").click()

    mark(page, 5, page.locator("#arrived li").first, "DiskAlmostFull", reason)
    keep(page, "board-question-inbox", tmp_path, whole=False)

"""
An incident from its alert to its review without leaving the board, in real browsers.

With PICTURES=docs/images it also renews the pictures in the documentation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from cct_ops.ledger.people import sign_ins
from cct_ops.ledger.record import follow_ups
from cct_ops.models.follow_up import FollowUpState
from cct_ops.models.role import Role
from cct_ops.sandbox import alertmanager
from cct_ops.scenarios import seeds
from tests.chromium import browser, needs_chromium
from tests.end_to_end.conftest import Stack
from tests.plain import HTTP

__all__ = ["browser"]  # a fixture

PATIENCE = 60_000
NEWS = 4_000
"""How long the board may take to show what is in the ledger, in milliseconds."""

SignIn = Callable[[str, Role], Page]

pytestmark = [needs_chromium, pytest.mark.timeout(300)]


@pytest.fixture
def sign_in(stack: Stack, browser: Browser) -> Iterator[SignIn]:
    """Let people come in by links, each in a browser of their own."""
    with ExitStack() as opened:

        def come_in(name: str, role: Role) -> Page:
            link = sign_ins.make_link(stack.engine, name, role, "root")
            context = browser.new_context(viewport={"width": 1280, "height": 860})
            opened.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(f"{stack.board}/links/{link}")
            page.get_by_role("button", name=f"Sign in as {name}").click()
            expect(page.locator("#live")).to_have_text("live", timeout=PATIENCE)
            return page

        yield come_in


def send(
    stack: Stack, limit: str, began: datetime, ended: datetime | None = None
) -> httpx.Response:
    """Let Alertmanager say that requests are refused, or that they are no more."""
    labels = {"alertname": "RateLimited", "limit": limit, "severity": "critical"}
    key = stack.env["CCT_OPS_ALERTMANAGER_KEY"]
    answer = HTTP.post(
        f"{stack.gateway}/hooks/alertmanager",
        json=alertmanager.message(labels, {"summary": "Requests are refused"}, began, ended),
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 202, answer.text
    return answer


def keep(page: Page, name: str, tmp_path: Path, *, phone: bool = False) -> None:
    """Take a picture of the screen, wide and if wanted on a phone."""
    folder = Path(os.environ.get("PICTURES", tmp_path))
    page.screenshot(path=folder / f"{name}.png")
    if not phone:
        return
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=folder / f"{name}-phone.png")
    page.set_viewport_size({"width": 1280, "height": 860})


def test_an_incident_from_its_alert_to_its_review(
    stack: Stack, sign_in: SignIn, tmp_path: Path
) -> None:
    """One person takes it on, another one says yes; it ends, and somebody promises what follows."""
    stack.sandbox.reset(limits=False)
    stack.sandbox.demand("ann", 60, refusals=5, limit="exemptionsManagement")
    responder = sign_in("Anna Ito", Role.RESPONDER)
    lead = sign_in("Incident lead", Role.APPROVER)
    began = datetime.now(UTC)

    send(stack, "exemptionsManagement", began)

    row = responder.locator(".row", has_text="RateLimited")
    expect(row).to_be_visible(timeout=NEWS)
    keep(responder, "first-alert", tmp_path, phone=True)
    row.get_by_role("button", name="Acknowledge").click()
    expect(responder.get_by_text("Anna Ito has it")).to_be_visible()
    responder.locator(".row", has_text="RateLimited").get_by_role("link").first.click()

    asked = lead.locator("#waiting .row", has_text="exemptionsManagement")
    expect(asked).to_be_visible(timeout=PATIENCE)
    asked.get_by_role("link", name="Decide").click()
    keep(lead, "first-question", tmp_path, phone=True)
    lead.get_by_role("button", name="Approve this plan, once").click()
    expect(lead.locator(".done", has_text="You approved this plan.")).to_be_visible()

    expect(responder.get_by_text("permitted", exact=False).first).to_be_visible(timeout=PATIENCE)
    expect(responder.locator(".lead", has_text="Resolved:")).to_be_visible(timeout=PATIENCE)
    send(stack, "exemptionsManagement", began, datetime.now(UTC))
    expect(responder.locator(".lead", has_text="closed as resolved")).to_be_visible(timeout=NEWS)
    keep(responder, "first-resolved", tmp_path)

    responder.get_by_role("link", name="Its review").click()
    one_more = responder.locator("form.act", has_text="What is to be done")
    one_more.get_by_label("What is to be done").fill("Ask ann what she needs.")
    one_more.get_by_label("Owner").fill("Incident lead")
    one_more.get_by_role("button", name="Write it down").click()
    expect(responder.locator(".done", has_text="lead is to do it by")).to_be_visible()
    responder.locator("h2", has_text="9. Action items").scroll_into_view_if_needed()
    keep(responder, "first-review", tmp_path)
    responder.get_by_role("button", name="Done", exact=True).click()
    expect(responder.locator(".done", has_text="It is done")).to_be_visible()
    (made,) = follow_ups.listed(stack.engine)
    assert (made.owner, made.state) == ("lead", FollowUpState.DONE)


def test_something_is_broken_in_the_sandbox_and_its_incident_ends_by_itself(
    stack: Stack, sign_in: SignIn, tmp_path: Path
) -> None:
    """A newcomer sees a whole incident: the button leads to it, and the alert ends with the fix."""
    stack.sandbox.reset(limits=False)
    page = sign_in("Anna Ito", Role.RESPONDER)
    page.get_by_role("link", name="Sandbox").click()
    keep(page, "first-sandbox", tmp_path)

    page.locator("[data-row=exemptions-overdue]").get_by_role("button", name="Break it").click()

    expect(page.locator(".done", has_text="this is its incident")).to_be_visible()
    assert "/incidents/" in page.url
    expect(page.locator(".lead", has_text="closed as resolved")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".lead", has_text="Resolved:")).to_be_visible()
    why = "Broken on purpose in the sandbox, on the board, by Anna Ito"
    expect(page.get_by_text(why)).to_be_visible()


def test_whoever_starts_a_run_cannot_approve_it_and_another_can(
    stack: Stack, sign_in: SignIn
) -> None:
    """From the form to the verified fix, on the board alone."""
    stack.sandbox.reset(limits=False)
    seeds.new_field(stack.sandbox)
    starter = sign_in("On-call engineer", Role.APPROVER)
    starter.goto(f"{stack.board}/playbooks/schema-validation?mode=approve")
    starter.get_by_role("button", name="Start schema-validation").click()
    expect(starter.get_by_text("You started schema-validation")).to_be_visible()

    starter.get_by_role("link", name="Decide").first.click()
    question = starter.url
    expect(
        starter.get_by_text("Started by On-call engineer, who cannot approve it.")
    ).to_be_visible()
    starter.get_by_role("button", name="Approve this plan, once").click()
    expect(starter.get_by_text("Your answer was not taken")).to_be_visible()

    other = sign_in("Incident lead", Role.APPROVER)
    other.goto(question)
    other.get_by_role("button", name="Approve this plan, once").click()
    expect(other.locator(".done", has_text="You approved this plan.")).to_be_visible()
    other.get_by_role("link", name=re.compile("its record|the incident")).first.click()
    expect(other.locator(".lead", has_text="Resolved:")).to_be_visible(timeout=PATIENCE)
    assert [each.state for each in stack.sandbox.github().pulls] == ["open"]

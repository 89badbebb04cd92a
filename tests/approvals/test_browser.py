"""
The page in a real browser, on a phone; and the message in Slack as its sink got it.

With PICTURES=docs/images these tests also renew the pictures in the documentation.
"""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa
from playwright.sync_api import Browser, Page
from pydantic import SecretStr

from cct_ops.clients import slack
from cct_ops.clients.slack import SlackBot
from cct_ops.controller import buttons
from cct_ops.ledger.gate import approval_answers
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.people import slack_threads
from cct_ops.models.run import Outcome
from cct_ops.models.topic import WAITS
from cct_ops.people.notifier import Notifier
from cct_ops.reports import manual
from cct_ops.reports.asking import approval_message, topic_of
from cct_ops.reports.messages import outcome_message
from cct_ops.sandbox.slack_store import as_html
from tests.approvals.parts import ANNA, ROUTE, Door, asked, new_run, state
from tests.chromium import browser, needs_chromium

__all__ = ["browser"]  # a fixture

pytestmark = needs_chromium


def keep(page: Page, name: str, tmp_path: Path) -> None:
    """Take a picture, into the documentation if that is wanted."""
    folder = Path(os.environ.get("PICTURES", tmp_path))
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def test_a_person_with_a_phone_approves(
    door: Door, engine: sa.Engine, browser: Browser, tmp_path: Path
) -> None:
    """Nothing is wider than the screen, nothing is blocked, and the button works under the CSP."""
    approval = asked(
        engine,
        persons=2,
        started_by="ben",
        why="The breach is still going on; policy asks for two persons at P0",
    )
    phone = browser.new_page(viewport={"width": 390, "height": 844}, device_scale_factor=1.5)
    complaints: list[str] = []
    phone.on("console", lambda said: complaints.append(said.text))
    requested: list[str] = []
    phone.on("request", lambda request: requested.append(request.url))

    phone.goto(str(door.browser.base_url).rstrip("/") + door.link_of())
    keep(phone, "approval-page", tmp_path)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    assert phone.evaluate("getComputedStyle(document.querySelector('.buttons')).display") == "flex"
    for name in ("Approve", "Decline"):  # without scrolling, on a screen smaller than this one too
        phone.set_viewport_size({"width": 360, "height": 640})
        place = phone.get_by_role("button", name=name).bounding_box()
        assert place is not None
        assert place["y"] + place["height"] <= 640
    phone.get_by_label("Note").fill("p95 is falling, seen in Grafana")
    phone.get_by_role("button", name="Approve").click()

    assert "You approved this plan. One more person is needed." in phone.inner_text("main")
    assert state(engine, approval) == "pending"
    assert complaints == []
    assert len([url for url in requested if "/approvals/" not in url]) == 0
    phone.close()


def test_the_message_in_slack_holds_the_plan_and_two_buttons(
    door: Door, engine: sa.Engine, browser: Browser, tmp_path: Path
) -> None:
    approval = asked(engine)
    webhook = door.link_sender.webhooks[ANNA]
    slack.post(webhook, *approval_message(approval, "http://127.0.0.1:4200/v2/runs/flow-run/1"))
    blocks = door.sandbox.slack_messages()[-1].body["blocks"]

    page = browser.new_page(viewport={"width": 720, "height": 100}, device_scale_factor=2)
    page.set_content(as_html(blocks))
    keep(page, "approval-slack", tmp_path)

    shown = page.inner_text("body")
    for part in ("reset_canary", "undo disable_canary", "Why a person", "One person decides"):
        assert part in shown
    assert [button.inner_text() for button in page.get_by_role("button").all()] == [
        "Approve",
        "Decline",
    ]
    page.close()


def test_a_thread_in_slack_reads_as_one_story(
    door: Door, engine: sa.Engine, browser: Browser, tmp_path: Path
) -> None:
    """On the sandbox's own page: the head, the request that was answered, and how it ended."""
    base = door.sandbox.base_url
    notifier = Notifier(
        engine, None, SlackBot(SecretStr("xoxb-a-bot"), "#incidents", f"{base}/slack/api/")
    )
    link = "http://127.0.0.1:4200/v2/runs/flow-run/1"
    run = new_run()
    approval = asked(engine, run)
    place = notifier.send(approval_message(approval, link), topic_of(approval, WAITS))
    assert place is not None
    slack_threads.record_request(engine, approval.id, place)
    given = Answer.of(ANNA, "link", approved=True, digest=approval.plan_digest)
    approval_answers.answer(engine, approval.id, given, person=ANNA)
    buttons.sweep(engine, notifier)
    reason = "p95 latency 6400 ms, objective 5000 ms. The change was undone."
    again = manual.start_again(run.playbook, {"target": ROUTE, "mode": "approve"})
    commands = (again, manual.about(run.id, run.id))
    notifier.send(
        outcome_message(run, ROUTE, Outcome.UNDONE, reason, link, commands),
        topic_of(approval, Outcome.UNDONE, needs_person=True),
    )

    page = browser.new_page(viewport={"width": 760, "height": 100}, device_scale_factor=2)
    page.goto(f"{base}/slack")
    keep(page, "slack-thread", tmp_path)

    head = page.inner_text("body > .message")
    assert "Undone: auto-rollback on /pre-market-briefing (P0)" in head
    thread = page.inner_text(".thread")
    for part in ("Approved by Anna Ito at ", "curl -fsS", "The change was undone.", "cct-ops why"):
        assert part in thread
    assert page.get_by_role("button").count() == 0
    page.close()

"""What every page has in common, and what each answers."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.board import pages
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.deliveries import Incoming
from cct_ops.models.role import Role
from tests.approvals.parts import asked
from tests.board.conftest import Person, SignedIn
from tests.ledger.alerts import opened
from tests.plans import PROPOSAL, PROPOSED

PATHS = [page.path for page in pages.ALL if "{" not in page.path]
NOBODYS = "0d8f6a6e-6a0c-4b53-9a5e-3f1f2f7c9b11"
HOSTILE = "<script>alert(1)</script>\u202e${{7000001*7}}{{7000001*7}}"


def test_every_page_is_there_with_nothing_in_the_ledger(signed_in: SignedIn) -> None:
    person = signed_in()

    for path in PATHS:
        answer = person.get(path)
        assert answer.status_code == 200, path
        assert "<h1" in answer.text, path


def test_every_answer_says_what_a_browser_may_do_with_it(signed_in: SignedIn) -> None:
    """No script and no style in the page, nothing from elsewhere, in nobody's frame."""
    person = signed_in()

    for path in (*PATHS, "/links/x", "/nowhere", "/static/0/board.css"):
        answer = person.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'"), path
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", answer.text), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text), path
        kept = "immutable" if path.startswith("/static") else "no-store"
        assert kept in answer.headers["cache-control"], path


def test_what_comes_from_outside_is_text_and_nothing_else(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    incident = opened(engine, alertname=HOSTILE, route=HOSTILE, severity=HOSTILE)
    deliveries.record_all(
        engine, [Incoming("alertmanager", uuid4().bytes, None, HOSTILE, admitted_by=HOSTILE)]
    )
    person = signed_in(Role.ADMIN, "Anna <b>Ito</b>")

    for path in (
        "/now",
        "/incidents",
        "/inbox",
        f"/incidents/{incident}",
        f"/inbox?about={HOSTILE}",
    ):
        shown = person.get(path).text
        assert "<script>alert" not in shown, path
        assert "<b>Ito" not in shown
        assert "\u202e" not in shown, path
        assert "49000007" not in shown, path


@pytest.mark.parametrize(
    "path", ["/incidents/no-id", f"/incidents/{NOBODYS}", f"/approvals/{NOBODYS}", "/nowhere"]
)
def test_what_is_not_there_is_said_so(signed_in: SignedIn, path: str) -> None:
    answer = signed_in().get(path)

    assert answer.status_code == 404
    assert "There is nothing at this address." in answer.text


def test_now_answers_the_questions_of_the_night(signed_in: SignedIn, engine: sa.Engine) -> None:
    """What is broken, who has it, what waits for a yes, what is weakened, is automation on."""
    incident = opened(engine, severity="critical", alertname="CheckoutDown", route="/checkout")
    approval = asked(engine)
    person = signed_in()
    person.send(f"/incidents/{incident}/acknowledge")

    shown = " ".join(re.sub(r"<[^>]+>", " ", person.get("/now").text).split())

    for words in (
        "Automation is on.",
        "1 open · 1 P0",
        "CheckoutDown /checkout",
        "Anna Ito has it",
        f"auto-rollback {approval.target}",
        "0 of 1 said yes",
        "All protection is as it should be.",
    ):
        assert words in shown


def test_the_most_urgent_stands_first_and_nothing_is_hidden(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    """What does not fit on the screen is counted."""
    for number in range(20):
        opened(engine, severity="warning", alertname=f"Small{number}")
    opened(engine, severity="critical", alertname="Large")
    opened(engine, severity="no-word-of-ours", alertname="Odd")

    shown = signed_in().get("/now").text

    names = re.findall(r"<b>(Small\d+|Large|Odd)</b>", shown)
    assert names[:2] == ["Large", "Small19"]
    assert "10 more" in shown
    assert "1 unknown" in shown


def test_filters_stand_in_the_address(signed_in: SignedIn, engine: sa.Engine) -> None:
    mine = opened(engine, severity="critical", alertname="Mine")
    opened(engine, severity="warning", alertname="Free")
    person = signed_in()
    person.send(f"/incidents/{mine}/acknowledge")

    assert "Mine" not in (free := person.get("/incidents?who=nobody").text)
    assert "Free" in free
    assert "Free" not in (severe := person.get("/incidents?severity=P0").text)
    assert "Mine" in severe
    assert "Mine" in person.get("/incidents?state=all").text


def test_the_inbox_says_why_an_alert_did_not_fire(signed_in: SignedIn, engine: sa.Engine) -> None:
    deliveries.record_all(
        engine, [Incoming("alertmanager", b"{}", None, "version: is missing", admitted_by="k")]
    )
    opened(engine, alertname="Fires")
    person = signed_in(Role.VIEWER)

    assert "quarantined: version: is missing" in person.get("/inbox?show=waiting").text
    assert "waits: not tried yet" in person.get("/inbox?about=Fires").text
    assert "ever came in" in person.get("/inbox?about=NeverSent").text


def test_a_refusal_is_said_on_a_page_with_the_way_back(
    signed_in: SignedIn, stranger: Person
) -> None:
    answer = signed_in(Role.VIEWER).send("/switches/stop", reason="because")

    assert answer.status_code == 403
    assert 'href="/now"' in answer.text


def test_a_step_that_only_programs_can_read_is_told_in_words(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    approval = asked(engine, wanted=PROPOSAL)

    text = signed_in(Role.APPROVER).get(f"/approvals/{approval.id}").text

    assert f"<li>{PROPOSED}" in text
    assert "<code>add /properties/&lt;b&gt;owner {&#34;type&#34;: &#34;string&#34;}</code>" in text
    assert "propose_change(" not in text
    assert "withdraw_change(branch=" in text

"""The page behind an approver's link: it shows before it asks, and only a POST decides."""

from __future__ import annotations

import base64
import re
import time

import pytest
import sqlalchemy as sa
from markupsafe import escape
from pydantic import SecretStr

from cct_ops.actions.registry import by_hand
from cct_ops.gateway.approvals import links
from cct_ops.gateway.approvals.links import Link
from cct_ops.ledger.gate import approvals
from tests.approvals.conftest import LINK_KEY
from tests.approvals.parts import ANNA, BEN, ROUTE, Door, asked, new_run, plan, refusals, state
from tests.plans import PROPOSAL, PROPOSED

KEY = SecretStr(LINK_KEY)


def test_the_plan_and_why_come_before_the_buttons(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)

    text = door.browser.get(door.link_of()).text

    buttons = text.index("<button")
    for part in (
        "What is wrong",
        "The breach is still going on.",
        "reset_canary(route=&#39;/pre-market-briefing&#39;)",
        "disable_canary",
        str(escape(by_hand(approval.plan.calls[0]))),
        "stable keeps serving",
        "6200 ms",
        "Over 5 minutes",
        "Open until",
        approval.plan_digest,
    ):
        assert text.index(part) < buttons
    assert "Anna Ito" in text


def test_a_get_decides_nothing_however_often(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    link = door.link_of()

    for _ in range(3):
        assert door.browser.get(link).status_code == 200
    assert door.browser.head(link).status_code == 405
    assert door.browser.get(f"{link}?decision=approve").status_code == 200

    assert state(engine, approval) == "pending"
    assert refusals(engine) == []


def test_the_answer_gives_nothing_away_and_loads_nothing(door: Door, engine: sa.Engine) -> None:
    asked(engine)

    answer = door.browser.get(door.link_of())

    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    for loading in ("src=", "href=", "url(", "@import"):
        assert loading not in answer.text


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_the_holder_of_a_link_decides_with_a_note(
    door: Door, engine: sa.Engine, decision: str
) -> None:
    approval = asked(engine)

    answer = door.post(door.link_of(), approval, decision, note="seen in\x00 Grafana")

    assert answer.status_code == 200
    found = approvals.find(engine, approval.id)
    assert found is not None
    assert found.state == f"{decision.removesuffix('e')}ed"
    assert (found.approver, found.authenticated) == ("Anna Ito", True)
    assert found.note == "seen in Grafana"
    assert "<button" not in answer.text


def test_a_link_works_once(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    link = door.link_of()
    door.post(link, approval, "decline")

    again = door.post(link, approval, "approve")

    assert again.status_code == 409
    assert state(engine, approval) == "declined"
    assert refusals(engine) == ["This request is declined already."]


def test_each_approver_gets_one_letter_with_an_own_link(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine, persons=2)
    annas, bens = door.link_of(ANNA), door.link_of(BEN)

    first = door.post(annas, approval, "approve")
    second = door.post(annas, approval, "approve")
    third = door.post(bens, approval, "approve")

    assert annas != bens
    assert "One more person is needed" in first.text
    assert "has answered already" in second.text
    assert third.status_code == 200
    assert state(engine, approval) == "approved"
    assert len(door.sandbox.slack_messages()) == 2


def forged(kind: str, link: Link) -> str:
    """Make a token that is not one of ours, or not any more."""
    good = links.mint(KEY, link)
    raw = bytearray(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    match kind:
        case "unsigned":
            raw[:32] = bytes(32)
        case "another key":
            return links.mint(SecretStr("another-key-0123456789-abcdef"), link)
        case "another request":
            raw[33:49] = bytes(16)
        case "another person":
            raw[-4:] = b"zoea"
        case "a later expiry":
            raw[49] ^= 1
        case "cut":
            return good[:-4]
        case "not base64":
            return "no.token"
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


FORGERIES = (
    "unsigned",
    "another key",
    "another request",
    "another person",
    "a later expiry",
    "cut",
    "not base64",
)


def test_forged_links_are_refused_and_on_record(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    link = Link(approval.id, ANNA.id, int(time.time()) + 900)
    for kind in FORGERIES:
        path = f"/approvals/{forged(kind, link)}"
        answer = door.post(path, approval, "approve")

        assert (kind, door.browser.get(path).status_code) == (kind, 404)
        assert (kind, answer.status_code) == (kind, 404)
        assert ROUTE not in answer.text

    assert state(engine, approval) == "pending"
    assert refusals(engine) == ["The link is not one of ours."] * len(FORGERIES)


def test_every_flipped_bit_makes_a_link_worthless() -> None:
    link = Link(new_run().id, ANNA.id, int(time.time()) + 900)
    good = links.mint(KEY, link)
    assert links.read(KEY, good) == link
    for position in range(len(good)):
        for bit in range(7):
            flipped = good[:position] + chr(ord(good[position]) ^ 1 << bit) + good[position + 1 :]
            assert links.read(KEY, flipped) is None


def test_an_expired_link_is_refused_and_on_record(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    late = links.mint(KEY, Link(approval.id, ANNA.id, int(time.time()) - 1))

    assert door.post(f"/approvals/{late}", approval, "approve").status_code == 410
    assert state(engine, approval) == "pending"
    assert refusals(engine) == ["The link has expired."]


def test_who_is_no_longer_on_the_list_is_refused_and_on_record(
    door: Door, engine: sa.Engine
) -> None:
    approval = asked(engine)
    gone = links.mint(KEY, Link(approval.id, "carla", int(time.time()) + 900))

    assert door.post(f"/approvals/{gone}", approval, "approve").status_code == 404
    assert refusals(engine) == ["Not on the list of approvers any more."]


def test_a_link_to_one_run_is_none_to_another(door: Door, engine: sa.Engine) -> None:
    other = asked(engine, new_run(), plan(50))
    token = links.mint(KEY, Link(other.id, ANNA.id, int(time.time()) + 900))
    approval = asked(engine)

    answer = door.post(f"/approvals/{token}", approval, "approve")

    assert answer.status_code == 409
    assert [state(engine, each) for each in (approval, other)] == ["pending", "pending"]
    assert refusals(engine) == ["The plan is not the one that was shown."]


def test_after_the_target_changed_the_old_link_is_refused(door: Door, engine: sa.Engine) -> None:
    run = new_run()
    first = asked(engine, run)
    link = door.link_of()
    asked(engine, run, plan(50))

    answer = door.post(link, first, "approve")

    assert answer.status_code == 409
    assert "void" in answer.text
    assert refusals(engine) == ["This request is void already."]


def test_another_site_cannot_post(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    answer = door.browser.post(
        door.link_of(),
        data={"decision": "approve", "digest": approval.plan_digest},
        headers={"Sec-Fetch-Site": "cross-site"},
    )

    assert answer.status_code == 403
    assert state(engine, approval) == "pending"


def test_an_answer_that_is_none_decides_nothing(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    link = door.link_of()
    twice = b"decision=approve&decision=decline"
    for body in (b"", b"decision=maybe", twice, b"a=1&" * 20, b"x" * 20_000):
        assert door.browser.post(link, content=body).status_code in {400, 413}

    assert state(engine, approval) == "pending"


def test_text_of_others_stays_text(door: Door, engine: sa.Engine) -> None:
    asked(engine, why='<img src="x" onerror="alert(1)"> {{ 7*7 }}')

    text = door.browser.get(door.link_of()).text

    assert "<img" not in text
    assert "{{ 7*7 }}" in text


def test_an_answered_page_says_who_and_when(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    link = door.link_of()
    door.post(link, approval, "approve", note="seen")

    text = door.browser.get(link).text

    assert re.search(r"Approved by Anna Ito at \d\d:\d\d:\d\d UTC on [\d-]+: seen\.", text)
    assert "<button" not in text


def test_a_void_page_names_the_run_and_the_next_step(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    link = door.link_of()
    approvals.void(engine, approval.run_id, "The target changed after this plan was shown.")

    text = door.browser.get(link).text

    assert "The target changed after this plan was shown." in text
    assert str(approval.run_id) in text
    assert f"start auto-rollback on {ROUTE} anew" in text


def test_an_expired_link_names_the_run_and_the_next_step(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine, seconds=-60)
    link = Link(approval.id, ANNA.id, int(time.time()) - 60)

    answer = door.browser.get(f"/approvals/{links.mint(KEY, link)}")

    assert answer.status_code == 410
    assert "Expired at" in answer.text
    assert str(approval.run_id) in answer.text
    assert f"start auto-rollback on {ROUTE} anew" in answer.text


def test_a_step_that_only_programs_can_read_is_told_in_words(door: Door, engine: sa.Engine) -> None:
    asked(engine, wanted=PROPOSAL)

    text = door.browser.get(door.link_of()).text

    assert f"<li>{PROPOSED}" in text
    assert "<li><code>remove /required/2</code></li>" in text
    assert "propose_change(" not in text

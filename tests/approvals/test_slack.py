"""Slack's buttons: signed by Slack, pressed by somebody on the list, counted once."""

from __future__ import annotations

import time
from typing import Any

import pytest
import sqlalchemy as sa
from httpx import Response
from pydantic import SecretStr
from slack_sdk.signature import Clock
from starlette.datastructures import Headers

from cct_ops.actions.registry import by_hand
from cct_ops.clients import slack_text
from cct_ops.gateway.approvals.incident_buttons import IncidentButtons
from cct_ops.gateway.approvals.slack_buttons import Buttons
from cct_ops.ledger.gate import approvals
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.people.notifier import Notifier
from cct_ops.reports.asking import approval_message
from tests.approvals.conftest import SIGNING_SECRET
from tests.approvals.parts import (
    ANNA,
    APPROVERS,
    BEN,
    CONTACTS,
    Door,
    asked,
    new_run,
    plan,
    refusals,
    state,
)
from tests.approvals.slack import posted
from tests.gateway.signing import flipped
from tests.stack.polling import eventually


def press(
    door: Door,
    approval: Approval,
    user: str | None = ANNA.slack_user_id,
    *,
    word: str = "approve",
    at: float | None = None,
    secret: str = SIGNING_SECRET,
    change: Any = None,
    **headers: str,
) -> Response:
    """Send what Slack sends when a user presses a button of the message."""
    text, blocks = approval_message(approval, None)
    action = {"action_id": f"approval_{word}", "value": str(approval.id), "type": "button"}
    return posted(
        door, action, user, blocks, text=text, at=at, secret=secret, change=change, **headers
    )


def answered(door: Door) -> list[dict[str, Any]]:
    """Return what was sent to the address that came with a press."""
    return [m.body for m in door.sandbox.slack_messages() if m.path == "/slack/response"]


@pytest.mark.parametrize(("word", "end"), [("approve", "approved"), ("decline", "declined")])
def test_a_press_decides_and_the_message_says_who_it_was(
    door: Door, engine: sa.Engine, word: str, end: str
) -> None:
    approval = asked(engine)

    assert press(door, approval, word=word).status_code == 200
    eventually(lambda: len(answered(door)) == 1)

    found = approvals.find(engine, approval.id)
    assert found is not None
    assert (found.state, found.approver, found.authenticated) == (end, "Anna Ito", True)
    update = answered(door)[0]
    assert update["replace_original"] is True
    assert "actions" not in [block["type"] for block in update["blocks"]]
    assert update["blocks"][-1]["elements"][0]["text"] == f"{end.capitalize()} by <@U0ANNA>."


def test_with_two_needed_the_buttons_stay_until_the_second(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine, persons=2)

    for number, user in enumerate((ANNA, ANNA, BEN), 1):
        press(door, approval, user.slack_user_id)
        eventually(lambda count=number: len(answered(door)) == count)  # type: ignore[misc]

    first, _, last = answered(door)
    assert "actions" in [block["type"] for block in first["blocks"]]
    assert "actions" not in [block["type"] for block in last["blocks"]]
    assert refusals(engine) == ["This person has answered already."]
    assert state(engine, approval) == "approved"


def test_what_slack_did_not_sign_now_is_refused_and_on_record(
    door: Door, engine: sa.Engine
) -> None:
    approval = asked(engine)
    wrongs: list[dict[str, Any]] = [
        {"secret": "another-secret-0123456789abcdefg"},
        {"X-Slack-Signature": "v0=00"},
        {"X-Slack-Signature": ""},
        {"at": time.time() - 301},
        {"at": time.time() + 400},
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": "9" * 30},
    ]
    for wrong in wrongs:
        answer = press(door, approval, **wrong)
        assert (wrong, answer.status_code, answer.text) == (wrong, 401, "not authorised")

    assert state(engine, approval) == "pending"
    assert refusals(engine) == ["The request is not signed by Slack."] * len(wrongs)


def test_the_published_example_of_slack_is_genuine_and_nothing_like_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From Slack's documentation: no bit may be another, and it is good for five minutes."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015"
        b".47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    stamp = "1531420618"
    made = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    secret = SecretStr("8f742231b10e8888abcd99yyyzzz85a5")
    nowhere = sa.create_engine("postgresql+psycopg://")
    incidents = IncidentButtons(nowhere, CONTACTS, APPROVERS, Notifier(nowhere))
    buttons = Buttons(nowhere, APPROVERS, secret, "https://hooks.slack.com/", incidents)

    def genuine(content: bytes = body, at: str = stamp, *signatures: str, after: float = 0) -> bool:
        monkeypatch.setattr(Clock, "now", lambda _: 1531420618 + after)
        sent = [("x-slack-request-timestamp", at)]
        sent += [("x-slack-signature", each) for each in signatures or (made,)]
        raw = [(name.encode(), value.encode()) for name, value in sent]
        return buttons.genuine(content, Headers(raw=raw))

    assert genuine()
    assert genuine(after=299)
    assert not genuine(after=301)
    assert not genuine(body, stamp, made, made)
    assert not genuine(body, stamp, made.replace("v0", "v1"))
    assert not genuine(body, "1531420619")
    for bit in range(8 * len(body)):
        assert not genuine(flipped(body, bit))
    for bit in range(3 * 8, 8 * len(made)):
        forged = flipped(made.encode(), bit).decode("latin-1")
        assert not genuine(body, stamp, forged)


def test_a_replayed_press_counts_for_nothing(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    now = time.time()
    press(door, approval, at=now)

    press(door, approval, at=now)

    assert refusals(engine) == ["This request is approved already."]


@pytest.mark.parametrize("user", ["U0STRANGER", "anna"])
def test_a_user_who_is_not_on_the_list_is_refused_and_on_record(
    door: Door, engine: sa.Engine, user: str
) -> None:
    approval = asked(engine)

    assert press(door, approval, user).status_code == 200
    eventually(lambda: len(answered(door)) == 1)

    assert answered(door)[0]["response_type"] == "ephemeral"
    assert state(engine, approval) == "pending"
    assert refusals(engine) == ["This user of Slack is not on the list of approvers."]


def test_a_press_after_the_target_changed_is_refused(door: Door, engine: sa.Engine) -> None:
    run = new_run()
    first = asked(engine, run)
    asked(engine, run, plan(50))

    press(door, first)

    assert refusals(engine) == ["This request is void already."]


def test_nothing_is_sent_but_to_slack(door: Door, engine: sa.Engine) -> None:
    """An address from a payload is used only where it is on the one host that was configured."""
    approval = asked(engine)
    other = door.sandbox.base_url.replace("127.0.0.1", "localhost")

    press(door, approval, change={"response_url": f"{other}/slack/response"})
    press(door, approval, BEN.slack_user_id)
    eventually(lambda: len(answered(door)) == 1)

    assert answered(door)[0]["response_type"] == "ephemeral", "that of the second press"


def test_what_is_no_press_of_ours_is_refused(door: Door, engine: sa.Engine) -> None:
    approval = asked(engine)
    changes: tuple[dict[str, Any], ...] = (
        {"type": "view_submission"},
        {"actions": []},
        {"actions": [{"action_id": "x"}]},
    )
    for change in changes:
        assert press(door, approval, change=change).status_code == 400

    assert state(engine, approval) == "pending"


def test_the_message_shows_the_command_of_each_step(engine: sa.Engine) -> None:
    """As a person types it, but for what Slack wants escaped."""
    approval = asked(engine)

    _, blocks = approval_message(approval, None)

    (shown,) = [
        b["text"]["text"] for b in blocks if b.get("text", {}).get("text", "")[:9] == "*By hand*"
    ]
    for call in approval.plan.calls:
        assert f"```{slack_text.escape(by_hand(call) or 'none')}```" in shown

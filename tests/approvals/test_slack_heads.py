"""The button under an incident's head in Slack: whoever presses it has the incident, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import yaml

from cct_ops.controller import buttons
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people import acknowledgements, pages, slack_threads
from cct_ops.models.run import Outcome, Severity
from cct_ops.models.topic import OPEN, Topic
from cct_ops.people.notifier import Notifier
from cct_ops.record import account
from cct_ops.reports.messages import ACKNOWLEDGE, TAKE_OVER
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault, Message
from cct_ops.settings import Settings
from tests.approvals.conftest import SIGNING_SECRET
from tests.approvals.parts import ANNA, BEN, Door
from tests.approvals.slack import posted, sent
from tests.ledger.alerts import opened
from tests.people.notifier.threads import heads, shown
from tests.stack.polling import eventually

CAROL = {"id": "carol", "name": "Carol Ng", "slack_user_id": "U0CAROL", "block": "x/y"}


@pytest.fixture
def gateway_environment(
    gateway_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    sandbox: SandboxControl,
    tmp_path: Path,
) -> dict[str, str]:
    """That of a gateway with a bot, and with a contact who is no approver."""
    contacts = tmp_path / "contacts.yaml"
    contacts.write_text(yaml.safe_dump({"contacts": [CAROL]}))
    more = {
        "SLACK_BOT_TOKEN": "xoxb-0123456789-a-bot",
        "CCT_OPS_SLACK_CHANNEL": "#incidents",
        "CCT_OPS_SLACK_API_URL": f"{sandbox.base_url}/slack/api/",
        "CCT_OPS_CONTACTS_PATH": str(contacts),
    }
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    return gateway_environment | more


@pytest.fixture
def notifier(gateway_environment: dict[str, str], engine: sa.Engine) -> Notifier:
    """What the controller speaks with."""
    return Notifier.of(engine, Settings.load())


@pytest.fixture
def incident(engine: sa.Engine, notifier: Notifier) -> UUID:
    """An open incident that has a thread."""
    incident = opened(engine, severity="critical")
    say(notifier, incident)
    return incident


def say(notifier: Notifier, incident: UUID, state: str = OPEN) -> None:
    """Say something in its thread."""
    words: Any = ("said", [{"type": "section", "text": {"type": "mrkdwn", "text": "said"}}])
    notifier.send(words, Topic(id=incident, title="It", state=state, severity=Severity.P0))


def head(sandbox: SandboxControl) -> Message:
    """Return the head as it stands now."""
    (found,) = [
        each
        for each in sandbox.slack_messages()
        if "ts" in each.body and "thread_ts" not in each.body
    ]
    return found


def button(sandbox: SandboxControl) -> str | None:
    """Return which button stands under the head."""
    for block in head(sandbox).body["blocks"]:
        if block["type"] == "actions":
            return str(block["elements"][0]["action_id"])
    return None


def press(
    door: Door, user: str | None, action_id: str = ACKNOWLEDGE, message: Message | None = None
) -> dict[str, Any]:
    """Let Slack send what it sends when a user presses a button of the head."""
    url = f"{str(door.browser.base_url).rstrip('/')}/slack/interactions"
    pressed = message or head(door.sandbox)
    answer = door.sandbox.press(pressed, action_id, str(user), url, SIGNING_SECRET)
    assert (answer["status"], answer["seconds"] < 3) == (200, True)
    return answer


def whispered(sandbox: SandboxControl) -> list[tuple[str, str]]:
    """Return what was said to a single person, and to whom."""
    return [
        (each.body["to"], each.body["text"])
        for each in sandbox.slack_messages()
        if each.path.startswith("/slack/actions/")
    ]


def holder(engine: sa.Engine, incident: UUID) -> str | None:
    """Return who has it."""
    found = acknowledgements.held(engine, incident)
    return found.person if found else None


@pytest.mark.parametrize(("user", "name"), [("U0CAROL", "Carol Ng"), ("U0ANNA", "Anna Ito")])
def test_whoever_presses_it_has_the_incident_and_the_head_says_so(
    door: Door, engine: sa.Engine, incident: UUID, user: str, name: str
) -> None:
    """A contact, or an approver."""
    assert button(door.sandbox) == ACKNOWLEDGE

    press(door, user)

    assert holder(engine, incident) == name, "before Slack has its answer"
    eventually(lambda: button(door.sandbox) == TAKE_OVER)
    assert f"Acknowledged by {name} at " in shown(head(door.sandbox).body)
    assert whispered(door.sandbox) == []
    told = account.read(engine, incident)
    assert told is not None
    (entry,) = [each for each in told.entries if each.kind == "acknowledgement"]
    assert (entry.actor.name, entry.actor.proof) == (name, f"Slack's signature, as the user {user}")


def test_pressed_again_or_by_two_at_once_it_counts_once_and_each_is_told(
    door: Door, engine: sa.Engine, incident: UUID
) -> None:
    """Those whose screen still shows the button that is gone."""
    seen = head(door.sandbox)

    press(door, ANNA.slack_user_id, message=seen)
    eventually(lambda: button(door.sandbox) == TAKE_OVER)
    for user in (ANNA.slack_user_id, BEN.slack_user_id):
        assert sent(door, seen.body["blocks"], user, ACKNOWLEDGE) == 200

    assert holder(engine, incident) == "Anna Ito"
    eventually(lambda: len(answered(door)) == 2)
    mine, other = answered(door)
    assert mine.startswith("You have this incident since ")
    assert other.startswith("Nothing was done: Anna Ito has this incident since ")


def answered(door: Door) -> list[str]:
    """Return what was answered to presses of what a screen still showed."""
    return [m.body["text"] for m in door.sandbox.slack_messages() if m.path == "/slack/response"]


def test_somebody_else_takes_it_over_by_the_button_that_is_there_then(
    door: Door, engine: sa.Engine, incident: UUID
) -> None:
    press(door, ANNA.slack_user_id)
    eventually(lambda: button(door.sandbox) == TAKE_OVER)

    before = press(door, BEN.slack_user_id, TAKE_OVER)["sent"]
    assert holder(engine, incident) == "Ben Okafor"
    eventually(lambda: "Ben Okafor" in shown(head(door.sandbox).body))
    press(door, ANNA.slack_user_id, TAKE_OVER)
    again = door.browser.post(
        "/slack/interactions", content=before["body"], headers=before["headers"]
    )

    assert again.status_code == 200
    assert holder(engine, incident) == "Anna Ito", "a request of before counts for nothing now"
    eventually(lambda: len(whispered(door.sandbox)) == 1)
    ((to, words),) = whispered(door.sandbox)
    assert (to, words.startswith("Nothing was done: Anna Ito has")) == ("U0BEN", True)


def test_a_user_whom_nobody_knows_is_told_what_to_do(
    door: Door, engine: sa.Engine, incident: UUID
) -> None:
    press(door, "U0STRANGER")

    assert holder(engine, incident) is None
    eventually(lambda: len(whispered(door.sandbox)) == 1)
    ((to, words),) = whispered(door.sandbox)
    assert to == "U0STRANGER"
    assert "this user of Slack is nobody whom we know" in words
    assert "`slack_user_id: U0STRANGER`" in words
    assert button(door.sandbox) == ACKNOWLEDGE


def close(engine: sa.Engine, incident: UUID) -> None:
    """Let it be over."""
    with engine.begin() as tx:
        tx.execute(sa.update(incidents).where(incidents.c.id == incident).values(state="closed"))


def test_what_is_over_is_nobody_s_to_take_and_its_button_goes(
    door: Door, engine: sa.Engine, incident: UUID
) -> None:
    close(engine, incident)

    press(door, ANNA.slack_user_id)

    assert holder(engine, incident) is None
    eventually(lambda: button(door.sandbox) is None)
    eventually(lambda: len(whispered(door.sandbox)) == 1)
    assert "cannot be acknowledged: it is over" in whispered(door.sandbox)[0][1]


def test_the_head_shows_what_was_acknowledged_elsewhere_and_what_is_over(
    engine: sa.Engine, notifier: Notifier, sandbox: SandboxControl, incident: UUID
) -> None:
    """By the controller's sweep; what is shown already is left alone."""
    acknowledgements.record(engine, incident, "Chen <Wei>", "on the board")

    buttons.sweep(engine, notifier)

    assert "Acknowledged by Chen &lt;Wei&gt; at " in shown(head(sandbox).body)
    assert button(sandbox) == TAKE_OVER
    buttons.sweep(engine, notifier)
    assert (head(sandbox).body["edits"], slack_threads.outdated(engine)) == (1, [])
    close(engine, incident)
    buttons.sweep(engine, notifier)
    assert button(sandbox) is None
    assert "Acknowledged by Chen" in shown(head(sandbox).body)
    assert slack_threads.outdated(engine) == []


def test_a_slack_that_is_away_loses_no_acknowledgement_and_the_sweep_shows_it_later(
    door: Door, engine: sa.Engine, notifier: Notifier, incident: UUID
) -> None:
    door.sandbox.faults(Fault(path="/slack/api/", error_status=503))

    press(door, ANNA.slack_user_id)

    assert holder(engine, incident) == "Anna Ito"
    door.sandbox.faults()
    buttons.sweep(engine, notifier)
    assert button(door.sandbox) == TAKE_OVER


def test_a_head_keeps_its_holder_when_something_new_is_said(
    engine: sa.Engine, notifier: Notifier, sandbox: SandboxControl, incident: UUID
) -> None:
    acknowledgements.record(engine, incident, "Anna Ito", "on the board")

    say(notifier, incident, Outcome.RESOLVED)

    (body,) = heads(sandbox)
    assert body["text"].startswith(":white_check_mark: Resolved")
    assert "Acknowledged by Anna Ito" in shown(body)


def test_what_is_no_incident_has_no_button(notifier: Notifier, sandbox: SandboxControl) -> None:
    say(notifier, UUID(int=7))

    assert button(sandbox) is None


@pytest.mark.parametrize("value", ["x", "-" * 36, f"{UUID(int=7)}/", f"{UUID(int=7)}/{'9' * 30}"])
def test_a_button_that_is_none_of_ours_is_refused(door: Door, value: str) -> None:
    action = {"action_id": ACKNOWLEDGE, "value": value, "type": "button"}

    assert posted(door, action, "U0ANNA", []).status_code == 400


def test_a_p0_incident_has_its_button_as_soon_as_somebody_is_paged(
    engine: sa.Engine, notifier: Notifier, sandbox: SandboxControl
) -> None:
    """Before any playbook has said a word; once, and not where nobody is paged."""
    incident = opened(engine, alertname="Down <b>", severity="critical")
    opened(engine, severity="critical")
    cause = f"{pages.OF_INCIDENT}{incident}"
    pages.ask(engine, cause, subject="P0", body="-", topic_id=incident)

    for _ in range(3):
        buttons.sweep(engine, notifier)

    (body,) = heads(sandbox)
    assert body["text"] == ":rotating_light: Open: Down &lt;b&gt; from alertmanager (P0)"
    assert button(sandbox) == ACKNOWLEDGE
    say(notifier, incident, "Approved, at work")
    assert heads(sandbox)[0]["text"].startswith(":gear: Approved, at work: It")

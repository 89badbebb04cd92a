"""What commands list can be used by the next command, by a program, and by a terminal."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cct_ops.cli import app
from cct_ops.errors import BadConfiguration, ContractBroken
from cct_ops.ledger import ids
from cct_ops.ledger.gate import changes
from cct_ops.ledger.gate.tables import temporary_changes
from cct_ops.ledger.intake import outbox
from cct_ops.models.plan import Call, Step
from cct_ops.terminal import LogLine
from tests.approvals.parts import asked
from tests.commands.conftest import Typed
from tests.commands.test_inbox import NOW, know, take
from tests.conftest import ROOT
from tests.gateway.signing import FIELDS
from tests.ledger.history import CALL, TARGET, a_run, permitted, plan

COMMAND = Path(sys.executable).with_name("cct-ops")
LONG = "CanaryRolledBackAfterABreachOfTheObjectiveForItsLatency"


@pytest.fixture(autouse=True)
def here(on_ledger: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work as a program that reads 80 columns."""
    know(tmp_path / "sources.yaml", FIELDS)
    monkeypatch.setenv("CCT_OPS_SOURCES_PATH", str(tmp_path / "sources.yaml"))
    monkeypatch.setenv("COLUMNS", "80")


def an_incident(engine: sa.Engine, name: str = LONG) -> str:
    """Let an alert of this name come in; returns its incident."""
    alert = {"status": "firing", "labels": {"alertname": name}, "startsAt": NOW.isoformat()}
    body = {"version": "4", "alerts": [alert], "mark": uuid4().hex}
    return take(engine, "alertmanager", json.dumps(body).encode())


def a_change(engine: sa.Engine) -> UUID:
    """Let a run have weakened something."""
    permit = permitted(engine, a_run(), plan())
    undo = Call(method="disable_canary", arguments={"route": TARGET})
    with engine.begin() as tx:
        made = changes.schedule(
            tx,
            permit,
            Step(call=CALL, undo=undo, lasts_minutes=60),
            before="off at 0 % of traffic, disabled by somebody who did not say why",
            owner="anna",
            reason="a long reason, which fills a line of eighty columns all by itself and more",
        )
    return made.id


@pytest.mark.parametrize("command", ["inbox", "approvals", "changes"])
def test_what_is_listed_is_whole_where_a_program_reads_it(
    engine: sa.Engine, typed: Typed, command: str
) -> None:
    """As text and as JSON, however narrow the program says that it is."""
    wanted = {
        "inbox": an_incident(engine),
        "approvals": str(asked(engine).id),
        "changes": str(a_change(engine)),
    }[command]

    text = typed(command)
    listed = json.loads(typed(f"{command} --json"))

    assert any(wanted in line for line in text.splitlines())
    assert "…" not in text
    assert listed[0]["id"] == wanted


@pytest.mark.parametrize("command", ["replay --since 1h", "pages", "autonomy"])
def test_every_listing_can_be_json(engine: sa.Engine, typed: Typed, command: str) -> None:
    an_incident(engine)
    typed(command)

    assert isinstance(json.loads(typed(f"{command} --json")), list)


def test_a_narrow_terminal_shows_ids_that_the_next_command_takes(engine: sa.Engine) -> None:
    incident = an_incident(engine)
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [COMMAND, "inbox"], cwd=ROOT, env=environment, stdout=follower, stderr=follower
    )
    assert process.wait(60) == 0
    os.set_blocking(leader, False)
    shown = os.read(leader, 100_000).decode()
    os.close(leader)
    os.close(follower)

    assert incident[:8] in shown
    drawn = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(len(line) for line in drawn if line[:1] in "┏┃┡│└") == 80


def test_an_id_may_be_as_short_as_it_is_the_only_one(engine: sa.Engine, typed: Typed) -> None:
    change = str(a_change(engine))

    assert ids.one(engine, change[:4], ids.Kind.CHANGE, listed_by="x") == UUID(change)
    assert ids.one(engine, change[:13].upper(), ids.Kind.CHANGE, listed_by="x") == UUID(change)
    incident = an_incident(engine)
    assert incident in typed(f"why {incident[:8]}")


def test_ids_that_begin_alike_are_shown_long_enough_and_refused_when_too_short(
    engine: sa.Engine,
) -> None:
    one, other = a_change(engine), UUID("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa")
    twin = UUID("aaaaaaaa-aaaa-4aab-8aaa-aaaaaaaaaaaa")
    columns = [column for column in temporary_changes.c if column.name != "id"]
    for each in (other, twin):
        row = sa.select(sa.literal(each), *columns).where(temporary_changes.c.id == one)
        with engine.begin() as tx:
            tx.execute(sa.insert(temporary_changes).from_select(["id", *columns], row))

    short = ids.shortened(engine, [one, other], ids.Kind.CHANGE)

    assert short == {str(one): str(one)[:8], str(other): "aaaaaaaa-aaaa-4aaa"}
    with pytest.raises(BadConfiguration, match=f"aaaaaaaa is not enough.*{other}.*{twin}"):
        app("changes end aaaaaaaa", exit_on_error=False)


def test_a_row_that_cannot_be_read_hides_no_other(
    engine: sa.Engine, typed: Typed, caplog: pytest.LogCaptureFixture
) -> None:
    good, odd = a_change(engine), UUID("aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa")
    columns = [column for column in temporary_changes.c if column.name not in {"id", "revert"}]
    row = sa.select(sa.literal(odd), sa.cast("[]", sa.JSON), *columns)
    with engine.begin() as tx:
        names = ["id", "revert", *(column.name for column in columns)]
        tx.execute(sa.insert(temporary_changes).from_select(names, row))

    assert str(good) in typed("changes --json")
    assert f"temporary change {odd} cannot be read: revert:" in caplog.text
    with pytest.raises(ContractBroken, match=f"{odd} cannot be read"):
        app(f"changes end {odd}", exit_on_error=False)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("changes end 12345678", "there is no temporary change 12345678: `cct-ops changes --all`"),
        (
            "changes extend nonsense --minutes 5 --reason x",
            "'nonsense' is no id of a temporary change",
        ),
        ("changes end 00000000-0000-4000-8000-000000000000", "there is no temporary change"),
        ("reprocess 12345678", "there is no delivery 12345678"),
        ("requeue 12345678", "there is no incident 12345678"),
        ("why 12345678", "there is no alert and no id 12345678"),
        ("guards nope /x", "there is no playbook nope: known are auto-rollback"),
        ("guards auto-rolback /daily-summary", "did you mean auto-rollback"),
        ("guards auto-rollback /daily-sumary", "did you mean /daily-summary"),
        ("guards auto-rollback /x", "there is no target /x"),
        ("hold /daily-sumary --until 2h --reason x", "did you mean /daily-summary"),
        ("hold exemption --until 2h --reason x", "did you mean exemptions"),
        ("hold deploy --until 2h --reason x", "there is no target deploy"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_is_nearest(
    engine: sa.Engine, command: str, problem: str
) -> None:
    with pytest.raises(BadConfiguration, match=problem):
        app(command, exit_on_error=False)


def test_a_misspelt_alert_and_a_misspelt_hold_are_met_with_their_names(
    engine: sa.Engine, typed: Typed
) -> None:
    an_incident(engine, "CanaryRolledBack")
    typed(["hold", TARGET, "--until", "2h", "--reason", "mine"])

    with pytest.raises(BadConfiguration, match="did you mean CanaryRolledBack"):
        app("why CanaryRoledBack", exit_on_error=False)
    with pytest.raises(BadConfiguration, match=f"did you mean {TARGET}"):
        app("release /daily-sumary", exit_on_error=False)


def test_a_workflow_is_a_target_as_its_pattern_says(typed: Typed) -> None:
    assert "Held" in typed(["hold", "deploy.yml", "--until", "2h", "--reason", "mine"])


def test_words_of_a_sender_reach_neither_terminal_nor_ci(engine: sa.Engine, typed: Typed) -> None:
    """No line begins with what a runner carries out, and no escape sequence is left."""
    an_incident(engine, "x\n::error::pwned\x1b[2J\u202e")

    for command in ("inbox", "why x::error::pwned", "inbox --json", "replay --since 1h"):
        try:
            text = typed(command)
        except BadConfiguration as error:
            text = str(error)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
        assert "::error::pwned" in text


def test_a_set_aside_incident_is_given_another_try(engine: sa.Engine, typed: Typed) -> None:
    incident = an_incident(engine)
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    outbox.hand_to_people(engine, claim, state="dead-lettered", rule="r", reason="no deployment")
    notice = outbox.claim(engine, outbox.NOTICE, 30)
    assert notice is not None
    outbox.mark_dead_lettered(engine, notice, "Slack refused a message: invalid_auth.")

    assert "blocked, not notified: Slack refused a message" in typed("inbox --unfinished")
    assert "It is routed again" in typed(f"requeue {incident}")
    again = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert again is not None
    outbox.hand_to_people(engine, again, state="notified", rule="r", reason="no playbook")
    for _ in range(2):  # who has a Slack now sends what nobody was sent before
        notice = outbox.claim(engine, outbox.NOTICE, 30)
        assert notice is not None
        outbox.mark_notified(engine, notice, undelivered="no Slack is set up")
        assert "People are notified again" in typed(f"requeue {incident[:8]}")
    notice = outbox.claim(engine, outbox.NOTICE, 30)
    assert notice is not None
    outbox.mark_notified(engine, notice)
    with pytest.raises(BadConfiguration, match="nothing of incident"):
        app(f"requeue {incident[:8]}", exit_on_error=False)


def test_why_takes_whatever_a_listing_shows(engine: sa.Engine, typed: Typed) -> None:
    """A change and a request for approval lead to their run."""
    approval, change = asked(engine), a_change(engine)
    run = changes.maker(engine, change)

    story = typed(f"why {change}")
    assert f"Run {run}" in story
    assert f"temporary change {change}, {CALL}, is to last until" in story
    listed = json.loads(typed("approvals --json"))
    assert listed[0]["run"] == str(approval.run_id)
    assert "approval was asked for" in typed(f"why {listed[0]['id']}")


def test_lines_of_a_log_are_one_line_each() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "of %s", ("a\n::error::b\x1b[2J",), None)

    assert LogLine("gateway: %(message)s").format(record) == ("gateway: of a\\n::error::b\\x1b[2J")

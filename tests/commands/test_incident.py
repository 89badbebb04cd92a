"""The account of an incident, as people and programs get it: in a terminal, as JSON, as a page."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cct_ops.cli import app
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.intake import deliveries, outbox
from cct_ops.ledger.intake.tables import deliveries as delivery_rows, incidents as incident_rows
from cct_ops.ledger.record import account
from cct_ops.models.guards import Guard
from cct_ops.models.run import Outcome
from cct_ops.models.versions import FileVersion
from tests.commands.conftest import Program, Typed
from tests.commands.test_inbox import arrive
from tests.ledger.history import TARGET, a_run, attempt, decided

ESCAPES = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe"
SCRIPT = "</style></script><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Prefect answers: what is told is told without it."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")


def blocked(engine: sa.Engine, name: str = "CanaryRolledBack") -> tuple[str, UUID]:
    """Let an alert have led to a run that the kill switch stopped; returns incident and run."""
    incident = arrive(engine, name, TARGET)
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    run = a_run(incident_id=UUID(incident))
    version = FileVersion(digest="d" * 64, commit="c" * 40)
    outbox.mark_sent(
        engine, claim, rule="r", playbook="auto-rollback", flow_run_id=run.id, routes=version
    )
    decided(engine, run, "Blocked", guard=Guard.KILL_SWITCH.value, policy=version)
    account.record_outcome(engine, run, TARGET, Outcome.BLOCKED, "The kill switch is pulled.")
    return incident, run.id


def test_it_is_whole_without_prefect_and_by_any_id_of_it(engine: sa.Engine, typed: Typed) -> None:
    """Of the incident or its run, whole or as much of it as is enough."""
    incident, run = blocked(engine)

    for wanted in (incident, incident[:8], str(run), str(run)[:8]):
        said = typed(f"incident {wanted}")
        for words in (
            f"Incident {incident}: CanaryRolledBack from alertmanager, open",
            f"run {run}: auto-rollback on {TARGET}, Blocked",
            "the alert is firing (opened)",
            "proof: the key KEY",
            f"rule r: run {run} of auto-rollback was created",
            f"routes commit: {'c' * 40}",
            "Blocked by the guard kill switch, in mode auto",
            f"policy SHA-256: {'d' * 64}",
            "ended as Blocked: The kill switch is pulled.",
        ):
            assert words in said


def test_json_is_the_same_account(engine: sa.Engine, typed: Typed) -> None:
    incident, run = blocked(engine)

    content = json.loads(typed(f"incident {incident} --json"))

    assert (content["id"], content["outcome"]) == (incident, "Blocked")
    assert [each["id"] for each in content["runs"]] == [str(run)]
    kinds = [entry["kind"] for entry in content["entries"]]
    assert kinds == ["began", "alert", "dispatch", "decision", "outcome"]
    assert all(entry["row"] and entry["actor"]["name"] for entry in content["entries"])


def test_a_run_that_a_person_started_is_told_as_well(engine: sa.Engine, typed: Typed) -> None:
    run = attempt(engine, Outcome.UNDONE)

    said = typed(f"incident {run.id}")

    assert f"Run {run.id}: auto-rollback on {TARGET}, started without an alert" in said
    assert "ended as Undone: as it went" in said


def test_a_delivery_leads_to_what_it_was_about(engine: sa.Engine, typed: Typed) -> None:
    """Or to itself, or to the choice between several."""
    incident = arrive(engine, "One", "/x")
    with engine.connect() as connection:
        (delivery,) = connection.scalars(sa.select(delivery_rows.c.id))
    assert f"Incident {incident}" in typed(f"incident {delivery}")

    alone = deliveries.Incoming("json", b"{}", None, "not understood", admitted_by="KEY")
    (receipt,) = deliveries.record_all(engine, [alone])
    said = typed(f"incident {receipt.delivery_id}")
    assert f"delivery {receipt.delivery_id} is quarantined: not understood" in said


def test_times_are_those_of_the_reader_and_of_everybody(
    engine: sa.Engine, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where these are on two days, UTC says its own."""
    incident, _ = blocked(engine)
    in_tokyo = "Sunday, 01 February 2026, JST; in brackets: UTC"
    began = dict.fromkeys(("starts_at", "opened_at"), datetime(2026, 1, 31, 23, 30, tzinfo=UTC))
    with engine.begin() as tx:
        tx.execute(sa.update(incident_rows).values(began))

    try:
        for zone, day, clock in (
            ("Asia/Tokyo", in_tokyo, "08:30:00.000 (01-31 23:30:00)"),
            ("UTC", "Saturday, 31 January 2026, UTC", "23:30:00.000"),
        ):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            said = typed(f"incident {incident}").splitlines()
            assert day in said
            assert f"{clock}  alertmanager: it first came here" in said
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_id_of_nothing_is_one_sentence(program: Program, on_ledger: None) -> None:
    ended = program("incident", str(uuid4()))

    assert ended.code == 1
    assert "there is no incident and no run" in ended.err
    assert "cct-ops incidents" in ended.err
    assert "none is known" not in ended.err


def test_what_is_no_id_is_told_what_one_looks_like(
    engine: sa.Engine, program: Program, on_ledger: None
) -> None:
    for odd in (arrive(engine, "One", "/x")[:3], "One", "", " ", "\N{ROCKET}"):
        ended = program("incident", odd)

        assert ended.code == 1
        assert f"{odd!r} is no id of an incident or run: type its first" in ended.err
        assert "at least 4" in ended.err


def test_no_escape_sequence_of_a_sender_reaches_the_terminal(
    engine: sa.Engine, typed: Typed
) -> None:
    """Nor what turns the direction of writing; JSON has them as escapes."""
    incident, _ = blocked(engine, ESCAPES)

    for said in (typed(f"incident {incident}"), typed(f"incident {incident} --json")):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", said)
    assert json.loads(typed(f"incident {incident} --json"))["labels"]["alertname"] == ESCAPES


def test_the_page_opens_offline_and_holds_nothing_but_text(
    engine: sa.Engine, typed: Typed, tmp_path: Path
) -> None:
    """Nothing is loaded from anywhere, and no markup of a sender is any."""
    incident, run = blocked(engine, SCRIPT + ESCAPES)
    path = tmp_path / "account.html"

    typed(["incident", incident, "--html", str(path)])

    page = path.read_text()
    assert "<img" not in page
    assert page.count("<script>") == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)
    assert "default-src 'none'" in page.replace("&#39;", "'")
    loaded = re.findall(r"""(?:src|@import|url\()\s*=?\s*["'(]?[^"'\s)>]*""", page)
    assert not [each for each in loaded if "//" in each]
    assert all(str(each) in page for each in (incident, run, "c" * 40, "d" * 64))


def test_a_page_that_cannot_be_written_says_so(
    engine: sa.Engine, on_ledger: None, tmp_path: Path
) -> None:
    incident = arrive(engine, "One", "/x")

    with pytest.raises(BadConfiguration, match="cannot be written: Is a directory"):
        app(["incident", incident, "--html", str(tmp_path)], exit_on_error=False)


def test_the_list_has_whole_ids_and_keeps_to_its_filters(engine: sa.Engine, typed: Typed) -> None:
    incident, _ = blocked(engine)
    run = attempt(engine, Outcome.RESOLVED)

    both = json.loads(typed("incidents --json"))
    assert [each["id"] for each in both] == [str(run.id), incident]
    for words, wanted in (
        ("--state open", incident),
        ("--outcome blocked", incident),
        ("--outcome resolved --since 1h", str(run.id)),
        (f"--target {TARGET} --playbook auto-rollback --state closed", str(run.id)),
    ):
        (row,) = json.loads(typed(f"incidents --json {words}"))
        assert row["id"] == wanted
        assert wanted in typed(f"incidents {words}")
    assert "There is none." in typed("incidents --playbook canary-issue")
    assert "only the newest 1 are shown" in typed("incidents --limit 1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--state opn", "there is no state opn: did you mean open?"),
        ("--outcome Resolvd", "there is no outcome Resolvd: did you mean Resolved"),
        ("--since yesterday", "is no moment"),
        ("--since 2999-01-01", "is still to come"),
    ],
)
def test_a_filter_that_is_none_is_refused(
    program: Program, on_ledger: None, words: str, said: str
) -> None:
    ended = program("incidents", *words.split())

    assert ended.code == 1
    assert said in ended.err

"""Follow-ups as people make, list and end them."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.ledger.record import follow_ups as rows
from cct_ops.ledger.record.tables import follow_ups as table
from cct_ops.models.account import EntryKind
from cct_ops.models.run import Outcome
from cct_ops.record import account
from tests.commands.conftest import Program, Typed
from tests.ledger.alerts import opened
from tests.ledger.history import attempt


def made(engine: sa.Engine) -> UUID:
    """Return the one that there is."""
    (only,) = rows.listed(engine)
    return only.id


def test_what_somebody_promised_is_listed_until_it_is_done(engine: sa.Engine, typed: Typed) -> None:
    incident = opened(engine)
    said = typed(
        ["follow-ups", "add", str(incident), "Raise the limit.", "--owner", "lead", "--due", "2w"]
    )
    due = rows.today(engine) + timedelta(days=14)
    assert f"lead is to do it by {due}" in said

    listed = typed(f"follow-ups --open --owner LEAD --incident {incident}")
    assert all(words in listed for words in ("Raise the limit.", "lead", str(due), "open"))
    assert "There is no such follow-up" in typed("follow-ups --overdue")

    with engine.begin() as tx:
        tx.execute(sa.update(table).values(due=due - timedelta(days=15)))
    assert "overdue" in typed("follow-ups --overdue")
    assert "is done: Raise the limit." in typed(f"follow-ups done {str(made(engine))[:8]}")
    assert "There is no such follow-up" in typed("follow-ups --open")
    (whole,) = json.loads(typed("follow-ups --json"))
    assert (whole["state"], whole["incident"], whole["issue"]) == ("done", str(incident), None)


def test_a_proposal_is_nothing_until_somebody_accepts_it_and_then_one(
    engine: sa.Engine, typed: Typed
) -> None:
    run = attempt(engine, Outcome.UNVERIFIED)
    proposals = json.loads(typed(f"review {run.id} --json"))["proposals"]
    name = next(each["name"] for each in proposals if each["name"].startswith("unverified-"))
    assert rows.listed(engine) == []
    assert f"cct-ops follow-ups accept {run.id} {name} --owner NAME" in typed(f"review {run.id}")

    accept = f"follow-ups accept {run.id} {name} --owner lead --due 3d"
    assert "is made" in typed(accept)
    assert "is there already" in typed(accept)

    content = json.loads(typed(f"review {run.id} --json"))
    assert [each["proposal"] for each in content["follow_ups"]] == [name]
    assert name not in {each["name"] for each in content["proposals"]}


def test_one_that_cannot_be_read_hides_no_other(engine: sa.Engine, typed: Typed) -> None:
    incident = opened(engine)
    for text in ("Bad.", "Good."):
        typed(["follow-ups", "add", str(incident), text, "--owner", "lead", "--due", "1d"])
    with engine.begin() as tx:
        tx.execute(sa.update(table).where(table.c.text == "Bad.").values(text=""))

    assert "Good." in typed("follow-ups")


def test_whose_it_is_and_how_it_ended_stand_in_the_account(engine: sa.Engine, typed: Typed) -> None:
    incident = opened(engine)
    typed(["follow-ups", "add", str(incident), "Look.", "--owner", "Jo Doe", "--due", "1d"])
    typed(f"follow-ups assign {made(engine)} --owner anna.smith --due 2d")
    typed(["follow-ups", "drop", str(made(engine)), "--reason", "Not needed."])

    found = account.read(engine, incident)
    assert found is not None
    told = [entry.text for entry in found.entries if entry.kind is EntryKind.FOLLOW_UP]
    assert told[0].startswith("follow-up: Look. (anna.smith is to do it by ")
    assert "was given on" in told[1]
    assert told[2].endswith("is dropped: Not needed.")
    assert "dropped: Not needed." in typed(f"review {incident}")


def test_a_free_name_is_said_to_be_one_and_a_known_one_is_its_id(
    engine: sa.Engine, typed: Typed
) -> None:
    incident = str(opened(engine))

    assert "Jo is neither a contact nor an approver" in typed(
        f"follow-ups add {incident} Look --owner Jo --due 1d"
    )
    assert "neither" not in typed(f"follow-ups add {incident} Look --owner ON-CALL --due 1d")
    assert {each.owner for each in rows.listed(engine)} == {"Jo", "on-call"}


@pytest.mark.usefixtures("on_ledger")
def test_what_is_wrong_is_one_sentence_and_nothing_is_made(
    engine: sa.Engine, program: Program
) -> None:
    incident = str(opened(engine))
    add = ["follow-ups", "add", incident, "Look."]

    for words, why in (
        ([*add, "--owner", "lead", "--due", "yesterday"], "is no day: write 2026-12-24"),
        ([*add, "--owner", "lead", "--due", "2026-02-30"], "is no day"),
        ([*add, "--owner", "lead", "--due", "2020-01-01"], "is over: today is"),
        ([*add, "--owner", "lead", "--due", "9999w"], "more than ten years away"),
        ([*add, "--owner", " ", "--due", "1d"], "name an owner in 1 to 100 characters"),
        ([*add[:3], "", "--owner", "lead", "--due", "1d"], "say the follow-up in 1 to 500"),
        (["follow-ups", "add", "abcd1234", "Look.", "--owner", "a", "--due", "1d"], "there is no"),
        (["follow-ups", "accept", incident, "none", "--owner", "a", "--due", "1d"], "no proposal"),
        (["follow-ups", "done", "abcd1234"], "there is no follow-up abcd1234"),
        (["follow-ups", "assign", "abcd1234"], "name --owner, --due or both"),
    ):
        ended = program(*words)
        assert (ended.code, why in ended.err, "Traceback" in ended.err) == (1, True, False), words
    assert rows.listed(engine) == []


@pytest.mark.usefixtures("on_ledger")
def test_what_is_over_cannot_be_ended_otherwise(
    engine: sa.Engine, program: Program, typed: Typed
) -> None:
    typed(f"follow-ups add {opened(engine)} Look --owner lead --due 1d")
    mine = str(made(engine))
    typed(f"follow-ups done {mine}")

    assert "is done" in typed(f"follow-ups done {mine}")
    for words in (["drop", mine, "--reason", "No."], ["assign", mine, "--owner", "lead"]):
        assert "is done" in program("follow-ups", *words).err

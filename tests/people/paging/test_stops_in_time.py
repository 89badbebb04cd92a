"""
Whoever acknowledges an incident stops its pages: on the board, in Slack, or at the command line.

A controller as in production pages meanwhile. The rows say what came first: no attempt to reach
somebody begins later than the acknowledgement.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
import yaml
from fastapi import FastAPI
from pydantic import SecretStr

from cct_ops.board.page import Board
from cct_ops.gateway.approvals.mount import mount_approvals
from cct_ops.ledger.engine import connect
from cct_ops.ledger.people import acknowledgements, pages
from cct_ops.ledger.people.tables import acknowledgements as acknowledgement_rows
from cct_ops.models.role import Role
from cct_ops.reports.messages import ACKNOWLEDGE
from cct_ops.settings import Settings
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.approvals.conftest import SIGNING_SECRET, served as served_gateway
from tests.approvals.slack import signed
from tests.board.conftest import Person, new_link, served as served_board
from tests.conftest import ROOT, new_ledger
from tests.controller.wire import Answer, Request, Wire, wire
from tests.ledger.alerts import opened
from tests.plain import NO_TLS
from tests.stack.polling import eventually

CONTACTS = ("a", "b", "c")


@dataclass(frozen=True)
class Paging:
    """A controller, and everybody whom it pages: each answers as the test says."""

    engine: sa.Engine
    settings: Settings
    people: Wire

    def asked(self, incident: UUID) -> None:
        """Let a page about an incident be due."""
        cause = f"{incident} broke"
        pages.ask(self.engine, cause, subject=f"P0: {incident}", body="-", topic_id=incident)

    def page(self, incident: UUID) -> pages.Paged:
        """Return how it stands."""
        (found,) = [
            each for each in pages.newest(self.engine, 200) if each.page.topic_id == incident
        ]
        return found

    def acknowledged_at(self, incident: UUID) -> datetime:
        """Return when somebody first had it."""
        at = sa.select(sa.func.min(acknowledgement_rows.c.at)).where(
            acknowledgement_rows.c.incident_id == incident
        )
        with self.engine.connect() as connection:
            found: datetime = connection.execute(at).scalar_one()
        return found


@pytest.fixture(scope="module")
def paging(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Paging]:
    """One controller for this file; Prefect is away, which holds up no page to a webhook."""
    folder = tmp_path_factory.mktemp("paging")
    contacts = folder / "contacts.yaml"
    known = [{"id": each, "webhook": {"env": f"PAGES_{each.upper()}"}} for each in CONTACTS]
    known[0] |= {"name": "Anna Ito", "slack_user_id": "U0ANNA"}
    contacts.write_text(yaml.safe_dump({"contacts": known}))
    with new_ledger(postgres) as url, wire(lambda _: Answer(500)) as people:
        variables = {
            "CCT_OPS_DATABASE_URL": url.get_secret_value(),
            "CCT_OPS_CONTACTS_PATH": str(contacts),
            "CCT_OPS_SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "CCT_OPS_SLACK_RESPONSE_BASE": people.url,
            "PREFECT_API_URL": "http://127.0.0.1:9/api",
        } | {f"PAGES_{each.upper()}": f"{people.url}/{each}" for each in CONTACTS}
        with pytest.MonkeyPatch.context() as patch, controller(variables, folder / "log"):
            for name, value in variables.items():
                patch.setenv(name, value)
            yield Paging(connect(SecretStr(url.get_secret_value())), Settings.load(), people)


@contextmanager
def controller(variables: dict[str, str], log: Path) -> Iterator[None]:
    """Run one until the block ends."""
    with log.open("wb") as out:
        command = [sys.executable, "-m", "cct_ops.controller"]
        environment = os.environ | variables
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=out
        ) as process:
            try:
                eventually(lambda: "controller: ready" in log.read_text(), seconds=90)
                yield
            finally:
                process.kill()


Take = Callable[[UUID], None]


@pytest.fixture(params=["board", "slack", "command"])
def take(request: pytest.FixtureRequest, paging: Paging) -> Iterator[Take]:
    """One way to take an incident on."""
    ways = {"board": on_the_board, "slack": in_slack, "command": at_the_command_line}
    with ways[request.param](paging) as way:
        yield way


@contextmanager
def on_the_board(paging: Paging) -> Iterator[Take]:
    """Press its button there."""
    with (
        served_board(Board(paging.engine, paging.settings)) as url,
        httpx.Client(base_url=url, timeout=20, trust_env=False, verify=NO_TLS) as http,
    ):
        person = Person(http, url)
        person.enter(new_link(paging.engine, Role.RESPONDER))
        person.token()

        def press(incident: UUID) -> None:
            assert person.send(f"/incidents/{incident}/acknowledge").status_code == 303

        yield press


@contextmanager
def in_slack(paging: Paging) -> Iterator[Take]:
    """Let Slack send a press of its button to a gateway."""
    app = FastAPI()
    mount_approvals(app, paging.engine, paging.settings)
    with served_gateway(app) as url:

        def press(incident: UUID) -> None:
            action = {"action_id": ACKNOWLEDGE, "value": str(incident), "type": "button"}
            body, headers = signed(action, "U0ANNA", (), f"{paging.people.url}/response")
            began = time.monotonic()
            answer = httpx.post(
                f"{url}/slack/interactions", content=body, headers=headers, timeout=20
            )
            assert answer.status_code == 200
            assert time.monotonic() - began < 3

        yield press


@contextmanager
def at_the_command_line(paging: Paging) -> Iterator[Take]:
    """Type `cct-ops ack`."""
    command = str(Path(sys.executable).with_name("cct-ops"))

    def ack(incident: UUID) -> None:
        subprocess.run([command, "ack", str(incident)], check=True, capture_output=True)

    yield ack


def test_the_page_that_is_going_round_stops_before_the_next_contact(
    paging: Paging, take: Take
) -> None:
    """Here while the first contact does not answer; the second is never tried."""
    incident = opened(paging.engine, severity="warning")
    called, go_on = threading.Event(), threading.Event()

    def first_is_slow(request: Request) -> Answer:
        if str(incident) in request.body.decode():
            called.set()
            go_on.wait(60)
        return Answer(500)

    paging.people.behave = first_is_slow
    paging.asked(incident)
    assert called.wait(60)
    take(incident)
    go_on.set()

    eventually(lambda: paging.page(incident).page.ended_at is not None, seconds=30)
    stopped = paging.page(incident)
    assert [each.contact for each in stopped.attempts] == ["a"]
    assert str(stopped.page.note).startswith("Not sent: acknowledged by ")
    assert stopped.page.contact is None
    assert stopped.attempts[0].attempted_at < paging.acknowledged_at(incident)


def test_of_an_acknowledgement_and_a_page_at_the_same_moment_one_comes_first(
    paging: Paging,
) -> None:
    """Many at once, while every contact fails and the next is due at once, or takes the page."""
    paging.people.behave = lambda request: Answer(200 if request.path == "/c" else 500)
    incidents = [opened(paging.engine, severity="warning") for _ in range(40)]
    begin = threading.Barrier(2)

    def take_each() -> None:
        begin.wait()
        for incident in reversed(incidents):
            acknowledgements.record(paging.engine, incident, "Anna Ito", "a proof")

    thread = threading.Thread(target=take_each)
    thread.start()
    begin.wait()
    for incident in incidents:
        paging.asked(incident)
    thread.join()

    eventually(
        lambda: all(paging.page(each).page.ended_at is not None for each in incidents), seconds=60
    )
    for incident in incidents:
        found, at = paging.page(incident), paging.acknowledged_at(incident)
        late = [each for each in found.attempts if each.attempted_at > at]
        assert late == [], "no attempt begins once somebody has the incident"
        reached = [each.contact for each in found.attempts if each.reached]
        if reached:
            assert (reached, found.page.contact) == (["c"], "c")
            assert found.page.note is None
        else:
            assert found.page.contact is None
            assert found.page.note == "Not sent: acknowledged by Anna Ito."

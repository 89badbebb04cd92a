"""Whoever acknowledges an incident ends the pages about it, also one that is going round."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.ledger.people import acknowledgements, pages
from cct_ops.people.paging import Pager
from cct_ops.record import account
from cct_ops.sandbox.control import SandboxControl
from tests.ledger.alerts import opened
from tests.people.paging.conftest import env, people, said

pytestmark = pytest.mark.usefixtures("addresses")


@contextmanager
def somebody_acknowledges_when_called(engine: sa.Engine, incident: UUID) -> Iterator[str]:
    """Serve an address that does not take the page, while a person takes the incident."""

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            acknowledgements.record(engine, incident, "Anna Ito", "a proof")
            self.send_response(500)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_page_that_goes_round_stops_before_the_next_contact(
    engine: sa.Engine, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = opened(engine, severity="critical")
    pages.ask(engine, "it broke", subject="P0: A", body="It is bad.", topic_id=incident)
    pager = Pager(engine, people(env("PAGES_ANNA"), env("PAGES_BEN")))

    with somebody_acknowledges_when_called(engine, incident) as address:
        monkeypatch.setenv("PAGES_ANNA", address)
        assert pager() == 0
    assert pager() == 0

    assert said(sandbox) == []
    (paged,) = pages.newest(engine, 10)
    assert [(each.contact, each.reached) for each in paged.attempts] == [("a", False)]
    assert (paged.page.contact, paged.page.note) == (None, "Not sent: acknowledged by Anna Ito.")


def test_nobody_is_paged_about_an_incident_that_somebody_has(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    incident = opened(engine, severity="critical")
    acknowledgements.record(engine, incident, "Anna Ito", "a proof")

    pages.ask(engine, "nobody approved", subject="P0: A", body="-", topic_id=incident)

    assert Pager(engine, people(env("PAGES_BEN")))() == 0
    assert said(sandbox) == []


def begin_and_die(engine: sa.Engine, page_id: UUID) -> None:
    """Begin an attempt, and get no further."""
    with pages.claimed(engine, page_id) as claimed:
        assert claimed is not None
        claimed.begun("a", "webhook PAGES_ANNA", "in the order of the contacts")
        raise KeyboardInterrupt


def test_an_attempt_whose_process_dies_is_on_record_and_the_page_is_sent_again(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """Nobody knows how it ended, and the record says so."""
    incident = opened(engine, severity="critical")
    pages.ask(engine, "it broke", subject="P0: A", body="-", topic_id=incident)
    (page_id,) = pages.due(engine)
    with pytest.raises(KeyboardInterrupt):
        begin_and_die(engine, page_id)

    assert Pager(engine, people(env("PAGES_ANNA")))() == 1

    (paged,) = pages.newest(engine, 10)
    assert [each.reached for each in paged.attempts] == [None, True]
    told = account.read(engine, incident)
    assert told is not None
    words = [each.text for each in told.entries if each.row.startswith("page_attempts")]
    assert words[0] == "page: a is tried by webhook PAGES_ANNA; how that ended is not known"
    assert len(said(sandbox)) == 1

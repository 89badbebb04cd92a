"""Looking ahead costs little and nobody depends on it."""

from __future__ import annotations

import logging
from datetime import datetime

import pytest
import sqlalchemy as sa

from cct_ops.clients.first_looks import FIRST_LOOKS
from cct_ops.controller.early_looks import looking_ahead
from cct_ops.ledger import clock
from cct_ops.ledger.gate.tables import requests
from cct_ops.sandbox.control import SandboxControl
from cct_ops.settings import Settings
from tests.conftest import API_KEY
from tests.stack.polling import eventually

PLAYBOOK = "auto-rollback"
READS = len(FIRST_LOOKS[PLAYBOOK])


@pytest.fixture(autouse=True)
def cct(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> None:
    """The sandbox, with room for one look ahead."""
    monkeypatch.setenv("CCT_URL", sandbox.base_url)
    monkeypatch.setenv("X_API_KEY", API_KEY)
    monkeypatch.setenv("CCT_OPS_REQUESTS_PER_MINUTE", "30")


def answered(sandbox: SandboxControl) -> int:
    """Count the requests that CCT has answered."""
    return sum(each.status is not None for each in sandbox.requests())


def test_a_hundred_incidents_about_one_cct_cost_one_set_of_reads(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    came = clock.read(engine)

    with looking_ahead(engine, Settings.load()) as ask:
        for _ in range(100):
            ask(PLAYBOOK, came)
        eventually(lambda: answered(sandbox) == READS)
        ask(PLAYBOOK, came)  # it came before the look
    with looking_ahead(engine, Settings.load()) as ask:
        ask(PLAYBOOK, came)

    assert len(sandbox.requests()) == READS


def test_what_comes_after_a_look_has_a_look_of_its_own(
    sandbox: SandboxControl, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_OPS_REQUESTS_PER_MINUTE", "600")

    def look(came: datetime, total: int) -> None:
        with looking_ahead(engine, Settings.load()) as ask:
            ask(PLAYBOOK, came)
            eventually(lambda: answered(sandbox) == total)

    look(clock.read(engine), READS)
    look(clock.read(engine), 2 * READS)


def test_it_leaves_half_of_the_room_for_reads_to_those_that_need_it(
    sandbox: SandboxControl, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """And waits for none: whoever needs an answer asks."""
    caplog.set_level(logging.INFO)
    room = (30 - Settings.load().requests_kept_for_writes) // 2
    with engine.begin() as tx:
        row = {"cct": sandbox.base_url, "write": False, "expires_at": sa.text("now() + '1 minute'")}
        tx.execute(sa.insert(requests).values([row] * room))

    with looking_ahead(engine, Settings.load()) as ask:
        ask(PLAYBOOK, clock.read(engine))
        eventually(lambda: caplog.text.count("no room to look ahead") == READS)

    assert sandbox.requests() == []


def test_a_controller_that_does_not_know_cct_works_all_the_same(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("CCT_URL")

    with looking_ahead(engine, Settings.load()) as ask:
        ask(PLAYBOOK, clock.read(engine))

    assert "nothing is read ahead of its run: CCT_URL is not set" in caplog.text


def test_a_cct_that_is_away_ends_no_look_for_good(
    sandbox: SandboxControl,
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("CCT_URL", "http://127.0.0.1:9")

    with looking_ahead(engine, Settings.load()) as ask:
        ask(PLAYBOOK, clock.read(engine))
        eventually(lambda: caplog.text.count("nothing was seen ahead") == READS)
        ask("canary-issue", clock.read(engine))
        eventually(lambda: caplog.text.count("nothing was seen ahead") > READS)

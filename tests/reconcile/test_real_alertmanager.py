"""Alerts of a real Alertmanager: a gateway that was away, a pair, and one that sends to nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import HttpUrl, SecretStr

from cct_ops.ledger.schema import alerts, dispatches, incidents
from cct_ops.models.source import AlertmanagerReconciliation
from cct_ops.reconcile import alertmanager
from cct_ops.stack.postgres import free_port
from soak.twins import BINARY, alertmanagers
from tests.gateway.running import KEY, running
from tests.stack.polling import eventually

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Alertmanager is installed")


def count(engine: sa.Engine, table: sa.Table = incidents) -> int:
    """Count rows."""
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def closed(engine: sa.Engine) -> int:
    """Count the incidents that are over."""
    with engine.connect() as connection:
        over = sa.select(sa.func.count()).where(incidents.c.state == "closed")
        return connection.scalar(over) or 0


def test_a_pair_that_sends_everything_twice_makes_one_run_for_each_episode(
    engine: sa.Engine, ledger_url: SecretStr, tmp_path: Path
) -> None:
    """The gateway is away when it fires; one of the pair crashes; it ends and fires once more."""
    port = free_port()
    hook = f"http://127.0.0.1:{port}/hooks/alertmanager"
    with alertmanagers(tmp_path, 2, hook, KEY) as pair:
        began = datetime.now(UTC)
        for each in pair:
            each.tell("Fires", began=began)
        ledger = ledger_url.get_secret_value()
        with running(ledger, tmp_path / "log", CCT_OPS_GATEWAY_PORT=str(port)):
            eventually(lambda: count(engine, alerts) == 2, seconds=40)
            pair[0].kill()
            pair[0].start()
            for each in pair:
                each.tell("Fires", began=began, ended=datetime.now(UTC))
            eventually(lambda: closed(engine) == 1, seconds=40)
            assert count(engine, dispatches) == 1
            again = datetime.now(UTC)
            for each in pair:
                each.tell("Fires", began=again)
            eventually(lambda: count(engine) == 2, seconds=40)

    assert count(engine, dispatches) == 2


def test_what_an_alertmanager_could_not_tell_is_asked_for(
    engine: sa.Engine, tmp_path: Path
) -> None:
    """What it has active opens an incident, once, and only what its receiver would have sent."""
    nowhere = f"http://127.0.0.1:{free_port()}/hooks/alertmanager"
    with alertmanagers(tmp_path, 1, nowhere, KEY) as (single,):
        single.tell("Hidden", began=datetime.now(UTC))
        asked = AlertmanagerReconciliation(url=HttpUrl(single.url), receiver="cct-ops")
        eventually(lambda: alertmanager.reconcile(engine, "alertmanager", asked) == 1)
        assert alertmanager.reconcile(engine, "alertmanager", asked) == 0
        other = asked.model_copy(update={"receiver": "somebody-else"})
        assert alertmanager.reconcile(engine, "another", other) == 0

    assert count(engine) == count(engine, dispatches) == 1

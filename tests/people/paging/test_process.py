"""A controller as in production: page, status page, ping of the dead man's switch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml
from pydantic import SecretStr

from cct_ops.ledger.people import heartbeats, pages
from cct_ops.people.watchdog import GATEWAY
from cct_ops.sandbox.control import SandboxControl
from tests.conftest import ROOT
from tests.controller.wire import Answer, wire
from tests.people.paging.conftest import env, fires, said
from tests.people.paging.test_paging import SECRET, custom
from tests.stack.polling import eventually

WARNED = "contact b cannot be paged: The environment variable B is not set."


@pytest.mark.timeout(300)
def test_an_alert_that_is_p0_reaches_a_person_and_the_public(
    engine: sa.Engine, ledger_url: SecretStr, prefect: str, sandbox: SandboxControl, tmp_path: Path
) -> None:
    """Through a block in a real Prefect; no address or key shows in its log."""
    contacts, log = tmp_path / "contacts.yaml", tmp_path / "log"
    known = [{"id": "a"} | custom(f"{sandbox.base_url}/slack/a?{SECRET}"), {"id": "b"} | env("B")]
    page = {"url": {"env": "STATUS_PAGE"}}
    contacts.write_text(yaml.safe_dump({"contacts": known, "status_page": page}))
    heartbeats.beat(engine, GATEWAY)
    incident = fires(engine, "P0", "Down")

    def happened() -> bool:
        """Whether all of it did; meanwhile a gateway lives, however slow this machine is."""
        heartbeats.beat(engine, GATEWAY)
        reached = [each.page.contact for each in pages.newest(engine, 9)]
        return bool(reached == ["a"] and sandbox.status_page() and outside.requests)

    with wire(lambda _: Answer(200)) as outside, log.open("wb") as out:
        environment = {
            "CCT_OPS_DATABASE_URL": ledger_url.get_secret_value(),
            "PREFECT_API_URL": prefect,
            "CCT_OPS_CONTACTS_PATH": str(contacts),
            "CCT_OPS_HEARTBEAT_URL": f"{outside.url}/ping/s3cret",
            "STATUS_PAGE": f"{sandbox.base_url}/status-page",
        }
        command = [sys.executable, "-m", "cct_ops.controller"]
        with subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=out, stderr=out
        ) as process:
            try:
                eventually(happened, seconds=150)
                eventually(lambda: WARNED in log.read_text(), seconds=60)
            finally:
                process.kill()

    assert sandbox.status_page()[0].body["incident_id"] == str(incident)
    ((who, text),) = said(sandbox)
    assert (who, text.startswith("P0: Down from am: ")) == ("a", True)
    written = log.read_text()
    assert SECRET not in written
    assert "s3cret" not in written

"""What the page about the API shows can be typed as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import switches
from cct_ops.ledger.people import acknowledgements, api_tokens
from cct_ops.models.role import Role
from tests.board.api.conftest import new_token
from tests.conftest import ROOT
from tests.ledger.alerts import opened

PAGE = (ROOT / "docs" / "api.md").read_text()
COMMAND = Path(sys.executable).with_name("cct-ops")


def shown(language: str) -> str:
    """Return the first block of a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_a_token_is_made_and_used_as_shown(address: str, engine: sa.Engine) -> None:
    opened(engine, severity="critical", alertname="CheckoutDown")
    script = shown("bash").replace(".venv/bin/cct-ops", str(COMMAND))
    script = script.replace("http://127.0.0.1:8070", address)

    done = subprocess.run(
        ["bash", "-ec", script], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert '"open_incidents":1' in done.stdout
    assert '"what":"CheckoutDown"' in done.stdout
    (token,) = api_tokens.listed(engine)
    assert (token.name, token.role) == ("chatops", Role.RESPONDER)
    assert token.last_used_at is not None


def test_the_chat_command_answers_and_acts(
    address: str, engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of whoever typed, and once however often the chat sends it."""
    (tmp_path / "chat.py").write_text(shown("python"))
    incident = opened(engine, alertname="CheckoutDown")
    env = os.environ | {"BOARD": address, "CCT_OPS_TOKEN": new_token(engine, Role.RESPONDER)}

    def typed(*words: str, message: str = "1") -> str:
        command = [sys.executable, str(tmp_path / "chat.py"), "Anna Ito", message, *words]
        return subprocess.run(
            command, env=env, check=True, capture_output=True, text=True
        ).stdout.strip()

    assert re.fullmatch(rf"\w{{8}} CheckoutDown http://[^ ]+/incidents/{incident}", typed("open"))
    first = typed("ack", str(incident))
    assert first == "You have this incident: nobody is paged about it any more."
    assert typed("ack", str(incident)) == first
    assert typed("ack", str(incident), message="2").startswith("You have this incident since")
    assert "Automation is stopped" in typed("stop", "what", "is", "this?", message="3")

    held = acknowledgements.holders(engine, [incident])[incident]
    assert held.person == "Anna Ito, by chatops (token)"
    last = switches.last(engine)
    assert last is not None
    assert (last.person, last.reason) == (
        "Anna Ito, by chatops (token), by the API",
        "what is this?",
    )

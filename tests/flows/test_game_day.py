"""The game-day playbook: drills in a stack of their own, which never meets the CCT that is set."""

from __future__ import annotations

import pytest
from prefect.settings import PREFECT_API_URL

from cct_ops.sandbox.control import SandboxControl
from flows.game_day import game_day
from tests.flows.upkeep import ended
from tests.plain import HTTP


def test_a_drill_shows_what_works_and_touches_no_cct_of_ours(sandbox: SandboxControl) -> None:
    """The sandbox of these tests plays the real CCT: not one request may reach it."""
    found = game_day(("canary-issue",), return_state=True)

    assert ended(found) == ("Passed", "COMPLETED"), found.message
    assert "1 of 1 drilled playbooks work" in (found.message or "")
    assert sandbox.requests() == []
    shown = HTTP.post(
        f"{PREFECT_API_URL.value()}/artifacts/filter",
        json={"artifacts": {"key": {"any_": ["game-day-drills"]}}},
    ).json()
    assert '"works": "yes"' in shown[0]["data"]


@pytest.mark.usefixtures("sandbox")
def test_a_playbook_without_a_drill_is_not_begun() -> None:
    found = game_day(("no-such-playbook",), return_state=True)

    assert found.is_failed()
    assert "Input should be" in (found.message or "")

"""Canary playbooks on a CCT that has only its own handlers mounted: a sentence, and no change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cct_ops.models.cct import Route
from cct_ops.models.mode import Mode
from cct_ops.sandbox.control import SandboxControl
from flows.auto_rollback import auto_rollback
from flows.canary_issue import canary_issue


@pytest.mark.parametrize("playbook", [auto_rollback, canary_issue])
def test_what_cannot_be_seen_is_not_changed(
    sandbox: SandboxControl, playbook: Callable[..., Any]
) -> None:
    """Such a CCT shows neither why a canary is off nor how it performs."""
    sandbox.reset(dialect="mounted", limits=False)
    before = sandbox.state()

    ended = playbook(Route.DAILY_SUMMARY, mode=Mode.AUTO, return_state=True)

    assert ended.is_failed()
    assert "This CCT " in (ended.message or "")
    assert (sandbox.state(), sandbox.writes()) == (before, [])

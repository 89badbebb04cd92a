"""In a rehearsal with another CCT each playbook looks at it, and none changes it."""

from __future__ import annotations

from cct_ops.rehearsal.looking import looked
from cct_ops.scenarios.every import DRILLED
from tests.end_to_end.conftest import Stack


def test_another_cct_is_looked_at_and_not_changed(stack: Stack) -> None:
    stack.sandbox.reset(limits=False)

    result = looked(stack.client, DRILLED["auto-rollback"])

    assert (result.name, result.problem) == ("auto-rollback", None)
    assert stack.sandbox.requests() != []
    assert stack.sandbox.writes() == []

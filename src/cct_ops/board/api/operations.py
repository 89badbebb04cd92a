"""
Everything that the API has.

To add an operation: one in a file of ``resources``, which ``ALL`` lists. Its description, its
checks and its tests come with that.
"""

from __future__ import annotations

from cct_ops.board.api.operation import Operation
from cct_ops.board.api.resources import (
    approvals,
    changes,
    declaring,
    follow_ups,
    inbox,
    incidents,
    on_call,
    playbooks,
    responding,
    sandbox,
    switches,
    system,
)

VERSION = "v1"

ALL: tuple[Operation, ...] = tuple(
    operation
    for resource in (
        system,
        incidents,
        responding,
        inbox,
        approvals,
        changes,
        playbooks,
        switches,
        declaring,
        on_call,
        follow_ups,
        sandbox,
    )
    for operation in resource.OPERATIONS
)

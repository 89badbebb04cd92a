"""Everything on one screen, the parts of the system, who is signed in, and who the program is."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from cct_ops.board.api.operation import Call, Done, Operation, action
from cct_ops.board.pages import now as now_page, sessions as sessions_page, system as system_page
from cct_ops.ledger.gate import switches
from cct_ops.ledger.gate.approvals import Pending
from cct_ops.ledger.gate.switches import Hold, Switched
from cct_ops.ledger.people import heartbeats
from cct_ops.ledger.people.heartbeats import Heard
from cct_ops.ledger.people.sign_ins import Session
from cct_ops.ledger.set_aside import SetAside
from cct_ops.models.base import Frozen
from cct_ops.models.change import TemporaryChange
from cct_ops.models.role import Role
from cct_ops.record.queues import Checkpointed, Queue
from cct_ops.record.standing import Standing

TAG = "system"


class Now(Frozen):
    """What is broken, who has it, what waits, what is weakened, and is automation on."""

    automation_on: bool
    last_switched: Switched | None
    open_incidents: int
    by_severity: dict[str, int]
    unclaimed: int = Field(description="How many of the open ones nobody has.")
    most_urgent: tuple[Standing, ...]
    waiting: tuple[Pending, ...] = Field(description="What waits for a person's yes.")
    weakened: tuple[TemporaryChange, ...]
    holds: tuple[Hold, ...]
    silent_parts: tuple[str, ...]
    page: str


class System(Frozen):
    """The parts that are heard, the queues, what was set aside, and the last checkpoint."""

    parts: tuple[Heard, ...]
    queues: tuple[Queue, ...]
    backlog: dict[str, int]
    set_aside: tuple[SetAside, ...]
    checkpoint: Checkpointed | None
    leaves_waiting: int
    version: str
    schema_revision: str


class Health(Frozen):
    """Whether the ledger answers, as this answer shows, and whether all parts are heard."""

    status: Literal["ok", "degraded"]
    silent_parts: tuple[str, ...]
    automation_on: bool


class Sessions(Frozen):
    """Who is signed in on the board, the newest first."""

    items: tuple[Session, ...]


class Myself(Frozen):
    """The program that asks."""

    id: UUID
    name: str = Field(description="As whom the record has what it does.")
    role: Role
    expires_at: datetime


def read_now(call: Call) -> Now:
    """Read what the page Now shows."""
    found = now_page.read(call.board, call.asked())
    return Now(
        automation_on=found.switched is None or not found.switched.stopped,
        last_switched=found.switched,
        open_incidents=found.open.total,
        by_severity=dict(found.open.by_severity),
        unclaimed=found.open.unclaimed,
        most_urgent=found.open.shown,
        waiting=found.waiting,
        weakened=found.weakened,
        holds=tuple(hold for each in found.held for hold in each.holds),
        silent_parts=found.silent,
        page=call.page("/now"),
    )


def read_system(call: Call) -> System:
    """Read what the page System shows."""
    found = system_page.read(call.board, call.asked())
    return System(
        parts=found.parts,
        queues=found.queues,
        backlog=dict(found.backlog),
        set_aside=found.set_aside,
        checkpoint=found.checkpoint,
        leaves_waiting=found.leaves_waiting,
        version=found.version,
        schema_revision=found.revision,
    )


def read_health(call: Call) -> Health:
    """Ask the ledger which parts are silent."""
    silent = tuple(each.part for each in heartbeats.heard(call.board.engine) if each.alarmed_at)
    last = switches.last(call.board.engine)
    return Health(
        status="degraded" if silent else "ok",
        silent_parts=silent,
        automation_on=last is None or not last.stopped,
    )


def list_sessions(call: Call) -> Sessions:
    """List who is signed in."""
    return Sessions(items=sessions_page.read(call.board, call.asked()).sessions)


def revoke_session(call: Call) -> Done:
    """End one."""
    form = action(sessions_page.PAGE, "/sessions/{session_id}/revoke")
    return Done(done=call.act(form), page=call.page("/sessions"))


def read_myself(call: Call) -> Myself:
    """Say who asks."""
    session = call.visitor.session
    return Myself(
        id=session.id, name=session.person, role=session.role, expires_at=session.expires_at
    )


OPERATIONS = (
    Operation("get", "/now", "readNow", TAG, "Everything that matters, at once", read_now, Now),
    Operation(
        "get", "/system", "readSystem", TAG, "Our own parts, queues, versions", read_system, System
    ),
    Operation(
        "get",
        "/health",
        "readHealth",
        TAG,
        "Does the ledger answer, are all parts heard",
        read_health,
        Health,
        more="503 while the ledger does not answer.",
    ),
    Operation("get", "/me", "readMyself", TAG, "Whose token this is", read_myself, Myself),
    Operation(
        "get",
        "/sessions",
        "listSessions",
        TAG,
        "Who is signed in on the board",
        list_sessions,
        Sessions,
        needs=Role.ADMIN,
    ),
    Operation(
        "post",
        "/sessions/{session_id}/revoke",
        "revokeSession",
        TAG,
        "End somebody's session on the board",
        revoke_session,
        Done,
        needs=Role.ADMIN,
    ),
)

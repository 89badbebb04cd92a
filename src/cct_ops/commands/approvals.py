"""``cct-ops approvals``."""

from __future__ import annotations

from cct_ops.commands.here import ledger
from cct_ops.commands.options import Json
from cct_ops.terminal import columns, show

_COLUMNS = columns(
    "left", "yes", "severity", "playbook", "target", why="why a person", run="run", id="approval"
)


def approvals(*, as_json: Json = False) -> int:
    """
    List what waits for approval, the most urgent first.

    A decision is made with an approver's own link or in Slack, never here: a shell proves no
    identity.
    """
    from cct_ops.ledger import ids
    from cct_ops.ledger.gate import approval_answers, approvals as requests
    from cct_ops.ledger.gate.approvals import ApprovalState

    engine = ledger()
    open_ = [
        (approval, seconds_left)
        for approval, seconds_left in requests.unsettled(engine)
        if approval.state is ApprovalState.PENDING
    ]
    short = ids.shortened(engine, [each.run_id for each, _ in open_], *ids.WHATEVER)
    short |= ids.shortened(engine, [each.id for each, _ in open_], *ids.WHATEVER)
    with engine.connect() as connection:
        yes = {each.id: approval_answers.said_yes(connection, each.id) for each, _ in open_}
    rows = [
        {
            "id": approval.id,
            "run": approval.run_id,
            "left": _left(seconds_left),
            "expires_at": approval.expires_at,
            "yes": f"{len(yes[approval.id])} of {approval.persons}",
            "severity": approval.severity,
            "playbook": approval.playbook,
            "target": approval.target,
            "why": approval.why,
        }
        for approval, seconds_left in open_
    ]
    show(_COLUMNS, rows, as_json=as_json, short=short, empty="Nothing waits for approval.")
    return 0


def _left(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"

"""``cct-ops approvals``."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cct_ops.commands.here import ledger


def approvals() -> int:
    """
    List what waits for approval, the most urgent first.

    A decision is made with an approver's own link or in Slack, never here: a shell proves no
    identity.
    """
    from cct_ops.clients.text import one_line
    from cct_ops.ledger import approval_answers
    from cct_ops.ledger import approvals as requests
    from cct_ops.ledger.approvals import ApprovalState

    engine = ledger()
    table = Table("Left", "Yes", "Severity", "Playbook", "Target", "Why a person", "Approval")
    for approval, seconds_left in requests.unsettled(engine):
        if approval.state is not ApprovalState.PENDING:
            continue
        table.add_row(
            _left(seconds_left),
            f"{approval_answers.said_yes(engine, approval.id)} of {approval.persons}",
            *(
                Text(one_line(text))
                for text in (
                    approval.severity,
                    approval.playbook,
                    approval.target,
                    approval.why,
                    str(approval.id),
                )
            ),
        )
    Console().print(table if table.row_count else "Nothing waits for approval.")
    return 0


def _left(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"

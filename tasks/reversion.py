"""The end of temporary changes: read, compared with what was set, and put back."""

from __future__ import annotations

from uuid import UUID

from cct_ops.diagnoses.reversion import Comparison, ReversionDiagnosis
from cct_ops.gate import temporary
from cct_ops.ledger.gate import changes
from cct_ops.models.change import TemporaryChange
from tasks.authorise import executor
from tasks.connections import ledger
from tasks.diagnose import probe


def read_change(change_id: UUID) -> TemporaryChange:
    """Read a temporary change as it stands now."""
    return changes.read(ledger(), change_id)


def end_change(change: TemporaryChange, *, early: bool) -> ReversionDiagnosis:
    """Wait for the target, read the change's time again, and take it back if it is over."""
    return temporary.end_change(executor(), change, compare, early=early)


@probe
def compare(change: TemporaryChange) -> Comparison:
    """See whether the value is still as it was set, as it was before, or something else."""
    return temporary.compare(executor(), change)

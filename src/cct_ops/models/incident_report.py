"""The conclusion of a report on incidents."""

from __future__ import annotations

from typing import ClassVar

from cct_ops.models.base import counted
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.run import Evidence, Outcome, Severity


class IncidentReportDiagnosis(Conclusion):
    """What there was in one sentence, and the rows of the ledger that cannot be true."""

    playbook: ClassVar[str] = "incident-report"
    target: str = "incidents"

    @classmethod
    def of(
        cls, sentence: str, numbers: tuple[Evidence, ...], left_out: int
    ) -> IncidentReportDiagnosis:
        """Conclude from the first sentence, its numbers, and how many rows are missing."""
        said = f"{sentence} Left out: {counted(left_out, 'row')} that cannot be true."
        return cls(
            headline=said if left_out else sentence,
            severity=Severity.P2,
            evidence=numbers,
            outcome=Outcome.UNVERIFIED if left_out else Outcome.PASSED,
        )

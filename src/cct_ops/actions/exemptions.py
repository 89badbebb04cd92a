"""Changes of CCT's exemptions, each of all that it concerns at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cct_ops.actions.action import CctAction, ReadBack, Request
from cct_ops.models.base import counted

if TYPE_CHECKING:  # an action says how it is done; whoever does it brings the client
    from cct_ops.clients.reader import CctReader


class ExpireExemptions(CctAction):
    """Mark every active exemption whose date is past as expired."""

    path = "exemptions/cleanup"
    blast_radius = "code that needs one of them fails its check again"

    def handlers_only_request(self) -> Request:
        return Request("POST", "exemptions/maintenance", body={"task": "cleanup"})

    def read_back(self, cct: CctReader) -> ReadBack:
        """Look whether no exemption is active past its date."""
        overdue = [each for each in cct.expired_exemptions() if each.status == "active"]
        return ReadBack(not overdue, f"{counted(len(overdue), 'exemption')} active past the date")

    def undo(self, *, reversible: bool) -> RevalidateExemptions | None:
        """Make active again what was marked before its date, where this CCT can."""
        return RevalidateExemptions() if reversible else None


class RevalidateExemptions(CctAction):
    """Derive every exemption's status from its date, and have list and counts written anew."""

    path = "exemptions/revalidate"
    blast_radius = "statuses and counts of all exemptions; no record is lost"
    shows_all = False

    def read_back(self, cct: CctReader) -> ReadBack:
        """Look whether the report counts the active records, as far as this CCT shows them."""
        records, counts = cct.validate_exemptions().exemptions, cct.exemption_report().total_active
        active = sum(each.status == "active" for each in records)
        agrees = not records or active == counts
        return ReadBack(agrees, f"{active} exemptions are active, the report counts {counts}")

    def undo(self) -> None:
        """Nothing does: the counts before are gone, wrong as they were."""


class ResetExemptions(CctAction):
    """Keep the exemptions that are active, in date and valid, and forget all others."""

    path = "exemptions/reset"
    blast_radius = "every expired, revoked or invalid record"

    def read_back(self, cct: CctReader) -> ReadBack:
        """Look whether nothing expired, overdue or invalid is left."""
        expired, validation = cct.expired_exemptions(), cct.validate_exemptions()
        violations = counted(len(validation.violations), "violation")
        words = f"left: {counted(len(expired), 'expired one')}, {violations}"
        return ReadBack(not expired and validation.valid, words)

    def undo(self) -> None:
        """Nothing does: the records are lost."""

"""Actions on exemptions, what shows that each took effect, and how their sum is verified."""

from __future__ import annotations

from cct_ops.clients.reader import CctReader
from cct_ops.models.exemptions import judge
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call
from cct_ops.models.quantities import counted
from cct_ops.models.steady_state import ExemptionsConsistent
from cct_ops.models.verification import Verification
from tasks.carry_out import Look, Sighting, action, carry_out


@action
def expire_exemptions(permit: Permit) -> None:
    """
    Mark every active exemption whose date is past as expired.

    Blast radius: code that needs one of them fails its check again. Idempotent.
    Undo: revalidate_exemptions, where this CCT has it.
    """
    carry_out(permit, Call(method="expire_exemptions", arguments={}), none_overdue())


@action
def revalidate_exemptions(permit: Permit) -> None:
    """
    Derive every exemption's status from its date, and have list and counts written anew.

    Blast radius: statuses and counts of all exemptions; no record is lost. Idempotent.
    Cannot be undone: the counts before are gone, wrong as they were.
    """
    carry_out(permit, Call(method="revalidate_exemptions", arguments={}), counted_anew())


@action
def reset_exemptions(permit: Permit) -> None:
    """
    Keep the exemptions that are active, in date and valid, and forget all others.

    Blast radius: every expired, revoked or invalid record. Idempotent. Cannot be undone.
    """
    carry_out(permit, Call(method="reset_exemptions", arguments={}), only_good_ones())


def none_overdue() -> Look:
    """Show whether no exemption is active past its date."""

    def look(cct: CctReader) -> Sighting:
        overdue = [each for each in cct.expired_exemptions() if each.status == "active"]
        return Sighting(not overdue, f"{counted(len(overdue), 'exemption')} active past the date")

    return look


def counted_anew() -> Look:
    """Show whether the report counts the active records, as far as this CCT shows them."""

    def look(cct: CctReader) -> Sighting:
        records, counted = cct.validate_exemptions().exemptions, cct.exemption_report().total_active
        active = sum(each.status == "active" for each in records)
        agrees = not records or active == counted
        return Sighting(agrees, f"{active} exemptions are active, the report counts {counted}")

    return look


def only_good_ones() -> Look:
    """Show whether nothing expired, overdue or invalid is left."""

    def look(cct: CctReader) -> Sighting:
        expired, validation = cct.expired_exemptions(), cct.validate_exemptions()
        violations = counted(len(validation.violations), "violation")
        words = f"left: {counted(len(expired), 'expired one')}, {violations}"
        return Sighting(not expired and validation.valid, words)

    return look


def exemptions_consistent(steady: ExemptionsConsistent, cct: CctReader) -> Verification:
    """Test the exemption report: what it says, what the weekly one says, and the records."""
    return judge(
        steady,
        cct.exemption_report(),
        cct.exemption_weekly_report(),
        cct.validate_exemptions(),
    )

"""Pages about incidents that open at the highest severity; what else is urgent asks by itself."""

from __future__ import annotations

from uuid import UUID

from cct_ops.ledger.people import p0_incidents, pages
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import Severity
from cct_ops.people.paging import Pager
from cct_ops.reports.pages import incident_page


def sweep(pager: Pager) -> int:
    """Page about what is new, and send all that is due; returns how many pages reached somebody."""
    engine = pager.engine

    def ask(incident_id: UUID) -> None:
        subject, body = incident_page(p0_incidents.read(engine, incident_id))
        cause = f"{pages.OF_INCIDENT}{incident_id}"
        pages.ask(engine, cause, subject=subject, body=body, topic_id=incident_id)

    unpaged = p0_incidents.unpaged(engine, pager.contacts.severities.get(Severity.P0, ()))
    border(engine, "severe incidents").each(unpaged, str, ask)
    return pager()

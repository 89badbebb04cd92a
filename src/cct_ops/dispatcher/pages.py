"""Whom the record says somebody must be paged about."""

from __future__ import annotations

from cct_ops.ledger import pages, severe
from cct_ops.models.outcome import Severity
from cct_ops.on_call import OnCall
from cct_ops.reports.pages import incident_page, wreckage_page


def sweep(on_call: OnCall) -> int:
    """Page about what the record holds and nobody heard of; returns how many were reached."""
    engine = on_call.engine
    for incident in severe.unpaged(engine, on_call.contacts.severities.get(Severity.P0, ())):
        subject, body = incident_page(incident)
        cause = f"{pages.OF_INCIDENT}{incident.id}"
        pages.ask(engine, cause, subject=subject, body=body, incident_id=incident.id)
    for left in severe.unpaged_wreckage(engine):
        subject, body = wreckage_page(left)
        cause = f"{severe.OF_RUN}{left.run_id}"
        pages.ask(engine, cause, subject=subject, body=body, incident_id=left.incident_id)
    return on_call()

"""Pages about incidents that open at the highest severity; what else is urgent asks by itself."""

from __future__ import annotations

from cct_ops.ledger import pages, severe
from cct_ops.models.outcome import Severity
from cct_ops.on_call import OnCall
from cct_ops.reports.pages import incident_page


def sweep(on_call: OnCall) -> int:
    """Page about what is new, and send all that is due; returns how many pages reached somebody."""
    engine = on_call.engine
    for incident in severe.unpaged(engine, on_call.contacts.severities.get(Severity.P0, ())):
        subject, body = incident_page(incident)
        cause = f"{pages.OF_INCIDENT}{incident.id}"
        pages.ask(engine, cause, subject=subject, body=body, topic_id=incident.id)
    return on_call()

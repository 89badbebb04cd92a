"""``cct-ops ack``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from cct_ops.commands.here import PROOF, ledger, person
from cct_ops.terminal import say


def ack(
    incident: Annotated[str, Parameter(help="Its id, or as much of it as a list shows.")],
) -> int:
    """Take an incident on: from now on nobody else is paged about it."""
    from cct_ops.ledger import ids
    from cct_ops.ledger.people import acknowledgements

    engine = ledger()
    meant = ids.one(engine, incident, ids.Kind.INCIDENT, listed_by="cct-ops incidents")
    taken = acknowledgements.record(engine, meant, person(), PROOF)
    say(f"{taken.person} has incident {meant}: nobody else is paged about it.")
    return 0

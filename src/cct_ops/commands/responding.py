"""``cct-ops assign`` and ``cct-ops note``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from cct_ops.commands.here import PROOF, ledger, person
from cct_ops.terminal import say

IncidentId = Annotated[str, Parameter(help="Its id, or as much of it as a list shows.")]


def assign(
    incident: IncidentId,
    *,
    to: Annotated[str, Parameter(help="A contact, an approver, or who signs in by OIDC.")],
) -> int:
    """Ask somebody to take an incident on; pages about it go on until somebody has it."""
    from cct_ops.config import contacts, people, sign_in, yaml_files
    from cct_ops.config.approvers import Approvers
    from cct_ops.ledger import ids
    from cct_ops.ledger.people import assignments
    from cct_ops.reports.pages import assignment_page
    from cct_ops.settings import Settings

    settings, engine = Settings.load(), ledger()
    approvers = settings.approvers_path
    known = people.known(
        contacts.read(settings.contacts_path),
        yaml_files.load(approvers, Approvers) if approvers.is_file() else None,
        sign_in.read(settings.board_path, named="board_path" in settings.model_fields_set),
    )
    meant = ids.one(engine, incident, ids.Kind.INCIDENT, listed_by="cct-ops incidents")
    asked = people.meant(to, known)
    assignments.record(engine, meant, asked, person(), PROOF, assignment_page)
    how = "is told" if asked.id else "is told by nobody: no file says how to reach them"
    say(f"Incident {meant} is assigned to {asked.name}, who {how}.")
    return 0


def note(
    incident: IncidentId,
    text: Annotated[str, Parameter(help="What is to be known: 2,000 characters at most.")],
) -> int:
    """Write something down about an incident, for whoever reads its account."""
    from uuid import uuid4

    from cct_ops.ledger import ids
    from cct_ops.ledger.people import notes

    engine = ledger()
    meant = ids.one(engine, incident, ids.Kind.INCIDENT, listed_by="cct-ops incidents")
    notes.record(engine, meant, text, person(), PROOF, uuid4())
    say(f"The note is in the account of incident {meant}.")
    return 0

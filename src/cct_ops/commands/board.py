"""``cct-ops board``: links that let people in, and who is signed in."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from cct_ops.commands.here import ledger, person
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.models.role import Role
from cct_ops.terminal import columns, say, show

board = App(name="board")

_COLUMNS = columns(
    "id", "person", "role", signed_in="signed in (UTC)", seen="last seen (UTC)", until="until (UTC)"
)


@board.command
def link(
    *,
    role: Annotated[Role, Parameter(help="What the person may do.")] = Role.RESPONDER,
    name: Annotated[
        str | None, Parameter(help="Who it is for, as the record shall say; your login.")
    ] = None,
) -> int:
    """
    Make a link that lets one person in on the board, once, within 15 minutes.

    A viewer sees everything; a responder acknowledges, holds, ends changes and stops automation; an
    approver answers requests and lets automation go on; an admin ends the sessions of others.
    Whoever has the link is taken for its person: send it to nobody else.
    """
    from cct_ops.ledger.people import sign_ins
    from cct_ops.settings import Settings

    called = " ".join((name if name is not None else person()).split())
    if not called or len(called) > 100 or not called.isprintable():
        raise BadConfiguration("--name is what the record shall call the person: 1 to 100 letters")
    token = sign_ins.make_link(ledger(), called, role, person())
    say(f"{Settings.load().board_links()}/links/{token}")
    say(f"signs {called} in as {role}, once, within {sign_ins.LINK_MINUTES} minutes", stderr=True)
    return 0


@board.command
def sessions(
    *,
    all_: Annotated[bool, Parameter(name="--all", help="Also those that have ended.")] = False,
    as_json: Json = False,
) -> int:
    """List who is signed in on the board."""
    from cct_ops.ledger.people import sign_ins

    rows = [
        {
            "id": each.id,
            "person": each.person,
            "role": each.role.value,
            "signed_in": each.signed_in_at,
            "seen": each.last_seen_at,
            "until": each.revoked_at or each.expires_at,
            "proof": each.proof,
            "live": each.live,
            "revoked_by": each.revoked_by,
        }
        for each in sign_ins.sessions(ledger(), ended=all_)
    ]
    show(_COLUMNS, rows, as_json=as_json, empty="Nobody is signed in.")
    return 0


@board.command
def revoke(
    session: Annotated[str, Parameter(help="Its id, as `cct-ops board sessions` shows it.")],
) -> int:
    """End somebody's session on the board at once."""
    from uuid import UUID

    from cct_ops.ledger.people import sign_ins

    try:
        meant = UUID(session)
    except ValueError:
        raise BadConfiguration(
            f"{session} is no session's id: `cct-ops board sessions` lists them"
        ) from None
    if not sign_ins.revoke(ledger(), meant, person()):
        raise BadConfiguration(f"there is no session {session}, or it has ended")
    say("The session is over.")
    return 0

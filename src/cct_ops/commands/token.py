"""``cct-ops token``: what lets programs use the API of the board."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from cct_ops.commands.here import ledger, person
from cct_ops.commands.moments import moment
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.models.role import Role
from cct_ops.terminal import columns, say, show

token = App(name="token")

_COLUMNS = columns(
    "id", "name", "role", until="until (UTC)", used="last used (UTC)", made_by="made by"
)


@token.command
def create(
    name: Annotated[str, Parameter(help="What the record shall call the program: chatops.")],
    *,
    role: Annotated[Role, Parameter(help="What it may do.")] = Role.VIEWER,
    expires: Annotated[
        str, Parameter(help="How long it is good: 90d, 12h, or until when; 366 days at most.")
    ] = "90d",
) -> int:
    """
    Make a token that lets a program use the board's API, and print it, once.

    A viewer reads; a responder acknowledges, holds, ends changes, starts playbooks and stops
    automation; an approver declines requests and lets automation go on; an admin ends sessions. No
    token approves a plan, whatever its role: that takes a person. Whatever is done with it is on
    record as "NAME (token)". Only its digest is kept: if it is lost, revoke it and make another.
    """
    from cct_ops.ledger.people import api_tokens

    now = datetime.now(UTC)
    days = (moment(expires, now) - now).total_seconds() / 86400
    token_id, made = api_tokens.make(ledger(), name, role, days=days, made_by=person())
    say(made)
    say(
        f"token {token_id} lets {name} in as {role} for {days:.3g} days; it is shown this once",
        stderr=True,
    )
    return 0


@token.command(name="list")
def list_(
    *,
    all_: Annotated[bool, Parameter(name="--all", help="Also those that have ended.")] = False,
    as_json: Json = False,
) -> int:
    """List the tokens: whose each is, until when it is good, and when it was last used."""
    from cct_ops.ledger.people import api_tokens

    rows = [
        {
            "id": each.id,
            "name": each.name,
            "role": each.role.value,
            "until": each.revoked_at or each.expires_at,
            "used": each.last_used_at,
            "made_by": each.made_by,
            "made_at": each.made_at,
            "live": each.live,
            "revoked_by": each.revoked_by,
        }
        for each in api_tokens.listed(ledger(), ended=all_)
    ]
    show(_COLUMNS, rows, as_json=as_json, empty="There is no token.")
    return 0


@token.command
def revoke(
    which: Annotated[str, Parameter(help="Its id or its name, as `cct-ops token list` shows it.")],
) -> int:
    """End a token at once: its next request is a stranger's."""
    from cct_ops.ledger.people import api_tokens

    engine = ledger()
    meant = [each for each in api_tokens.listed(engine) if which in {str(each.id), each.name}]
    if not meant or not api_tokens.revoke(engine, meant[0].id, person()):
        raise BadConfiguration(
            f"there is no token {which} that is good: `cct-ops token list` shows those that are"
        )
    say(f"Token {meant[0].name} is over: its next request is a stranger's.")
    return 0

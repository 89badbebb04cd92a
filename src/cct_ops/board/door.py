"""
Who is there: the session behind a cookie, and whether a form really comes from its person.

A form counts if it was sent from a page of this site, which the browser says and no other site can
make it say, and carries the token that only a page of the same session has.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from cct_ops.board.headers import Site, parted
from cct_ops.board.page import Board, Visitor
from cct_ops.gateway.limits import read_body
from cct_ops.ledger.people import sign_ins
from cct_ops.ledger.people.sign_ins import SESSION_HOURS

FORM_TOKEN = "form_token"  # noqa: S105 -- the name of a field
BODY_BYTES = 32 * 1024
MOST_FIELDS = 150  # a mark at each of 100 incidents
LONGEST_WANTED = 500
WANTED_SECONDS = 30 * 60  # longer than a link is good for
_PURPOSE = b"cct-ops board form"


def find_visitor(board: Board, token: str | None) -> Visitor | None:
    """Return whose session this is, and note that the person was seen; None of a stranger."""
    session = sign_ins.find_session(board.engine, token) if token else None
    if session is None or token is None:
        return None
    sign_ins.mark_seen(board.engine, session.id)
    mac = hmac.digest(token.encode(), _PURPOSE, hashlib.sha256).hex()
    return Visitor(session, SecretStr(mac))


def comes_from_here(request: Request, site: Site) -> bool:
    """True if the browser says that a page of this site sent the form."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None and fetched != "same-origin":
        return False
    return site.is_origin(origin, host) if origin is not None else fetched is not None


def is_of(visitor: Visitor, fields: Mapping[str, str]) -> bool:
    """True if the form carries the token of the visitor's session."""
    wanted = visitor.form_token.get_secret_value()
    return hmac.compare_digest(fields.get(FORM_TOKEN, "").encode(), wanted.encode())


async def read_form(request: Request) -> dict[str, str]:
    """Read the fields of a small form, each once; raises ``Refused`` for one that is too large."""
    body = await read_body(request, BODY_BYTES)
    try:
        fields = parse_qs(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def inside(where: str) -> str | None:
    """Return an address of this site; None where it leads anywhere else."""
    place = parted(where)
    here = where.startswith("/") and not where.startswith(("//", "/\\")) and where.isprintable()
    return where if place and here and not place.scheme and not place.netloc else None


def remember(answer: Response, site: Site, token: str) -> None:
    """Let the browser carry the session, where no script can read it."""
    answer.set_cookie(
        site.cookie,
        token,
        max_age=SESSION_HOURS * 3600,
        path="/",
        secure=site.secure,
        httponly=True,
        samesite="lax",  # a link in Slack must find its reader signed in; a look changes nothing
    )


def forget(answer: Response, site: Site) -> None:
    """Take the session from the browser."""
    answer.delete_cookie(site.cookie, path="/", secure=site.secure, httponly=True, samesite="lax")


def keep_wanted(answer: Response, site: Site, here: str) -> None:
    """Let the browser of a stranger keep the address that was asked for, until it is signed in."""
    if len(here) > LONGEST_WANTED:
        return
    answer.set_cookie(
        _wanted_cookie(site),
        base64.urlsafe_b64encode(here.encode()).decode(),
        max_age=WANTED_SECONDS,
        path="/",
        secure=site.secure,
        httponly=True,
        samesite="lax",
    )


def wanted(request: Request, site: Site) -> str | None:
    """Return the address of this site that was asked for; None where there is none."""
    kept = request.cookies.get(_wanted_cookie(site), "")
    try:
        return inside(base64.urlsafe_b64decode(kept).decode())
    except ValueError:
        return None


def forget_wanted(answer: Response, site: Site) -> None:
    """Take the address from the browser: it has been followed."""
    answer.delete_cookie(
        _wanted_cookie(site), path="/", secure=site.secure, httponly=True, samesite="lax"
    )


def _wanted_cookie(site: Site) -> str:
    return f"{site.cookie}-wanted"

"""
Who may see the board: links that let one person in once, and the sessions that these begin.

A token leaves here once, when it is made; the ledger keeps its digest. A session is always new, so
that nobody can choose the one that somebody else is going to use.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.people.tables import board_sessions, sign_in_links
from cct_ops.ledger.statements import Ledger, execute, find, read, within
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

LINK_MINUTES = 15
SESSION_HOURS = 12
SEEN_SECONDS = 60  # how exactly it is known when somebody was last seen
_LINK_BYTES = 16  # short enough for one line of a terminal, for a few minutes
_TOKEN_BYTES = 32
_LIVE = (board_sessions.c.revoked_at.is_(None), board_sessions.c.expires_at > now())


class LinkState(StrEnum):
    """Whether a link still lets its person in."""

    GOOD = "good"
    USED = "used"
    LATE = "late"


class SignInLink(Frozen):
    """One link, as the ledger has it."""

    id: UUID
    role: Role
    person: str
    made_by: str
    expires_at: datetime
    used_at: datetime | None
    state: LinkState


class Session(Frozen):
    """One person who is signed in; ``proof`` says by what."""

    id: UUID
    role: Role
    person: str
    proof: str
    signed_in_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    live: bool


class Begun(NamedTuple):
    """A session that has just begun, with its token, which nobody can read later."""

    session: Session
    token: str


def make_link(ledger: Ledger, person: str, role: Role, made_by: str) -> str:
    """Return the token of a new link, which lets this person in once and soon."""
    token = secrets.token_urlsafe(_LINK_BYTES)
    made = sa.insert(sign_in_links).values(
        token_sha256=_digest(token),
        role=role,
        person=person,
        made_by=made_by,
        expires_at=in_seconds(LINK_MINUTES * 60),
    )
    execute(ledger, made)
    return token


def find_link(ledger: Ledger, token: str) -> SignInLink | None:
    """Return the link of this token; nothing changes by a look."""
    state = sa.case(
        (sign_in_links.c.used_at.is_not(None), LinkState.USED.value),
        (sign_in_links.c.expires_at <= now(), LinkState.LATE.value),
        else_=LinkState.GOOD.value,
    ).label("state")
    columns = [sign_in_links.c[name] for name in SignInLink.model_fields if name != "state"]
    asked = sa.select(*columns, state).where(sign_in_links.c.token_sha256 == _digest(token))
    return find(ledger, SignInLink, asked)


def use_link(engine: sa.Engine, token: str, *, instead_of: str | None = None) -> Begun | None:
    """
    Use a link up and begin its person's session; None if it is none, used or too old.

    Of two who use it at once one gets in. ``instead_of`` is the session that this browser has had.
    """
    with engine.begin() as tx:
        used = (
            sa.update(sign_in_links)
            .where(
                sign_in_links.c.token_sha256 == _digest(token),
                sign_in_links.c.used_at.is_(None),
                sign_in_links.c.expires_at > now(),
            )
            .values(used_at=now())
            .returning(sign_in_links.c.person, sign_in_links.c.role, sign_in_links.c.made_by)
        )
        link = tx.execute(used).one_or_none()
        if link is None:
            return None
        proof = f"signed in on the board by a one-time link, made by {link.made_by}"
        return begin(tx, link.person, Role(link.role), proof, instead_of=instead_of)


def begin(
    ledger: Ledger, person: str, role: Role, proof: str, *, instead_of: str | None = None
) -> Begun:
    """Begin a session of somebody who has proved to be this person."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    made = sa.insert(board_sessions).values(
        token_sha256=_digest(token),
        role=role,
        person=person,
        proof=proof,
        expires_at=in_seconds(SESSION_HOURS * 3600),
    )

    def write(tx: sa.Connection) -> Session:
        if instead_of is not None:
            replaced = board_sessions.c.token_sha256 == _digest(instead_of)
            _end(tx, replaced, by=person)
        row = tx.execute(made.returning(*_COLUMNS)).one()
        return Session.model_validate(row, from_attributes=True)

    return Begun(within(ledger, write), token)


def find_session(ledger: Ledger, token: str) -> Session | None:
    """Return the session of this token, if it still counts."""
    asked = sa.select(*_COLUMNS).where(board_sessions.c.token_sha256 == _digest(token), *_LIVE)
    return find(ledger, Session, asked)


def mark_seen(ledger: Ledger, session_id: UUID) -> None:
    """Note that somebody uses the session, once a minute at most."""
    last = board_sessions.c.last_seen_at <= in_seconds(-SEEN_SECONDS)
    seen = sa.update(board_sessions).where(board_sessions.c.id == session_id, last)
    execute(ledger, seen.values(last_seen_at=now()))


def sessions(ledger: Ledger, *, ended: bool = False) -> list[Session]:
    """Return the sessions that count, or the newest of all there were; the newest first."""
    asked = sa.select(*_COLUMNS).order_by(board_sessions.c.signed_in_at.desc())
    return read(ledger, Session, asked.limit(200) if ended else asked.where(*_LIVE))


def revoke(ledger: Ledger, session_id: UUID, by: str) -> bool:
    """End a session at once; False if there is none that counts."""
    return _end(ledger, board_sessions.c.id == session_id, by=by) == 1


def _end(ledger: Ledger, which: sa.ColumnElement[bool], *, by: str) -> int:
    ended = sa.update(board_sessions).where(which, *_LIVE)
    return execute(ledger, ended.values(revoked_at=now(), revoked_by=by))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


_COLUMNS = (
    *(board_sessions.c[name] for name in Session.model_fields if name != "live"),
    sa.and_(*_LIVE).label("live"),
)

"""
Tokens that let programs use the board's API, each by a name of its own and as a role.

A token leaves here once, when it is made; the ledger keeps its digest.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.errors import BadConfiguration
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.people.tables import api_tokens
from cct_ops.ledger.statements import Ledger, execute, find, read, within
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

PREFIX = "cctops_"
"""How every token begins, so that whatever looks for secrets in files can find it."""

LONGEST_DAYS = 366
USED_SECONDS = 60  # how exactly it is known when a token was last used
_BYTES = 32
_SHAPE = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_LIVE = (api_tokens.c.revoked_at.is_(None), api_tokens.c.expires_at > now())


class ApiToken(Frozen):
    """One token, as the ledger has it."""

    id: UUID
    name: str
    role: Role
    made_by: str
    made_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    live: bool

    @property
    def person(self) -> str:
        """The name in the record of whatever is done with it."""
        return f"{self.name} (token)"


def make(ledger: Ledger, name: str, role: Role, *, days: float, made_by: str) -> tuple[UUID, str]:
    """
    Return the id of a new token and the token, which nobody can read later.

    Raises ``BadConfiguration`` where the name is none, a token that is good has it, or it would be
    good for too long.
    """
    if not _NAME.fullmatch(name):
        raise BadConfiguration(
            f"{name!r} is no name of a token: write up to 40 small letters, digits and dashes, a"
            " letter first, such as chatops"
        )
    if not 0 < days <= LONGEST_DAYS:
        raise BadConfiguration(
            f"a token is good for {LONGEST_DAYS} days at most, and for some time"
        )
    token = PREFIX + secrets.token_urlsafe(_BYTES)

    def write(tx: sa.Connection) -> UUID:
        # In turn: of two at once the second sees the first.
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"token {name}"))))
        taken = sa.select(api_tokens.c.id).where(api_tokens.c.name == name, *_LIVE)
        if (had := tx.scalar(taken)) is not None:
            raise BadConfiguration(
                f"token {had} is called {name} and is good: take another name, or revoke it first"
                f" with `cct-ops token revoke {had}`"
            )
        made = sa.insert(api_tokens).values(
            token_sha256=_digest(token),
            name=name,
            role=role,
            made_by=made_by,
            expires_at=in_seconds(days * 86400),
        )
        token_id: UUID = tx.execute(made.returning(api_tokens.c.id)).scalar_one()
        return token_id

    return within(ledger, write), token


def find_token(ledger: Ledger, token: str) -> ApiToken | None:
    """Return whose token this is, if it is good; what has not its shape is not looked for."""
    if not _SHAPE.fullmatch(token):
        return None
    asked = sa.select(*_COLUMNS).where(api_tokens.c.token_sha256 == _digest(token), *_LIVE)
    return find(ledger, ApiToken, asked)


def mark_used(ledger: Ledger, token_id: UUID) -> None:
    """Note that a token is used, once a minute at most."""
    last = api_tokens.c.last_used_at
    long_ago = last.is_(None) | (last <= in_seconds(-USED_SECONDS))
    used = sa.update(api_tokens).where(api_tokens.c.id == token_id, long_ago)
    execute(ledger, used.values(last_used_at=now()))


def listed(ledger: Ledger, *, ended: bool = False) -> list[ApiToken]:
    """Return the tokens that are good, or all there were; the newest first."""
    asked = sa.select(*_COLUMNS).order_by(api_tokens.c.made_at.desc())
    return read(ledger, ApiToken, asked if ended else asked.where(*_LIVE))


def revoke(ledger: Ledger, token_id: UUID, by: str) -> bool:
    """End a token at once; False if there is none that is good."""
    ended = sa.update(api_tokens).where(api_tokens.c.id == token_id, *_LIVE)
    return execute(ledger, ended.values(revoked_at=now(), revoked_by=by)) == 1


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


_COLUMNS = (
    *(api_tokens.c[name] for name in ApiToken.model_fields if name != "live"),
    sa.and_(*_LIVE).label("live"),
)

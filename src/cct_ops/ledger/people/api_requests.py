"""
What programs asked to be done once: each by its key, with the answer that it got.

The key is written down before anything is done, so of two requests with one key a single one does
it. One that broke off in the middle is not repeated by its key: nobody knows how far it came.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.people.tables import api_requests
from cct_ops.ledger.statements import Ledger, execute, find, within
from cct_ops.models.base import Frozen

KEPT_HOURS = 24


class Earlier(Frozen):
    """An earlier request with the same key; without ``status`` it was not answered yet."""

    request_sha256: str
    status: int | None
    answer: dict[str, Any] | None


def begin(ledger: Ledger, token_id: UUID, key: str, request_sha256: str) -> Earlier | None:
    """Note that a request with this key begins; returns the earlier one if there was one."""

    def write(tx: sa.Connection) -> Earlier | None:
        over = api_requests.c.began_at < in_seconds(-KEPT_HOURS * 3600)
        tx.execute(sa.delete(api_requests).where(over))
        new = insert(api_requests).values(token_id=token_id, key=key, request_sha256=request_sha256)
        begun = new.on_conflict_do_nothing().returning(api_requests.c.key)
        if tx.execute(begun).one_or_none() is not None:
            return None
        columns = [api_requests.c[name] for name in Earlier.model_fields]
        return find(tx, Earlier, sa.select(*columns).where(*_named(token_id, key)))

    return within(ledger, write)


def record_answer(
    ledger: Ledger, token_id: UUID, key: str, status: int, answer: dict[str, Any]
) -> None:
    """Note how the request was answered; whoever repeats it gets the same."""
    answered = sa.update(api_requests).where(*_named(token_id, key))
    execute(ledger, answered.values(status=status, answer=answer), repeatable=True)


def forget(ledger: Ledger, token_id: UUID, key: str) -> None:
    """Forget a request by which nothing was done, so that it may be repeated."""
    execute(ledger, sa.delete(api_requests).where(*_named(token_id, key)), repeatable=True)


def _named(token_id: UUID, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return api_requests.c.token_id == token_id, api_requests.c.key == key

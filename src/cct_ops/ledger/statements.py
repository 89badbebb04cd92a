"""Single statements: each in a transaction of its own, or in the caller's where that is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.selectable import TypedReturnsRows

from cct_ops.ledger.engine import at_once, patience_seconds
from cct_ops.models.base import Frozen

Ledger = sa.Engine | sa.Connection
"""The engine, for a transaction of its own, or a transaction that is open already."""

Record = TypeVar("Record", bound=Frozen)
T = TypeVar("T")


def within(ledger: Ledger, body: Callable[[sa.Connection], T], *, repeatable: bool = False) -> T:
    """
    Return what the body does in the caller's transaction, or in one of its own.

    Whoever is patient with a ledger that is away (``engine.patient``) begins anew when the
    connection is cut in the body, for then nothing was committed; where the commit itself is cut,
    only what is ``repeatable``: what comes to the same if it is done twice.
    """
    if isinstance(ledger, sa.Connection):
        return body(ledger)
    until = time.monotonic() + patience_seconds()
    while True:
        done = False
        try:
            with ledger.begin() as tx:
                result = body(tx)
                done = True
        except sa.exc.DBAPIError as error:
            again = error.connection_invalidated and (repeatable or not done)
            if not again or time.monotonic() >= until:
                raise
        else:
            return result


def _single(ledger: Ledger) -> Ledger:
    """Return it for one question: a transaction round it would be two round trips for nothing."""
    return ledger if isinstance(ledger, sa.Connection) else at_once(ledger)


def execute(ledger: Ledger, statement: sa.UpdateBase, *, repeatable: bool = False) -> int:
    """Change rows; returns how many."""
    # Unless it is asked to, SQLAlchemy does not count the rows of an insert.
    counting = {"preserve_rowcount": True}
    return within(
        ledger,
        lambda tx: tx.execute(statement, execution_options=counting).rowcount,
        repeatable=repeatable,
    )


def scalar(ledger: Ledger, query: TypedReturnsRows[tuple[T]]) -> T | None:
    """Return the value of the first row, None where there is no row."""
    return within(_single(ledger), lambda tx: tx.scalar(query), repeatable=True)


def scalars(ledger: Ledger, query: TypedReturnsRows[tuple[T]]) -> list[T]:
    """Return the value of each row."""
    return within(_single(ledger), lambda tx: list(tx.scalars(query)), repeatable=True)


def rows(ledger: Ledger, query: TypedReturnsRows[Any]) -> Sequence[sa.Row[Any]]:
    """Return each row as it is."""
    return within(_single(ledger), lambda tx: tx.execute(query).all(), repeatable=True)


def find(ledger: Ledger, model: type[Record], query: TypedReturnsRows[Any]) -> Record | None:
    """Read the only row as a model, None where there is no row."""
    found = within(_single(ledger), lambda tx: tx.execute(query).one_or_none(), repeatable=True)
    return None if found is None else model.model_validate(found, from_attributes=True)


def read(ledger: Ledger, model: type[Record], query: TypedReturnsRows[Any]) -> list[Record]:
    """Read each row as a model."""
    return [model.model_validate(row, from_attributes=True) for row in rows(ledger, query)]


def upsert(table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> Insert:
    """Give the row of this key these values, whether it is there yet or not."""
    offer = insert(table).values({**key, **values})
    return offer.on_conflict_do_update(index_elements=list(key), set_=values)

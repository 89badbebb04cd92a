"""Single statements: each in a transaction of its own, or in the caller's where that is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.selectable import TypedReturnsRows

from cct_ops.models.base import Frozen

Ledger = sa.Engine | sa.Connection
"""The engine, for a transaction of its own, or a transaction that is open already."""

Record = TypeVar("Record", bound=Frozen)
T = TypeVar("T")


@contextmanager
def transaction(ledger: Ledger) -> Iterator[sa.Connection]:
    """Yield the caller's transaction, or one that is committed when the block ends."""
    if isinstance(ledger, sa.Connection):
        yield ledger
        return
    with ledger.begin() as tx:
        yield tx


def execute(ledger: Ledger, statement: sa.UpdateBase) -> int:
    """Change rows; returns how many."""
    # Unless it is asked to, SQLAlchemy does not count the rows of an insert.
    with transaction(ledger) as tx:
        return tx.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def scalar(ledger: Ledger, query: TypedReturnsRows[tuple[T]]) -> T | None:
    """Return the value of the first row, None where there is no row."""
    with transaction(ledger) as tx:
        return tx.scalar(query)


def scalars(ledger: Ledger, query: TypedReturnsRows[tuple[T]]) -> list[T]:
    """Return the value of each row."""
    with transaction(ledger) as tx:
        return list(tx.scalars(query))


def find(ledger: Ledger, model: type[Record], query: TypedReturnsRows[Any]) -> Record | None:
    """Read the only row as a model, None where there is no row."""
    with transaction(ledger) as tx:
        row = tx.execute(query).one_or_none()
    return None if row is None else model.model_validate(row, from_attributes=True)


def read(ledger: Ledger, model: type[Record], query: TypedReturnsRows[Any]) -> list[Record]:
    """Read each row as a model."""
    with transaction(ledger) as tx:
        rows = tx.execute(query).all()
    return [model.model_validate(row, from_attributes=True) for row in rows]


def upsert(table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> Insert:
    """Give the row of this key these values, whether it is there yet or not."""
    offer = insert(table).values({**key, **values})
    return offer.on_conflict_do_update(index_elements=list(key), set_=values)

"""
The columns of the ledger's tables, which stand in ``tables`` of each wing.

All times are the database's clock (``clock_timestamp()``), never a process's: several machines
write here. Enumerations are text with a check, so that a new word is a migration and never a
surprise.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from cct_ops.models.versions import FileVersion

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NOW = sa.text("clock_timestamp()")
NEW_ID = sa.text("gen_random_uuid()")


def id_column() -> sa.Column[UUID]:
    """A key that the database makes."""
    return sa.Column("id", sa.Uuid, primary_key=True, server_default=NEW_ID)


def number_column() -> sa.Column[int]:
    """A key that counts up."""
    return sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True)


def count_column(name: str, start: int) -> sa.Column[int]:
    """A number that starts there."""
    return sa.Column(name, sa.Integer, nullable=False, server_default=str(start))


def at_column(name: str, *, default: bool = False, nullable: bool = True) -> sa.Column[datetime]:
    """A moment, by the database's clock where it has a default."""
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable and not default,
        server_default=NOW if default else None,
    )


def text_column(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Text of any length."""
    return sa.Column(name, sa.Text, nullable=nullable)


def json_column(name: str) -> sa.Column[Any]:
    """A document."""
    return sa.Column(name, JSONB, nullable=False)


def version_columns(name: str) -> tuple[sa.Column[str], sa.Column[str]]:
    """The digest and the commit of one of our files; null in rows of before, or of no file."""
    return text_column(f"{name}_digest", nullable=True), text_column(
        f"{name}_commit", nullable=True
    )


def versions(name: str, version: FileVersion | None) -> dict[str, str | None]:
    """Return what these columns hold for a version."""
    return {
        f"{name}_digest": version.digest if version else None,
        f"{name}_commit": version.commit if version else None,
    }


def word_column(
    name: str, *words: str, default: str | None = None
) -> tuple[sa.Column[str], sa.CheckConstraint]:
    """One of a few words, and the check that it is none other."""
    quoted = ", ".join(f"'{word}'" for word in words)
    return (
        sa.Column(name, sa.Text, nullable=False, server_default=default),
        sa.CheckConstraint(f"{name} in ({quoted})", name=name),
    )


# What any wing leaves for later.
set_aside = sa.Table(
    "set_aside",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("item", sa.Text, primary_key=True),
    text_column("reason"),
    count_column("failures", 1),
    at_column("first_at", default=True),
    at_column("last_at", default=True),
    at_column("next_attempt_at", nullable=False),
    at_column("notified_at"),
)

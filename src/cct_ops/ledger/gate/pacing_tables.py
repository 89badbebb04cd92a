"""The tables by which all runs share one budget of requests, and each other's readings."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA

from cct_ops.ledger.schema import at_column, json_column, metadata, text_column

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    text_column("cct"),
    sa.Column("write", sa.Boolean, nullable=False),
    sa.Column("run_id", sa.Uuid),
    at_column("granted_at", default=True),
    at_column("expires_at", nullable=False),
    sa.Index("ix_requests_live", "cct", "expires_at"),
)

request_pauses = sa.Table(
    "request_pauses",
    metadata,
    sa.Column("cct", sa.Text, primary_key=True),
    at_column("until", nullable=False),
)

readings = sa.Table(
    "readings",
    metadata,
    sa.Column("cct", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    at_column("began_at", nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    json_column("headers"),
    sa.Column("body", BYTEA, nullable=False),
)

refused_keys = sa.Table(
    "refused_keys",
    metadata,
    sa.Column("cct", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    text_column("said"),
    at_column("refused_at", default=True),
    at_column("until"),
)

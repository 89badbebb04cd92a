"""How far each stream of audit events is, and what its receiver would not take."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import at_column, count_column, metadata, text_column

# ``position`` is that of the next leaf to send: all before it were taken. One that policy no longer
# names is retired; where it was is kept, for the day on which it is named again. ``added_at`` is
# when it was named, or last set back: what is older waits since then.
audit_streams = sa.Table(
    "audit_streams",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    at_column("added_at", default=True),
    at_column("sent_at"),
    count_column("failures", 0),
    at_column("next_attempt_at", default=True),
    text_column("last_error", nullable=True),
    at_column("failed_at"),
    at_column("notified_at"),
    at_column("retired_at"),
)

# A receiver that took a notice in the place of an event refuses just this event.
audit_refusals = sa.Table(
    "audit_refusals",
    metadata,
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    text_column("reason"),
    at_column("refused_at", default=True),
    at_column("notified_at"),
)

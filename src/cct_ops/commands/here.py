"""The ledger that commands work on: that of the stack that runs here, or the one they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa


def ledger() -> sa.Engine:
    """Connect to it; raises ``BadConfiguration`` where there is none."""
    from cct_ops.ledger.engine import connect
    from cct_ops.settings import Settings

    return connect(Settings.load().ledger_url())

"""The rules that people wrote into files: which version was read when."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.record.log_tables import rule_versions
from cct_ops.ledger.statements import Ledger, scalar, within


def record_version(ledger: Ledger, file: str, sha256: str) -> bool:
    """Record that a file was read with this content; False if it is what was read last."""

    def if_new(tx: sa.Connection) -> bool:
        newest = sa.select(rule_versions.c.sha256).where(rule_versions.c.file == file)
        if scalar(tx, newest.order_by(rule_versions.c.id.desc()).limit(1)) == sha256:
            return False
        tx.execute(sa.insert(rule_versions).values(file=file, sha256=sha256))
        return True

    return within(ledger, if_new)

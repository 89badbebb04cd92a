"""Records each version of the files with people's rules, so that the log speaks of every change."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from cct_ops.ledger.record import rules
from cct_ops.settings import Settings

EVERY_SECONDS = 10.0


def record_versions(engine: sa.Engine, settings: Settings) -> None:
    """Record the digest of each file that is not as it was."""
    files = (
        settings.policy_path,
        settings.routes_path,
        settings.sources_path,
        settings.approvers_path,
        settings.contacts_path,
    )
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    with engine.begin() as tx:
        for name, digest in digests.items():
            rules.record_version(tx, name, digest)

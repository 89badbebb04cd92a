"""Which version of one of our files something was decided by."""

from __future__ import annotations

from cct_ops.models.base import Frozen


class FileVersion(Frozen):
    """
    One version of a file: what it held, and the commit that was checked out where it lay.

    The digest is SHA-256 over its bytes and decides; a file may differ from what its commit holds,
    which ``git show COMMIT:FILE | sha256sum`` tells. ``commit`` is None outside a repository.
    """

    digest: str
    commit: str | None = None

"""Secrets that our files refer to and never hold: read from where the reference points."""

from __future__ import annotations

import os
from pathlib import Path

from cct_ops.models.source import KeyReference


def read_secret(reference: KeyReference) -> str:
    """Return what is at the place, without the line break that files often end with."""
    if reference.env is not None:
        return os.environ.get(reference.env, "").strip()
    return Path(reference.file or "").read_text(encoding="utf-8").strip()

"""The check of the transparency log: its key, and whether a witness sees its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

from cct_ops.config import policy
from cct_ops.doctor.check import Result, Sign
from cct_ops.models.base import counted
from cct_ops.settings import Settings


def look(settings: Settings) -> Iterator[Result]:
    """Read the key, and what each witness that policy names has seen."""
    from cct_ops.record.keys import read_key
    from cct_ops.record.witness import newest, places

    if settings.record_path is None:
        seen = "CCT_OPS_RECORD_PATH is not set, so no checkpoint is signed"
        fix = "Name a folder with a key; `cct-ops up` makes both by itself."
        yield Result("log", Sign.UNSET, seen, fix)
        return
    name = read_key(settings.record_path).name
    witnesses = places(policy.read(settings.policy_path).audit, settings.record_path)
    if not witnesses:
        seen = f"{name} is signed, and no witness sees it"
        fix = "Name one under audit in the policy: who holds database and key can lie."
        yield Result("log", Sign.LIMITED, seen, fix)
    for place in witnesses:
        seen_by = newest(place.file)
        size = counted(seen_by.size if seen_by else 0, "leaf", "leaves")
        yield Result("log", Sign.WELL, f"{name}: {place.file} has seen {size}")

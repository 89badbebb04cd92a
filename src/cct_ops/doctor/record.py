"""The check of the transparency log: its key, and whether a witness sees its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from cct_ops.config import policy
from cct_ops.doctor.check import ANSWER_SECONDS, Result, Sign
from cct_ops.doctor.ledger_base import quick
from cct_ops.models.base import counted
from cct_ops.settings import Settings

if TYPE_CHECKING:
    from cct_ops.config.policy import TimeStamps
    from cct_ops.record.http_witness import HttpWitness


def look(settings: Settings) -> Iterator[Result]:
    """Read the key, and what each witness that policy names has seen."""
    from cct_ops.record import http_witness
    from cct_ops.record.keys import read_key
    from cct_ops.record.witness import newest, places

    if settings.record_path is None:
        seen = "CCT_OPS_RECORD_PATH is not set, so no checkpoint is signed"
        fix = "Name a folder with a key; `cct-ops up` makes both by itself."
        yield Result("log", Sign.UNSET, seen, fix)
        return
    name = read_key(settings.record_path).name
    audit = policy.read(settings.policy_path).audit
    witnesses = places(audit, settings.record_path)
    if not audit.witnesses:
        seen = f"{name} is signed, and no witness sees it"
        fix = "Name one under audit in the policy: who holds database and key can lie."
        yield Result("log", Sign.LIMITED, seen, fix)
    for place in witnesses:
        seen_by = newest(place.file)
        size = counted(seen_by.size if seen_by else 0, "leaf", "leaves")
        yield Result("log", Sign.WELL, f"{name}: {place.file} has seen {size}")
    for each in http_witness.witnesses(audit):
        yield _cosigned(settings, each)
    if audit.time_stamps is not None:
        yield _stamped(settings, audit.time_stamps)


def _stamped(settings: Settings, named: TimeStamps) -> Result:
    """See whether the authority's certificates are there, and what it has stamped last."""
    import sqlalchemy as sa

    from cct_ops.ledger.record import log_signatures
    from cct_ops.record import time_stamps

    time_stamps.authority(named, settings.record_path)
    if settings.database_url is None:
        return Result("log", Sign.UNSET, f"{named.url} is asked by the controller, of a ledger")
    try:
        stamp = log_signatures.newest_time_stamp(quick(settings.database_url))
    except sa.exc.SQLAlchemyError:  # the check of the ledger reports why
        return Result("log", Sign.UNSET, f"{named.url} cannot be compared without the ledger")
    if stamp is None:
        seen = f"{named.url} has stamped nothing yet"
        return Result("log", Sign.LIMITED, seen, "The controller asks it at the next checkpoint.")
    size = counted(stamp.size, "leaf", "leaves")
    return Result("log", Sign.WELL, f"{named.url} has stamped {size}")


def _cosigned(settings: Settings, each: HttpWitness) -> Result:
    """Ask a witness over HTTP for what it has cosigned last."""
    import sqlalchemy as sa

    from cct_ops.ledger.record import log, log_signatures
    from cct_ops.record import cosigning
    from cct_ops.record.notes import Checkpoint

    if settings.database_url is None:
        return Result("log", Sign.UNSET, f"{each.url} is asked by the controller, of a ledger")
    try:
        engine = quick(settings.database_url)
        size = log_signatures.newest_with(engine, each.cosigner.mark)
        note = None if size is None else log_signatures.of_size(engine, size)
        newest = log.newest_checkpoint(engine)
    except sa.exc.SQLAlchemyError:  # the check of the ledger reports why
        return Result("log", Sign.UNSET, f"{each.url} cannot be compared without the ledger")
    if note is None:
        seen = f"{each.url} has cosigned nothing yet"
        return Result("log", Sign.LIMITED, seen, "The controller asks it within a minute.")
    quickly = replace(each, timeout_seconds=ANSWER_SECONDS)
    for wrong in cosigning.problems(engine, quickly, [note]):
        return Result("log", Sign.BROKEN, wrong, _MEND)
    behind = Checkpoint.parse(newest).size - (size or 0) if newest else 0
    seen = f"{each.url} has cosigned {counted(size or 0, 'leaf', 'leaves')}"
    if behind:
        return Result("log", Sign.LIMITED, f"{seen}, and {behind} more wait for it")
    return Result("log", Sign.WELL, seen)


_MEND = (
    "Correct what is named, or start it; what waits is cosigned then. Nothing else waits for it."
)

"""The check of the streams of audit events: whether each is taken, and in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cct_ops.config import policy
from cct_ops.config.audit_streams import StreamPlace
from cct_ops.doctor.check import Result, Sign
from cct_ops.doctor.ledger_base import quick
from cct_ops.errors import Unavailable
from cct_ops.models.base import counted, duration
from cct_ops.settings import Settings

if TYPE_CHECKING:
    from cct_ops.ledger.record.streams import Progress


def look(settings: Settings) -> Iterator[Result]:
    """See how far each stream is that policy names; nothing is sent."""
    import sqlalchemy as sa

    from cct_ops.ledger.engine import revisions
    from cct_ops.ledger.record import streams

    named = policy.read(settings.policy_path).audit.streams
    if not named or settings.database_url is None:
        seen = "no audit event leaves for a SIEM"
        yield Result("streams", Sign.UNSET, seen, "Name one under audit.streams in the policy.")
        return
    try:
        with quick(settings.database_url).connect() as connection:
            if len(set(revisions(connection))) > 1:
                return  # the check of the ledger says so
            known = {each.name: each for each in streams.progress(connection)}
    except sa.exc.OperationalError as error:
        raise Unavailable("The ledger cannot be reached, so nobody knows.") from error
    for place in named:
        yield _result(place, known.get(place.name))


def _result(place: StreamPlace, stream: Progress | None) -> Result:
    where = f"{place.where} ({place.name})"
    if stream is None:
        seen = f"{where}: no controller has seen it yet"
        return Result("streams", Sign.LIMITED, seen, "Start one: `cct-ops start controller`.")
    if stream.behind_seconds > 60 * place.behind_minutes:
        why = f": {stream.last_error}" if stream.last_error else ""
        behind = f"behind by {duration(stream.behind_seconds)}"
        fix = "Mend what it names: the stream goes on by itself, and nothing is skipped."
        return Result("streams", Sign.BROKEN, f"{where} is {behind}{why}", fix)
    if stream.refused:
        seen = f"{where} has refused {counted(stream.refused, 'event')} for good"
        fix = "See `cct-ops audit streams --json`, and `cct-ops audit streams resend`."
        return Result("streams", Sign.LIMITED, seen, fix)
    if stream.last_error:
        fix = "It is tried again within a minute."
        return Result("streams", Sign.LIMITED, f"{where}: {stream.last_error}", fix)
    seen = f"{where} has taken all events before {stream.position}; waiting: {stream.behind_events}"
    return Result("streams", Sign.WELL, seen)

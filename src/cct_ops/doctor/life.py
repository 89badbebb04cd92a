"""The check of the installation's life: whether it is drained, and how old its backup is."""

from __future__ import annotations

from collections.abc import Iterator

from cct_ops.doctor.check import Result, Sign
from cct_ops.doctor.ledger_base import quick
from cct_ops.errors import Unavailable
from cct_ops.models.base import duration
from cct_ops.settings import Settings

LATE_SECONDS = 26 * 3600
"""A backup each day is never older, with two hours for whatever takes it."""

_DAILY = "Take one each day: `cct-ops backup FILE`."


def look(settings: Settings) -> Iterator[Result]:
    """See whether runs begin, and when the ledger was backed up last."""
    import sqlalchemy as sa

    from cct_ops.ledger import clock
    from cct_ops.ledger.engine import revisions
    from cct_ops.ledger.gate import drains
    from cct_ops.ledger.record import backups

    if settings.database_url is None:
        return
    try:
        with quick(settings.database_url).connect() as connection:
            if len(set(revisions(connection))) > 1:
                return  # the check of the ledger says so
            drain, backup = drains.standing(connection), backups.newest(connection)
            now = connection.execute(sa.select(clock.now())).scalar_one()
    except sa.exc.OperationalError as error:
        raise Unavailable("The ledger cannot be reached, so nobody knows.") from error
    if drain is not None:
        since = duration(round((now - drain.at).total_seconds()))
        seen = f"drained for {since} by {drain.person}, {drain.reason}: no new run begins"
        yield Result("drain", Sign.LIMITED, seen, "Let it go on: `cct-ops drain --end`.")
    if backup is None:
        seen = "there was never a backup of the ledger"
        yield Result("backup", Sign.LIMITED, seen, _DAILY)
        return
    age = (now - backup.taken_at).total_seconds()
    late = age > LATE_SECONDS
    ago = f"{age / 3600:.0f} hours" if late else duration(round(age))
    seen = f"{backup.file} holds what was there {ago} ago"
    fix = _DAILY if late else ""
    yield Result("backup", Sign.LIMITED if late else Sign.WELL, seen, fix)

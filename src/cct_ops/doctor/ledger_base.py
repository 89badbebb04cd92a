"""The check of the ledger: reachable, at the newest schema, and served by a controller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cct_ops.clocks import difference
from cct_ops.doctor.check import ANSWER_SECONDS, Result, Sign
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.models.base import counted
from cct_ops.settings import Settings
from cct_ops.stack.environment import data_here

if TYPE_CHECKING:
    import sqlalchemy as sa
    from pydantic import SecretStr

MOST_ASIDE = 5


def look(settings: Settings) -> Sequence[Result]:
    """Reach the ledger, and see how it stands."""
    import sqlalchemy as sa

    from cct_ops.ledger import clock

    if settings.database_url is None:
        data = data_here()
        if data is not None and (data / "postgres").is_dir():
            seen = f"the stack in {data} is not running"
            return [Result("ledger", Sign.BROKEN, seen, "Start it: `cct-ops up`.")]
        seen = "no stack runs from this folder, and CCT_OPS_DATABASE_URL is not set"
        return [Result("ledger", Sign.UNSET, seen, "Start a stack with `cct-ops up`, or set it.")]
    try:
        with quick(settings.database_url).connect() as connection:
            ahead = about_clock("the ledger", clock.seconds_ahead(connection))
            return [_schema(connection), ahead, _controller(connection), *_aside(connection)]
    except sa.exc.OperationalError as error:
        reason = " ".join(str(error.orig).split())
        raise Unavailable(f"The ledger cannot be reached: {reason}.") from error


def quick(url: SecretStr) -> sa.Engine:
    """Return a connection to the ledger that does not wait long for it."""
    import sqlalchemy as sa

    try:
        return sa.create_engine(
            url.get_secret_value(),
            poolclass=sa.NullPool,
            connect_args={"connect_timeout": int(ANSWER_SECONDS)},
        )
    except sa.exc.ArgumentError:
        raise BadConfiguration("CCT_OPS_DATABASE_URL is not the URL of a database.") from None


def _schema(connection: sa.Connection) -> Result:
    from cct_ops.ledger.engine import revisions

    found, newest = revisions(connection)
    if found == newest:
        return Result("ledger", Sign.WELL, f"reached, its schema is the newest ({newest})")
    seen = f"its schema is {found or 'none at all'}, and the newest is {newest}"
    return Result("ledger", Sign.BROKEN, seen, "Migrate it: `cct-ops migrate`.")


def about_clock(whose: str, seconds_ahead: float) -> Result:
    """Compare a clock with this machine's."""
    off = difference(whose, seconds_ahead)
    if off is None:
        return Result("clocks", Sign.WELL, f"that of {whose} is this machine's")
    seen, _, fix = off.partition(". ")
    return Result("clocks", Sign.BROKEN, seen, fix)


def _aside(connection: sa.Connection) -> Iterator[Result]:
    """Name what the loops go past, as far as the ledger's schema has it."""
    from cct_ops.ledger import set_aside
    from cct_ops.ledger.engine import revisions

    if len(set(revisions(connection))) > 1:
        return
    found = set_aside.listed(connection.engine)
    for each in found[:MOST_ASIDE]:
        seen = f"{each.part}: {each.item}, {counted(each.failures, 'time')}: {each.reason}"
        fix = "Do what it says, or mend what it names: it is tried again within the hour."
        yield Result("set aside", Sign.LIMITED, seen, fix)
    if len(found) > MOST_ASIDE:
        yield Result("set aside", Sign.LIMITED, f"{len(found) - MOST_ASIDE} more like these")


def _controller(connection: sa.Connection) -> Result:
    """See whether a controller listens, which every one does as long as it lives."""
    from cct_ops.ledger.intake import outbox

    if outbox.listeners(connection):
        return Result("controller", Sign.WELL, "it listens to the ledger")
    seen = "none listens to the ledger, so no alert becomes a run"
    return Result("controller", Sign.BROKEN, seen, "Start one: `cct-ops start controller`.")

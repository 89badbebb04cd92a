"""The connection to the ledger, and its migrations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.errors import BadConfiguration, LedgerAway

# Any constant will do; every migrator must use the same one.
_MIGRATION_LOCK = 0x0CC7_0B5
_MIGRATIONS = Path(__file__).parent / "migrations"
# The cache alone would let two threads make two engines, and forget one with its connections open.
_MAKING = Lock()
_MIGRATING = Lock()  # Alembic keeps what it works on in its module


# A process that was stopped in the middle of a transaction would keep its row locks for ever, and
# whoever takes it for dead would wait for them. Longer than any transaction of ours waits for Slack
# or Prefect. What the ledger's URL says of it wins.
ASLEEP_SECONDS = 60

# A host that is gone, or cut off, says nothing: without these a statement would wait for it a
# quarter of an hour, and a standby that has taken over meanwhile would not be asked. Of several
# hosts each is given the seconds to connect. What the ledger's URL says of any of them wins.
SILENT_HOST = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}

_MOST = 20

_LONGEST_PAUSE_SECONDS = 2.0
_PATIENCE_SECONDS: ContextVar[float] = ContextVar("patience_seconds", default=0.0)


@dataclass(frozen=True)
class _Wanted:
    url: str
    # A process has one engine for each URL, as it was first asked for.
    kept: int = field(compare=False)


@lru_cache(maxsize=8)
def _engine(wanted: _Wanted) -> sa.Engine:
    given = sa.make_url(wanted.url)
    others = given.query.get("options", "")
    limit = f"-c idle_in_transaction_session_timeout={ASLEEP_SECONDS}s"
    unsaid = {name: value for name, value in SILENT_HOST.items() if name not in given.query}
    limited = given.update_query_dict({**unsaid, "options": f"{limit} {others}".strip()})
    engine = sa.create_engine(
        limited, pool_pre_ping=True, pool_size=wanted.kept, max_overflow=_MOST - wanted.kept
    )
    sa.event.listen(engine, "do_connect", _connect_patiently)
    return engine


def at_once(engine: sa.Engine) -> sa.Engine:
    """Return the same engine for single statements: none needs a transaction round it."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """
    Let whoever needs a connection in this block wait so long for a ledger that is away.

    A run in the middle of its change must not end because the ledger was restarted: what it did
    well would count as cut off, and be undone. Threads without this context do not wait.
    """
    before = _PATIENCE_SECONDS.set(seconds)
    try:
        yield
    finally:
        _PATIENCE_SECONDS.reset(before)


def patience_seconds() -> float:
    """Return how long this block waits for a ledger that is away."""
    return _PATIENCE_SECONDS.get()


def _connect_patiently(
    dialect: sa.Dialect, _record: object, arguments: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    until = time.monotonic() + patience_seconds()
    pause = 0.1
    while True:
        try:
            return dialect.connect(*arguments, **options)
        except (
            psycopg.OperationalError
        ):  # with no code: nothing separates what passes from what stays
            if time.monotonic() + pause > until:
                raise
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def is_away(error: Exception) -> bool:
    """Return whether an error only says that the ledger gave no answer, which passes."""
    match error:
        case LedgerAway():
            return True
        case sa.exc.DBAPIError(orig=psycopg.errors.ProgramLimitExceeded()):
            return False  # larger than the ledger takes, whenever it comes
        case sa.exc.OperationalError() | sa.exc.InterfaceError() | sa.exc.TimeoutError():
            return True
        case sa.exc.DBAPIError():
            return error.connection_invalidated
        case _:
            return False


def connect(url: SecretStr, *, kept: int = 5) -> sa.Engine:
    """
    Return this process's engine for ``url`` (``postgresql+psycopg://…``); it connects lazily.

    So many connections are ``kept`` open while nobody needs them; up to 20 are made on demand.
    """
    with _MAKING:
        return _engine(_Wanted(url.get_secret_value(), kept))


def conninfo(url: SecretStr) -> str:
    """Return the connection string for psycopg itself, with all hosts that the URL names."""
    given = sa.make_url(url.get_secret_value())
    _, options = given.get_dialect()().create_connect_args(given)
    unsaid = {name: value for name, value in SILENT_HOST.items() if name not in options}
    return psycopg.conninfo.make_conninfo(**unsaid, **options)


def migrate(url: SecretStr) -> None:
    """
    Bring the ledger to the newest schema; safe from several processes and threads at once.

    Raises ``BadConfiguration`` where another release has made it, which nothing here leads on from.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    engine = connect(url)
    with _MIGRATING, engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        connection.execute(sa.select(sa.func.pg_advisory_lock(_MIGRATION_LOCK)))
        connection.commit()
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise BadConfiguration(
                f"The ledger's schema is none that this release knows: {error}. Use the release"
                " that made it, or an empty database (on one machine: an empty data folder)."
            ) from error
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_MIGRATION_LOCK)))
            connection.commit()


def revisions(connection: sa.Connection) -> tuple[str | None, str | None]:
    """Return the schema that the ledger is at, None if it has none, and the newest there is."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory(str(_MIGRATIONS)).get_current_head()

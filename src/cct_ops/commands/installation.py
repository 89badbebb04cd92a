"""The installation that a backup is of: its two databases, and what lies outside of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cct_ops.errors import BadConfiguration

if TYPE_CHECKING:
    from cct_ops.backup.database import Database
    from cct_ops.backup.restore import Outside
    from cct_ops.settings import Settings

_PREFECT = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")


def settings(data: Path | None) -> Settings:
    """Return the settings; those of a stack's data folder where nothing else is said."""
    from cct_ops.settings import Settings
    from cct_ops.stack.environment import data_here
    from cct_ops.variables import say_unless_said

    folder = data or data_here()
    if folder is not None and (folder / "record").is_dir():
        say_unless_said("CCT_OPS_RECORD_PATH", str(folder / "record"))
    return Settings.load()


@contextmanager
def stopped(data: Path | None) -> Iterator[tuple[Database, Database]]:
    """Have both databases at hand: those that are set, or those of a stack that is not running."""
    from cct_ops.stack.environment import data_here
    from cct_ops.stack.postgres import EmbeddedPostgres
    from cct_ops.variables import said

    folder = data or data_here()
    if said("CCT_OPS_DATABASE_URL") and data is None:
        yield databases()
        return
    if folder is None or not (folder / "postgres").is_dir():
        raise BadConfiguration(
            f"there is no installation{f' in {folder}' if folder else ''}: set"
            f" CCT_OPS_DATABASE_URL and {_PREFECT[1]}, or name the data folder of a stack with"
            " --data; a new one is made by `cct-ops up`, once, and then restored with --over"
        )
    from pydantic import SecretStr

    from cct_ops.backup.database import Database
    from cct_ops.stack.lock import locked

    with locked(folder), EmbeddedPostgres(folder.absolute() / "postgres") as server:
        yield (
            Database.of("the ledger", SecretStr(server.url("cct_ops")), "the stack's ledger"),
            Database.of("Prefect's database", SecretStr(server.url("prefect")), "the stack's"),
        )


def databases() -> tuple[Database, Database]:
    """Return the ledger and Prefect's database, as they are set."""
    from pydantic import SecretStr

    from cct_ops.backup.database import Database
    from cct_ops.settings import Settings
    from cct_ops.variables import said

    ledger = Settings.load().ledger_url()
    prefect = next(filter(None, map(said, _PREFECT)), None)
    if prefect is None:
        raise BadConfiguration(
            f"{_PREFECT[1]} is not set: set it to the database of Prefect's server, as that has it"
        )
    return (
        Database.of("the ledger", ledger, "CCT_OPS_DATABASE_URL"),
        Database.of("Prefect's database", SecretStr(prefect), _PREFECT[1]),
    )


@contextmanager
def outside(settings: Settings, events: list[Path]) -> Iterator[Outside]:
    """Have at hand what knows of the time since the backup."""
    from contextlib import ExitStack

    from cct_ops.backup.restore import Outside
    from cct_ops.clients.pacing import Unpaced
    from cct_ops.clients.reader import CctReader
    from cct_ops.clients.transport import CctTransport
    from cct_ops.config import policy
    from cct_ops.record.witness import places

    rules = policy.read(settings.policy_path).audit
    folder = settings.record_path or Path()
    streams = [*events, *(folder / each.file for each in rules.streams if each.file is not None)]
    with ExitStack() as stack:
        reader = None
        if settings.cct_url is not None:
            patience = settings.request_timeout_seconds
            transport = CctTransport(*settings.cct(), Unpaced(), patience)
            reader = CctReader(stack.enter_context(transport))
        yield Outside(places(rules, settings.record_path), streams, reader)

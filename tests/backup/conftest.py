"""A ledger and a Prefect to back up, and two empty databases to put them back into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.backup.archive import Manifest
from cct_ops.backup.database import Database
from cct_ops.backup.load import create, drop
from cct_ops.backup.restore import Outside, Restored, restore
from cct_ops.backup.take import take
from cct_ops.ledger.gate import guards
from cct_ops.ledger.record.backups import Backup
from cct_ops.models.guards import Guard, GuardSettings, Intent, Rules
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.conftest import administrator

Reach = Callable[[], sa.Engine]

RULES = Rules(settings=GuardSettings(), maintenance=(), allowed=("/*",), silences=())


def silent(_line: str) -> None:
    """Say nothing while it works."""


@dataclass(frozen=True)
class Installation:
    """Two databases that belong together."""

    ledger: Database
    prefect: Database

    def backed_up(self, path: Path) -> tuple[Backup, Manifest]:
        """Take a backup."""
        return take(self.ledger, self.prefect, path, "ada")

    def restored(self, path: Path, outside: Outside = Outside()) -> Restored:  # noqa: B008 -- frozen
        """Put it back from one."""
        return restore(path, self.ledger, self.prefect, outside, "grace", silent)


def database(postgres: EmbeddedPostgres, name: str) -> Database:
    """Return one of them."""
    return Database.of(f"the database {name}", SecretStr(postgres.url(name)), "NAME")


def stopped_by(engine: sa.Engine, target: str) -> Guard | None:
    """Return what stands against a change there."""
    wanted = Intent(playbook="auto-rollback", target=target, calls=1, run_id=uuid4())
    with engine.connect() as connection:
        found = guards.first_stop(connection, wanted, RULES)
    return found.guard if found else None


def left_beside(ledger: Database) -> int:
    """Return how many databases are beside it whose names begin with its own."""
    with ledger.named("postgres").connected() as connection:
        found = connection.execute(
            "select from pg_database where datname like %s", (f"{ledger.name}_%",)
        )
        return found.rowcount


@pytest.fixture
def here(ledger_url: SecretStr, postgres: EmbeddedPostgres, prefect_api_url: str) -> Installation:
    """This test's ledger, and the Prefect of all tests, which is at work meanwhile."""
    ledger = Database.of("the ledger", ledger_url, "NAME")
    return Installation(ledger, database(postgres, "prefect"))


@pytest.fixture
def there(postgres: EmbeddedPostgres) -> Iterator[Installation]:
    """An installation with nothing in it."""
    mark = uuid4().hex[:12]
    made = Installation(database(postgres, f"led_{mark}"), database(postgres, f"pre_{mark}"))
    for each in (made.ledger, made.prefect):
        create(each)
    yield made
    names = administrator(postgres).execute(
        "select datname from pg_database where datname like %s", (f"%{mark}%",)
    )
    for (name,) in names.fetchall():
        drop(made.ledger.named(name))


@pytest.fixture
def reach(there: Installation, postgres: EmbeddedPostgres) -> Iterator[Reach]:
    """Connects to the ledger that was put back, anew each time."""
    made: list[sa.Engine] = []

    def connected() -> sa.Engine:
        made.append(sa.create_engine(postgres.url(there.ledger.name), poolclass=sa.NullPool))
        return made[-1]

    yield connected
    for each in made:
        each.dispose()

"""A ledger of another age than the newest, and the statements that a ledger is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from cct_ops.ledger.engine import connect, migrate
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.conftest import new_ledger
from tests.ledger import released


@pytest.fixture
def released_engine(postgres: EmbeddedPostgres) -> Iterator[sa.Engine]:
    """The ledger of the last release, brought to the newest schema."""
    with new_ledger(postgres, template="template1") as url:
        released.load(url.get_secret_value())
        migrate(url)
        yield connect(url)


@pytest.fixture
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """The statements that are sent, but those that open a transaction."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)

"""Ledgers of other ages than the newest."""

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

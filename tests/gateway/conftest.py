"""One gateway with a source of every kind, for the tests of a file that leave each other alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.ledger.engine import connect
from cct_ops.ledger.intake.tables import deliveries
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.conftest import new_ledger
from tests.gateway.delivering import count
from tests.gateway.running import Gateway, running
from tests.gateway.signing import SECRET, sign, sources


@dataclass(frozen=True)
class Doors:
    """A gateway that all kinds of senders know, the ledger behind it, and its files."""

    gateway: Gateway
    engine: sa.Engine
    folder: Path

    def send(
        self,
        name: str,
        body: bytes,
        late: timedelta = timedelta(0),
        /,
        *,
        secret: str = SECRET,
        method: str = "POST",
        **headers: str,
    ) -> httpx.Response:
        """Send a body as the named source's sender does, or with another key or clock."""
        more = {key.replace("_", "-"): val for key, val in headers.items()}
        signed = sign(name, body, secret, datetime.now(UTC) + late) | more
        return self.gateway.sender.request(method, f"/hooks/{name}", content=body, headers=signed)

    def stored(self, table: sa.Table = deliveries) -> int:
        """Count the deliveries, or another table's rows."""
        return count(self.engine, table)

    def key_sources(self, *files: str) -> None:
        """Let the keys in these files count from now on."""
        keys = [{"file": str(self.folder / name)} for name in files]
        draft = self.folder / "sources.new"
        draft.write_text(json.dumps({"sources": sources(keys)}))
        draft.replace(self.folder / "sources.yaml")


@pytest.fixture(scope="module")
def doors(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """Run it."""
    folder = tmp_path_factory.mktemp("doors")
    (folder / "key").write_text(SECRET + "\n")
    (folder / "sources.yaml").write_text(
        json.dumps({"sources": sources([{"file": str(folder / "key")}])})
    )
    with (
        new_ledger(postgres) as url,
        running(
            url.get_secret_value(),
            folder / "log",
            CCT_OPS_SOURCES_PATH=str(folder / "sources.yaml"),
        ) as gateway,
    ):
        yield Doors(gateway, connect(url), folder)

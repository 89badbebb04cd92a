"""What a server that listens to Redis does when the network gives its connection up."""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as Lost

from cct_ops.stack.prefect_server import lose_connections_that_timed_out
from tests.stack.redis_server import RedisServer

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server is not installed"
)
NEWS = "news"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A Redis of its own."""
    with closing(RedisServer(tmp_path)) as server:
        server.start()
        yield server.url


def give_up(listener: PubSub) -> None:
    """Do to its connection what the loop does when the system says that it timed out."""
    connection: Any = listener.connection
    connection._reader.set_exception(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))


def test_it_connects_anew_and_hears_what_is_said_then(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AbstractConnection, "read_response", AbstractConnection.read_response)
    lose_connections_that_timed_out()

    async def heard() -> list[str]:
        async with Redis.from_url(url) as client, client.pubsub() as listener:
            await listener.subscribe(NEWS)
            kinds = [await kind(listener)]
            give_up(listener)
            with pytest.raises(Lost, match="timed out"):
                await kind(listener)
            kinds.append(await kind(listener))
            await client.publish(NEWS, "anything")
            return [*kinds, await kind(listener)]

    async def kind(listener: PubSub) -> str:
        message = await listener.get_message(timeout=30)
        return "nothing" if message is None else message["type"]

    assert asyncio.run(heard()) == ["subscribe", "subscribe", "message"]

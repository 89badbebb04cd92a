"""
News for open pages: readers are told when something on theirs is different.

Each distinct address is read again once when the ledger changed, not once for each reader. Whatever
commits changes the ledger's snapshot, so one cheap question a second finds it, and only while
somebody looks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from cct_ops.board.page import Asked, Board, NoSuchPage, Page, digest
from cct_ops.errors import OpsError
from cct_ops.ledger.people import sign_ins
from cct_ops.ledger.statements import scalar

PULSE_SECONDS = 1.0
ALIVE_SECONDS = 15.0
ANSWER_SECONDS = 5.0
MOST_READERS = 500
MOST_OF_ONE = 20
_SNAPSHOT = sa.select(sa.cast(sa.func.pg_current_snapshot(), sa.Text))

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Reader:
    session_id: UUID
    seen: str
    news: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False


@dataclass
class _Watched:
    page: Page
    asked: Asked
    data: object = None
    unread: bool = True
    readers: set[_Reader] = field(default_factory=set)


class Stream:
    """What is being looked at, by whom, and what it looked like last."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._watched: dict[tuple[str, Asked], _Watched] = {}
        self._pulse: asyncio.Task[None] | None = None
        self._snapshot: str | None = None
        self._away = False
        self._closed = False

    def has_room(self, session_id: UUID) -> bool:
        """Say whether this session may watch one page more."""
        all_readers = [reader for each in self._watched.values() for reader in each.readers]
        own = sum(reader.session_id == session_id for reader in all_readers)
        return not self._closed and own < MOST_OF_ONE and len(all_readers) < MOST_READERS

    def latest(self, page: Page, asked: Asked) -> object | None:
        """Return what its readers have just been told of; None where nobody watches it."""
        watched = self._watched.get((page.name, asked))
        return None if watched is None else watched.data

    async def news(
        self, page: Page, asked: Asked, session_id: UUID, seen: str
    ) -> AsyncIterator[str]:
        """
        Yield an event whenever the page is another than it was, until its reader is gone.

        ``seen`` is the digest of what the reader has: what changed since it was sent is news too.
        """
        reader, key = _Reader(session_id, seen), (page.name, asked)
        watched = self._watched.setdefault(key, _Watched(page, asked))
        watched.readers.add(reader)
        if self._away or (watched.data is not None and digest(watched.data) != seen):
            reader.news.set()
        if self._pulse is None:
            self._pulse = asyncio.create_task(self._watch())
        try:
            yield "retry: 2000\n\n"
            last = ""
            while not (reader.over or self._closed):
                try:
                    async with asyncio.timeout(ALIVE_SECONDS):
                        await reader.news.wait()
                except TimeoutError:
                    yield ": alive\n\n"
                    continue
                reader.news.clear()
                event = self._event(reader)
                if (event, last) != ("away", "away"):
                    yield f"event: {event}\ndata: \n\n"
                last = event
        finally:
            watched.readers.discard(reader)
            if not watched.readers:
                self._watched.pop(key, None)

    def close(self) -> None:
        """Let every reader go, because the board stops."""
        self._closed = True
        for watched in self._watched.values():
            for reader in watched.readers:
                reader.news.set()

    def _event(self, reader: _Reader) -> str:
        if reader.over:
            return "over"
        return "away" if self._away else "changed"

    async def _watch(self) -> None:
        """Look once a second for as long as anybody does."""
        try:
            while self._watched and not self._closed:
                tell = asyncio.get_running_loop().call_soon_threadsafe
                looking = asyncio.create_task(run_in_threadpool(self._look, tell))
                answered, _ = await asyncio.wait({looking}, timeout=ANSWER_SECONDS)
                if not answered:
                    self._say_away(True)
                try:
                    await looking
                except sa.exc.SQLAlchemyError as error:
                    log.warning("nothing new can be seen: %s", type(error).__name__)
                    self._say_away(True)
                else:
                    self._say_away(False)
                await asyncio.sleep(PULSE_SECONDS)
        finally:
            self._pulse = None
            self._snapshot = None

    def _say_away(self, away: bool) -> None:
        """Tell every reader when the ledger went away, and when it came back."""
        if away != self._away:
            self._away = away
            for watched in self._watched.values():
                for reader in watched.readers:
                    reader.news.set()

    def _look(self, tell: Callable[..., object]) -> None:
        snapshot = scalar(self._board.engine, _SNAPSHOT)
        watched = list(self._watched.values())
        if snapshot != self._snapshot:
            self._end_revoked(watched, tell)
            for each in watched:
                each.unread = True
            self._snapshot = snapshot
        for each in watched:
            if each.unread:
                self._read(each, tell)

    def _read(self, watched: _Watched, tell: Callable[..., object]) -> None:
        """Read a page again; one that cannot be read now is tried again, and keeps none waiting."""
        before, data = watched.data, None
        try:
            data = watched.page.read(self._board, watched.asked)
        except NoSuchPage:
            watched.unread = False
        except OpsError as error:
            log.warning("%s cannot be read: %s", watched.page.name, error)
        else:
            watched.unread = False
        watched.data = data
        if data == before:
            return
        said = digest(data)
        for reader in list(watched.readers):
            if before is not None or reader.seen != said:
                tell(reader.news.set)

    def _end_revoked(self, watched: list[_Watched], tell: Callable[..., object]) -> None:
        live = {each.id for each in sign_ins.sessions(self._board.engine)}
        for each in watched:
            for reader in list(each.readers):
                if reader.session_id not in live:
                    reader.over = True
                    tell(reader.news.set)

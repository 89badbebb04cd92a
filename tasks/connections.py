"""The connections of a run: its ledger, its CCT, and which run it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from prefect.runtime import flow_run

from cct_ops.actions.operator import CctOperator, GitHubOperator
from cct_ops.clients.github import GitHubReader
from cct_ops.clients.github_transport import GitHubTransport
from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import NotPermitted
from cct_ops.ledger.engine import connect
from cct_ops.ledger.gate import leases
from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.gate.permits import Checker
from cct_ops.ledger.gate.refused_keys import LedgerKeys
from cct_ops.models.plan import Permit
from cct_ops.models.run import Run, incident_of
from cct_ops.settings import Settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Read the environment once per process."""
    return Settings.load()


def ledger() -> sa.Engine:
    """Connect to the ledger; a hundred runs that wait for something keep a hundred connections."""
    return connect(settings().ledger_url(), kept=1)


@lru_cache(maxsize=8)
def _keys(engine: sa.Engine, cct: str) -> LedgerKeys:
    """Return what this process knows of its keys, which all its connections share."""
    return LedgerKeys(engine, cct)


def current_run() -> Run:
    """Say which run this is; outside of a flow run there is nothing to permit or record."""
    if flow_run.id is None:
        raise NotPermitted("Nothing was done: this runs only inside a flow run.")
    return Run(
        id=UUID(flow_run.id),
        name=flow_run.name or flow_run.id,
        playbook=flow_run.flow_name or "",
        incident_id=incident_of(flow_run.tags),
    )


LOOKS_SINCE: ContextVar[datetime | None] = ContextVar("looks_since", default=None)
"""When the alert came that this run is for: for its first look, a later reading will do."""


@contextmanager
def _transport(*, looking: bool = False, confirming: bool = False) -> Iterator[CctTransport]:
    base_url, key = settings().cct()
    pacer = LedgerPacer(
        engine=ledger(),
        cct=base_url,
        limit=settings().requests_per_minute,
        kept_for_writes=settings().requests_kept_for_writes,
        run_id=current_run().id,
        confirming=confirming,
        since=LOOKS_SINCE.get() if looking else None,
    )
    # Whoever has CCT open shows that it lives, and is locked out if it was taken for dead. For a
    # look one sign is enough: the run's process gives others besides.
    lease = ledger(), current_run().id, settings().lease_seconds
    if looking:
        leases.show(*lease)
    alive = nullcontext() if looking else leases.alive(*lease)
    with (
        alive,
        CctTransport(
            base_url, key, pacer, settings().request_timeout_seconds, keys=_keys(ledger(), base_url)
        ) as transport,
    ):
        yield transport


@contextmanager
def reader(*, confirming: bool = False) -> Iterator[CctReader]:
    """Open CCT for reading; for looking whether a change took effect, room is kept."""
    with _transport(looking=not confirming, confirming=confirming) as transport:
        yield CctReader(transport)


@contextmanager
def operator(permit: Permit) -> Iterator[CctOperator]:
    """Open CCT for the calls of ``permit``, each checked against the ledger by this run's id."""
    with _transport() as transport:
        yield CctOperator(permit, Checker(ledger(), current_run().id), transport)


@contextmanager
def _github() -> Iterator[GitHubTransport]:
    url, repository, token = settings().github()
    timeout = settings().request_timeout_seconds
    # A sign of life like that of whoever has CCT open; one that was taken for dead sees no effect
    # of what it sent too late, so that it stays in doubt.
    with (
        leases.alive(ledger(), current_run().id, settings().lease_seconds),
        GitHubTransport(url, repository, token, timeout) as transport,
    ):
        yield transport


@contextmanager
def github_reader() -> Iterator[GitHubReader]:
    """Open CCT's repository at GitHub for reading."""
    with _github() as transport:
        yield GitHubReader(transport)


@contextmanager
def github_operator(permit: Permit) -> Iterator[GitHubOperator]:
    """Open the repository for the calls of ``permit``, each checked like those to CCT."""
    with _github() as transport:
        yield GitHubOperator(permit, Checker(ledger(), current_run().id), transport)


class System(NamedTuple):
    """The ways to open a system outside: for looking after a change, and for changing."""

    reader: Callable[[], AbstractContextManager[Any]]
    operator: Callable[[Permit], AbstractContextManager[Any]]


SYSTEMS = {
    "CCT": System(partial(reader, confirming=True), operator),
    "GitHub": System(github_reader, github_operator),
}

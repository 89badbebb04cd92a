"""What Prefect only shows, such as a report: a run does not depend on its being shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

_log = logging.getLogger("prefect.flow_runs")


@contextmanager
def showing(what: str) -> Iterator[None]:
    """
    Show something in Prefect; where its server takes it not even after a minute, go on without.

    What a run did must not be undone because nobody could be shown it: the ledger has the account.
    """
    try:
        yield
    except httpx.HTTPError as error:
        _log.warning("%s is not shown in Prefect: %s.", what, type(error).__name__)

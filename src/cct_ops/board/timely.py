"""Answers in time, also while the ledger is away or hangs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import sqlalchemy as sa
from anyio import CapacityLimiter, to_thread
from starlette.responses import Response

from cct_ops.board import view

LEDGER_SECONDS = 10
_AWAY = (
    "The ledger (PostgreSQL) does not answer. Without it no playbook gets a permit to change"
    " anything, and nothing can be shown or done here."
)
_LATE = (
    "There is no answer in time: what this needs, most likely the ledger (PostgreSQL), hangs or is"
    " busy."
)

# While Prefect hangs, whoever waits for it must not have all threads: the kill switch needs one.
_WAITING = CapacityLimiter(16)

log = logging.getLogger(__name__)


def _on_a_page(why: str) -> Response:
    again = "Load the page again to see where things stand."
    return view.notice("Not now", f"{why} {again}", 503)


async def in_time(
    work: Callable[[], Response],
    seconds: float = LEDGER_SECONDS,
    *,
    late: Callable[[str], Response] = _on_a_page,
) -> Response:
    """
    Do work in a thread; what ``late`` says where the ledger does not answer, or it takes too long.

    What takes too long goes on: nothing ends a thread in the middle of its work. What may take
    longer than the ledger does waits for others, and has threads of its own.
    """
    try:
        async with asyncio.timeout(seconds):
            apart = _WAITING if seconds > LEDGER_SECONDS else None
            return await to_thread.run_sync(work, limiter=apart)
    except (sa.exc.SQLAlchemyError, TimeoutError) as error:
        log.error("no answer in time: %s", type(error).__name__)  # noqa: TRY400 -- the traceback would show the statement's values
        return late(_AWAY if isinstance(error, sa.exc.OperationalError) else _LATE)

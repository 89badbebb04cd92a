"""Whoever waits for Prefect takes nobody the place who needs the ledger alone."""

from __future__ import annotations

import asyncio
import threading

from starlette.responses import PlainTextResponse, Response

from cct_ops.board.timely import in_time

MANY = 100
PREFECT_SECONDS = 60


def test_the_kill_switch_waits_for_nobody_who_waits_for_prefect() -> None:
    """More of them than there are threads for what is asked of the board."""
    answers, waiting = threading.Event(), threading.Semaphore(0)

    def asks_prefect() -> Response:
        waiting.release()
        answers.wait()
        return PlainTextResponse("started")

    async def both() -> tuple[int, list[int]]:
        started = [asyncio.create_task(in_time(asks_prefect, PREFECT_SECONDS)) for _ in range(MANY)]
        try:
            await asyncio.to_thread(waiting.acquire)
            stopped = await in_time(lambda: PlainTextResponse("stopped"))
        finally:
            answers.set()
        return stopped.status_code, [each.status_code for each in await asyncio.gather(*started)]

    assert asyncio.run(both()) == (200, [200] * MANY)

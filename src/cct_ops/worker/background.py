"""What the worker does beside its runs, for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

_AGAIN_SECONDS = 5.0

_log = logging.getLogger("prefect.worker.warm")


def kept_up(work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
    """Start what works in the background; it begins again after a failure that nobody foresaw."""

    async def keep_up() -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001 -- it is told
                _log.exception("What works in the background begins again.")
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    return asyncio.create_task(keep_up())

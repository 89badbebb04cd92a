"""Is a part ready? Each check looks once and does not wait."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from cct_ops.stack.part import Answers, Ends, Prints
from cct_ops.stack.process import Process

_ANSWER_SECONDS = 2.0


async def is_ready(ready: Answers | Prints | Ends, process: Process) -> bool:
    """Look once."""
    match ready:
        case Answers(url=url):
            return await _answers(url)
        case Prints(text=text):
            return text in process.output()
        case Ends():
            return process.exit_code() == 0


async def _answers(url: str) -> bool:
    # by hand, because an HTTP client takes longer to import than most parts take to start
    place = urlsplit(url)
    request = f"GET {place.path or '/'} HTTP/1.0\r\nHost: {place.netloc}\r\n\r\n"
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(place.hostname, place.port or 80)
            try:
                writer.write(request.encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False

"""Bodies that cost a reader of JSON the most, of up to the largest size that is let in."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator

from evaluation.soak.bodies import alerts, body

LARGEST = 8 * 2**20  # of an Alertmanager, as it is set by default
_MOST = 299_000  # values; of more a reader of ours does not even begin
_SLOW_STEPS = 40

BODIES: dict[str, Callable[[], bytes]] = {
    "nested lists": lambda: b"[" * LARGEST,
    "nested objects": lambda: b'{"a":' * (LARGEST // 5),
    "many names": lambda: b"{" + b",".join(b'"k%d":1' % n for n in range(_MOST)) + b"}",
    "one name many times": lambda: b"{" + b'"a":1,' * _MOST + b'"b":1}',
    "many alerts that are none": lambda: b'{"version":"4","alerts":[' + b"[]," * _MOST + b"[]]}",
    "many odd alerts": lambda: (
        b'{"version":"4","alerts":[' + b'{"status":"firing"},' * (_MOST - 1) + b"{}]}"
    ),
    "many alerts": lambda: body(alerts(2000)),
    "a long text": lambda: body([], "\u20ac" * (LARGEST // 7)),
    "a long number": lambda: b'{"a":' + b"9" * (LARGEST - 10) + b"}",
    "packed zeros": lambda: gzip.compress(bytes(200 * 2**20)),
    "the largest": lambda: body(alerts(1)).ljust(LARGEST),
    "too large": lambda: b" " * (LARGEST + 1),
}


def slowly(content: bytes, seconds: float) -> Iterator[bytes]:
    """Yield a body in pieces that take so long together."""
    step = len(content) // _SLOW_STEPS + 1
    for start in range(0, len(content), step):
        time.sleep(seconds / _SLOW_STEPS)
        yield content[start : start + step]

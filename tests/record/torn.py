"""``python -m tests.record.torn URL FOLDER BYTES``: streams into a file until it is killed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from tests.record.streamed import Streamed, place

_write = os.write


def main() -> None:
    """Write so many bytes, and be killed between them and the next."""
    engine, left = connect(SecretStr(sys.argv[1])), int(sys.argv[3])

    def write(place: int, content: bytes) -> int:
        nonlocal left
        written = _write(place, content[:left])
        left -= written
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    os.write = write  # type: ignore[assignment]  # what it is called with here is enough
    ours = Streamed(engine, place(file="audit.jsonl", batch_events=10), Path(sys.argv[2]))
    while True:
        ours.turn()


if __name__ == "__main__":
    main()

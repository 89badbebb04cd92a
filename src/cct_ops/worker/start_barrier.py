"""
The points at which a run's process waits for its worker.

Start barrier: a process is made ready while its worker claims the run, and starts once the claim is
acknowledged. The claim is a request to the server, and making a process ready takes about as long:
done at once, one of them costs no time. Until then the process asks for nothing and changes
nothing; if the acknowledgement does not come, it ends.

Hold: a run is stopped after its first task while others wait for admission.
"""

from __future__ import annotations

import os
import socket
import threading

from cct_ops.worker.protocol import CLAIMED, GO_ON, HOLD

# The process's own limit, for a worker that lives and sends nothing.
HOLD_SECONDS = 300.0


class StartBarrier:
    """Keeps the process waiting: for the claim of its run, and later while others go first."""

    def __init__(self, hold_seconds: float = HOLD_SECONDS) -> None:
        self._hold_seconds = hold_seconds
        self._won = threading.Event()
        self._free = threading.Event()
        self._free.set()

    def receive(self, line: str) -> bool:
        """Take a line from the worker; False when it is about something else."""
        if line == CLAIMED:
            self._won.set()
        elif line == HOLD:
            self._free.clear()
        elif line == GO_ON:
            self._free.set()
        else:
            return False
        return True

    def wait(self) -> None:
        """Stop until the run is ours; somebody else listens."""
        self._won.wait()

    def wait_on(self, line: socket.socket) -> None:
        """Stop until the run is ours, where nobody else listens yet; reads one line."""
        read = b""
        while not read.endswith(b"\n") and (more := line.recv(1)):
            read += more
        if read.decode().strip() != CLAIMED:
            self.lose()
        self._won.set()

    def hold(self) -> None:
        """Stop for as long as the worker asks for it, and never longer than the limit."""
        self._free.wait(self._hold_seconds)
        self._free.set()

    def lose(self) -> None:
        """Take it that the worker is gone: it holds no run, and one that was never ours ends."""
        if not self._won.is_set():
            # There is nothing to report, and the main thread waits for the acknowledgement.
            os._exit(0)
        self._free.set()

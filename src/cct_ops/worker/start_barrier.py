"""
A run is made ready while its worker claims it, and begins with the word that the claim is won.

The claim is a request to the server, and making a process ready takes about as long: done at once,
one of them costs no time. Before the word the process asks for nothing and changes nothing; if the
word does not come, it ends.
"""

from __future__ import annotations

import os
import socket
import threading

CLAIMED = "claimed"


class Claim:
    """The process's side: whether the run is ours."""

    def __init__(self) -> None:
        self._won = threading.Event()

    def hear(self, word: str) -> bool:
        """Take a word of the worker; False when it is about something else."""
        if word != CLAIMED:
            return False
        self._won.set()
        return True

    def wait(self) -> None:
        """Stop until the run is ours; somebody else listens."""
        self._won.wait()

    def wait_on(self, line: socket.socket) -> None:
        """Stop until the run is ours, where nobody else listens yet; takes no word but that."""
        word = b""
        while not word.endswith(b"\n") and (more := line.recv(1)):
            word += more
        self.hear(word.decode().strip())
        self.end_if_lost()

    def end_if_lost(self) -> None:
        """End the process, whose line has ended, if the run was never ours."""
        if not self._won.is_set():
            # There is nothing to tell anybody, and the main thread waits for the word.
            os._exit(0)

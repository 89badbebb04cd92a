"""A witness that cosigns, as the process that strangers run, and logs that it is shown."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from cct_ops.config.policy import AuditPolicy, WitnessPlace
from cct_ops.record import tree
from cct_ops.record.http_witness import HttpWitness
from cct_ops.record.notes import Checkpoint, Signer
from cct_ops.stack.postgres import free_port
from tests.conftest import ROOT

SERVER = ROOT / "docs" / "audit" / "witness.py"
NAME = "witness.example"


@dataclass(frozen=True)
class Running:
    """A witness, where it is and with which key."""

    process: subprocess.Popen[str]
    port: int
    key: str
    log: Path

    @property
    def url(self) -> str:
        """The address that policy names."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def place(self) -> WitnessPlace:
        """It, as policy names it."""
        return WitnessPlace(http=self.url, key=self.key)

    @property
    def policy(self) -> AuditPolicy:
        """A policy with it alone."""
        return AuditPolicy(witnesses=(self.place,))

    @property
    def asked(self) -> HttpWitness:
        """It, as the log asks it, with patience for a busy machine."""
        return replace(HttpWitness.of(self.place), timeout_seconds=60)

    def seen(self) -> list[str]:
        """What it says of itself: its key, and what it has seen of each log."""
        return httpx.get(self.url, timeout=60).text.splitlines()

    def add(self, request: str) -> httpx.Response:
        """Send it a request."""
        url = f"{self.url}/add-checkpoint"
        return httpx.post(url, content=request.encode(), timeout=60)

    def kill(self) -> None:
        """Kill it, as a machine does that goes down."""
        self.process.kill()
        self.process.wait()


def begun(folder: Path, logs: Sequence[str], *options: str, port: int = 0) -> Running:
    """Start a witness, and wait until it listens."""
    port = port or free_port()
    command = [sys.executable, "-I", str(SERVER), str(folder), "--name", NAME]
    command += [word for log in logs for word in ("--log", log)]
    command += ["--listen", f"127.0.0.1:{port}", *options]
    log = folder.with_name(f"{folder.name}.log")  # a pipe that nobody empties would stop it
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as written:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=written, text=True, env={}
        )
    assert process.stdout is not None
    key = process.stdout.readline().strip()
    assert process.stdout.readline().startswith("listening"), log.read_text()
    return Running(process, port, key, log)


@contextmanager
def running(folder: Path, logs: Sequence[str], *options: str, port: int = 0) -> Iterator[Running]:
    """Run a witness for these logs for as long as the block lasts."""
    witness = begun(folder, logs, *options, port=port)
    try:
        yield witness
    finally:
        witness.kill()
        assert witness.process.stdout is not None
        witness.process.stdout.close()


class Log:
    """A log that needs no database: its leaves are numbers, or other numbers."""

    def __init__(self, signer: Signer, begin: int = 0) -> None:
        self.signer = signer
        self.hashes = [tree.leaf_hash(str(begin + at).encode()) for at in range(40)]
        self._nodes = {(0, at): each for at, each in enumerate(self.hashes)}
        self._nodes |= dict(tree.grown(0, [], self.hashes))

    def note(self, size: int) -> str:
        """Return its checkpoint over so many leaves."""
        root = tree.fold([self._nodes[node] for node in tree.cover(0, size)])
        return self.signer.sign(Checkpoint(self.signer.name, size, root).body())

    def request(self, old: int, size: int) -> str:
        """Return what asks a witness to cosign one checkpoint after another."""
        proof = tree.consistency(old, size) if 0 < old < size else []
        hashes = tree.proven(proof, self._nodes.__getitem__)
        lines = [f"old {old}", *(base64.b64encode(each).decode() for each in hashes)]
        return "".join(f"{line}\n" for line in lines) + f"\n{self.note(size)}"

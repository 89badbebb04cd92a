"""An installation on this machine, on which one release takes the place of another."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from cct_ops.variables import harmless

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 600.0
_UP = "alert hook"
_DRAINS = "src/cct_ops/commands/drain.py"
_MIGRATIONS = "src/cct_ops/ledger/migrations/versions"


@dataclass(frozen=True)
class Installation:
    """One stack's data and ports, whichever release runs on them."""

    data: Path
    env: Mapping[str, str]
    ports: tuple[int, int, int]

    @property
    def known(self) -> dict[str, str]:
        """What commands in other shells find of it while it runs."""
        found: dict[str, str] = json.loads((self.data / "environment.json").read_text())
        return found

    @contextmanager
    def running(self, code: Path) -> Iterator[None]:
        """Run a release on it until the block ends."""
        log = self.data.parent / f"up-{time.monotonic_ns()}.log"
        prefect, gateway, board = map(str, self.ports)
        words = ["up", "--data", str(self.data), "--prefect-port", prefect]
        words += ["--gateway-port", gateway, "--board-port", board]
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 -- our own program
                _program(*words),
                cwd=code,
                env=self._env(code),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                until(lambda: _UP in log.read_text(errors="replace") or process.poll() is not None)
                if process.poll() is not None:
                    raise SystemExit(f"it did not start:\n{log.read_text(errors='replace')}")
                yield
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE_SECONDS)

    def command(self, code: Path, *words: str) -> str:
        """Type a command of a release on it; returns what it printed."""
        typed = _program(*words, "--data", str(self.data))
        done = subprocess.run(  # noqa: S603 -- our own program
            typed, cwd=code, env=self._env(code), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def asked(self, variable: str, query: str, **given: object) -> Any:
        """Return the only value that one of its databases answers."""
        url = re.sub(r"\+\w+:", ":", self.known[variable], count=1)
        with psycopg.connect(url) as connection:
            row = connection.execute(query.encode(), given).fetchone()
        return None if row is None else row[0]

    def ledger(self, query: str, **given: object) -> Any:
        """Ask the ledger."""
        return self.asked("CCT_OPS_DATABASE_URL", query, **given)

    def prefect(self, query: str, **given: object) -> Any:
        """Ask Prefect's database."""
        return self.asked("PREFECT_API_DATABASE_CONNECTION_URL", query, **given)

    def _env(self, code: Path) -> dict[str, str]:
        return {**harmless(os.environ), **self.env, "PYTHONPATH": str(code / "src")}


def before_newest_migration() -> str:
    """Return the revision before the newest migration, if that can be drained; else the newest."""
    newest = max(path.name for path in (ROOT / _MIGRATIONS).glob("0*.py"))
    added = ("log", "--diff-filter=A", "--format=%H", "-1", "--", f"{_MIGRATIONS}/{newest}")
    commit = _git(*added).decode().strip()
    if commit:
        parent = f"{commit}~1"
        if subprocess.run(  # noqa: S603 -- fixed words
            ["git", "cat-file", "-e", f"{parent}:{_DRAINS}"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            check=False,
        ).returncode == 0:  # fmt: skip
            return _git("rev-parse", parent).decode().strip()
    return _git("rev-parse", "HEAD").decode().strip()


def checked_out(revision: str, folder: Path) -> Path:
    """Write the files of a revision into a folder."""
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(_git("archive", revision))) as files:
        files.extractall(folder, filter="data")
    return folder


def until(fact: Callable[[], object]) -> None:
    """Wait for a fact, for ten minutes at most."""
    began = time.monotonic()
    while not fact():
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise TimeoutError(f"not within {PATIENCE_SECONDS:g} s")
        time.sleep(0.5)


def _program(*words: str) -> list[str]:
    return [sys.executable, "-c", "from cct_ops.cli import main; main()", *words]


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S603, S607

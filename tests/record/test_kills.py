"""A kill between a row and its leaf leaves neither without the other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.record import log
from cct_ops.record import audit
from cct_ops.record.sequencer import sequence
from cct_ops.record.witness import Place
from tests.conftest import ROOT
from tests.record.recorded import recorded

# KILLS=all is the long form.
ROUNDS = 100 if os.environ.get("KILLS") == "all" else 4

_OTHERS = sa.text("""
    select count(*) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'
""")


def killed(url: SecretStr, after_seconds: float) -> None:
    """Let a process write and make leaves, and kill it in the middle of both."""
    command = [sys.executable, "-m", "tests.record.writing", url.get_secret_value()]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        time.sleep(after_seconds)
        process.kill()


def settled(engine: sa.Engine) -> None:
    """Wait until PostgreSQL has noticed, too."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.execute(_OTHERS).scalar_one():
            time.sleep(0.05)


def test_no_row_is_without_its_leaf_and_no_leaf_without_its_row(
    engine: sa.Engine, ledger_url: SecretStr, tmp_path: Path
) -> None:
    dice = Random(7)  # noqa: S311 -- the same moments each time
    ours = recorded(engine, tmp_path / "record", rounds=1)
    for _ in range(ROUNDS):
        before = log.size(engine)
        killed(ledger_url, dice.uniform(0, 0.4))
        settled(engine)
        assert log.size(engine) + log.waiting(engine) > before
    ours.checkpoint()

    found = audit.verify(engine, ours.signer.verifier, [Place(ours.witness)])

    assert (found.findings, found.waiting) == ([], 0)
    assert found.leaves == found.rows == log.size(engine)
    assert sequence(engine) == 0

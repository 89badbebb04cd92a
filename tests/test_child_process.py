"""A program of ours ends with the block that it is for, whatever it thinks of that."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from cct_ops.child_process import ended

_DEAF = "import signal, sys; signal.signal(signal.SIGTERM, {}); print(); sys.stdin.read()"


@pytest.mark.parametrize(
    ("handler", "seconds", "by"),
    [("signal.SIG_DFL", 60, signal.SIGTERM), ("signal.SIG_IGN", 0.1, signal.SIGKILL)],
)
def test_it_ends_in_order_or_by_force(handler: str, seconds: float, by: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _DEAF.format(handler)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        with ended(process, seconds):
            process.stdout.readline()  # it has said what it does with the signal

    assert process.returncode == -by

"""How the stack sets up Prefect's server."""

from __future__ import annotations

import pytest
from prefect.settings import Settings

from cct_ops.stack.prefect_server import RECORDS_AT_ONCE


def test_it_pauses_between_two_looks_for_records_of_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect waits for so many whole seconds, and with zero it keeps a processor busy."""
    for name, value in RECORDS_AT_ONCE.items():
        monkeypatch.setenv(name, value)

    recorder = Settings().server.services.task_run_recorder

    assert int(recorder.flush_interval) >= 1
    assert recorder.batch_size > 1

"""A run's account does not depend on whether Prefect's server can show it."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect import flow, runtime
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome
from cct_ops.sandbox.control import SandboxControl
from tasks.report import report
from tasks.showing import Progress
from tests.flows.upkeep import LOOSER, alone
from tests.worker.relay import relay


def test_a_run_whose_report_prefect_does_not_take_is_accounted_for_and_reported(
    prefect_api_url: str,
    engine: sa.Engine,
    sandbox: SandboxControl,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else what it had done well would count as cut off, and be undone; its log says so."""
    with (
        relay(prefect_api_url) as line,
        temporary_settings({PREFECT_API_URL: line.url, PREFECT_CLIENT_MAX_RETRIES: 0}),
    ):
        seen: list[str] = []

        @flow
        def ending() -> None:
            seen.append(str(runtime.flow_run.id))
            diagnosis = alone(LOOSER)
            progress = Progress.of("a watch")
            line.cut()
            try:
                progress.at(50)
                Progress.of("another").at(100)
                report(Outcome.RESOLVED, diagnosis)
            finally:
                line.mend()

        ending()
        EventsWorker.drain_all()  # while there is a line; it would try for ever

    said = [each for each in caplog.records if "The report is not shown" in each.getMessage()]
    assert [getattr(each, "flow_run_id", None) for each in said] == seen  # without it none is shown
    assert account.of_run(engine, UUID(seen[0])).outcome is Outcome.RESOLVED
    assert any("Resolved" in str(message.body) for message in sandbox.slack_messages())

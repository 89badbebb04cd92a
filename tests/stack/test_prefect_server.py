"""How the stack sets up Prefect's server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from prefect._internal.schemas import validators
from prefect.server.api import background_workers, server
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import Settings
from prefect.types import _datetime
from prefect.utilities.schema_tools import validation

from cct_ops.stack.prefect_server import (
    AHEAD,
    PACES,
    RECORDS_AT_ONCE,
    check_schemas_once,
    know_timezones_once,
    look_less_often,
    pages_of_ui,
)


def test_it_pauses_between_two_looks_for_records_of_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect waits for so many whole seconds, and with zero it keeps a processor busy."""
    for name, value in RECORDS_AT_ONCE.items():
        monkeypatch.setenv(name, value)

    recorder = Settings().server.services.task_run_recorder

    assert int(recorder.flush_interval) >= 1
    assert recorder.batch_size > 1


def test_a_schedule_has_the_runs_of_a_week_lying_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AHEAD.items():
        monkeypatch.setenv(name, value)

    assert Settings().server.services.scheduler.max_scheduled_time == timedelta(days=7)


def test_each_pace_is_one_of_prefects_and_slower_than_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that Prefect does not know would change nothing, and nobody would notice."""

    def paces() -> dict[str, float]:
        server = Settings().server
        services = server.services
        return {
            "recent": services.scheduler.recent_deployments_loop_seconds,
            "late": services.late_runs.loop_seconds,
            "paused": services.pause_expirations.loop_seconds,
            "cancelled": services.cancellation_cleanup.loop_seconds,
            "cleanup": services.cleanup_reconciler.loop_seconds,
            "foreman": services.foreman.loop_seconds,
            "leases": services.repossessor.loop_seconds,
            "triggers": server.events.proactive_granularity.total_seconds(),
        }

    before = paces()
    for name, value in PACES.items():
        monkeypatch.setenv(name, value)
    after = paces()

    assert len(PACES) == len(after)
    assert all(after[name] > before[name] for name in before)


def test_time_zones_are_read_from_the_disk_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect holds the zone of each schedule that it reads against all that there are."""
    modules: tuple[Any, Any] = validators, _datetime
    for module in modules:
        monkeypatch.setattr(module, "get_timezones", module.get_timezones)
    read = list[int]()

    def count() -> set[str]:
        read.append(1)
        return {"Europe/Vienna", "UTC"}

    monkeypatch.setattr(_datetime, "available_timezones", count)
    know_timezones_once()

    for zone in ("Europe/Vienna", "UTC", "Europe/Vienna"):
        assert CronSchedule(cron="0 6 * * *", timezone=zone).timezone == zone
    with pytest.raises(ValueError, match="Invalid timezone"):
        CronSchedule(cron="0 6 * * *", timezone="Nowhere/At_All")
    assert len(read) == 1


def test_a_schema_is_checked_once_and_its_values_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is wrong stays wrong, however often it comes."""
    validator: Any = validation._VALIDATOR
    check, checked = validator.check_schema, list[object]()

    def count(schema: object, **more: object) -> None:
        checked.append(schema)
        check(schema, **more)

    monkeypatch.setattr(validator, "check_schema", count)
    check_schemas_once()
    right, wrong = {"properties": {"n": {"type": "integer"}}}, {"properties": {"n": {"type": 7}}}

    for n, valid in ((1, True), (2, True), ("x", False)):
        assert validation.is_valid({"n": n}, right) is valid
    for _ in range(3):
        validation.validate({"n": 1}, dict(right), raise_on_error=True)
        validation.is_valid_schema(right, preprocess=False)
    assert len(checked) == 2, "with the formats that it names, and without"
    for _ in range(2):
        with pytest.raises(ValueError, match="Invalid schema"):
            validation.is_valid_schema(wrong, preprocess=False)
    with pytest.raises(validation.ValidationError, match="field 'n'"):
        validation.validate({"n": "x"}, right, raise_on_error=True)


def test_its_background_work_looks_once_a_second_and_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Prefect names no pace where it makes its queue and its worker."""
    modules: tuple[Any, Any] = background_workers, server
    for module, name in zip(modules, ("Worker", "Docket"), strict=True):
        monkeypatch.setattr(module, name, getattr(module, name))
    done = list[str]()

    async def work() -> None:
        done.append("work")

    async def live() -> None:
        async with (
            modules[1].Docket(name="some", url="memory://") as docket,
            modules[0].Worker(docket) as worker,
        ):
            looks = worker.minimum_check_interval, worker.scheduling_resolution
            assert looks == (timedelta(seconds=1), timedelta(seconds=1))
            assert docket.heartbeat_interval == timedelta(seconds=60)
            docket.register(work)
            await docket.add(work)()
            await worker.run_until_finished()

    look_less_often()
    asyncio.run(live())

    assert done == ["work"]


def test_what_it_sets_is_there_before_prefect_looks() -> None:
    """Prefect reads its environment once, when it is imported."""
    code = """
import runpy
from cct_ops.stack import prefect_server

def look(*_: object, **__: object) -> None:
    from prefect.settings import get_current_settings
    print(get_current_settings().server.services.task_run_recorder.batch_size)

runpy.run_module = look
prefect_server.main()
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.split() == ["100"]


def test_the_ui_lies_where_it_may_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the installation is on a tree that nobody may write to."""
    assert pages_of_ui("/data/prefect") == {}
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert pages_of_ui("/data/prefect") == {"PREFECT_UI_STATIC_DIRECTORY": "/data/prefect/ui"}
    assert pages_of_ui(None) == {}

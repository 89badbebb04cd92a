"""The supervisor: order, restarts, deadlines, and what it says when a part cannot start."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cct_ops.stack.part import Event, Part
from cct_ops.stack.up import StackFailed, Supervised
from tests.stack.polling import eventually, marked
from tests.stack.tiny import PARENT, READY, SLEEP, STUBBORN, plan, program, service, step


class Events(list[Event]):
    """The events so far."""

    def kinds(self, part: str) -> list[str]:
        """Return what was events of a part."""
        return [event.kind for event in self if event.part == part]

    def order(self, kind: str) -> list[str]:
        """Return the parts of which this was events."""
        return [event.part for event in self if event.kind == kind]


@contextlib.contextmanager
def supervised(folder: Path, *parts: Part) -> Iterator[tuple[Supervised, Events]]:
    events = Events()
    supervisor = Supervised(plan(folder, *parts), events.append)
    try:
        yield supervisor, events
    finally:
        supervisor.ask_to_stop(again=False)
        supervisor.wait()


def test_parts_start_after_what_they_need_and_stop_before_it(tmp_path: Path, marker: str) -> None:
    parts = (
        service("top", READY + SLEEP, marker, "step"),
        step("step", "", marker, "base"),
        service("base", READY + SLEEP, marker),
    )
    with supervised(tmp_path, *parts) as (supervisor, events):
        assert supervisor.wait_until_up()
        assert len(marked(marker)) == 4, "two services and their guards"

    assert events.order("ready") == ["base", "step", "top"]
    assert events.order("stopped") == ["top", "base"]
    assert marked(marker) == []


def test_parts_that_do_not_need_each_other_start_together(tmp_path: Path, marker: str) -> None:
    meet = (
        "import pathlib, sys, time\n"
        "here = pathlib.Path({me!r}); here.touch()\n"
        "while not pathlib.Path({other!r}).exists(): time.sleep(0.01)\n"
    )
    left, right = str(tmp_path / "left"), str(tmp_path / "right")
    parts = (
        step("left", meet.format(me=left, other=right), marker),
        step("right", meet.format(me=right, other=left), marker),
    )
    with supervised(tmp_path, *parts) as (supervisor, _):
        assert supervisor.wait_until_up()


def test_a_part_that_ignores_the_stop_signal_is_killed_at_the_deadline(
    tmp_path: Path, marker: str
) -> None:
    stubborn = service("stubborn", STUBBORN + READY + SLEEP, marker, stop_seconds=0.3)
    with supervised(tmp_path, stubborn) as (supervisor, events):
        supervisor.wait_until_up()

    assert events[-1].kind == "stopped"
    assert 0.3 <= events[-1].seconds < 5


def test_asked_twice_it_spares_no_more_time(tmp_path: Path, marker: str) -> None:
    stubborn = service("stubborn", STUBBORN + READY + SLEEP, marker, stop_seconds=60)
    with supervised(tmp_path, stubborn) as (supervisor, events):
        supervisor.wait_until_up()
        began = time.monotonic()
        supervisor.ask_to_stop()
        eventually(lambda: "stopping" in events.kinds("stubborn"))
        supervisor.ask_to_stop()
        supervisor.wait()

    assert time.monotonic() - began < 20


def test_what_a_part_started_is_stopped_with_it(tmp_path: Path, marker: str) -> None:
    with supervised(tmp_path, service("parent", PARENT, marker)) as (supervisor, _):
        supervisor.wait_until_up()
        assert len(marked(marker)) == 3, "guard, part and the part's own child"

    assert marked(marker) == []


def test_a_part_that_dies_is_restarted_five_times_and_then_left(
    tmp_path: Path, marker: str
) -> None:
    runs, may_die = tmp_path / "runs", tmp_path / "may-die"
    waits = f"import os, time\nwhile not os.path.exists({str(may_die)!r}): time.sleep(0.01)\n"
    dies = f"open({str(runs)!r}, 'a').write('x')\n{READY}{waits}raise SystemExit('no more fuel')"
    parts = (service("dies", dies, marker), service("lives", READY + SLEEP, marker))
    with supervised(tmp_path, *parts) as (supervisor, events):
        supervisor.wait_until_up()
        may_die.touch()
        eventually(lambda: "degraded" in events.kinds("dies"))
        status = json.loads((tmp_path / "status.json").read_text())

        assert events.kinds("dies").count("died") == 5
        assert runs.read_text() == "x" * 6
        assert "no more fuel" in events[-1].message
        assert status["parts"]["dies"]["state"] == "degraded"
        assert status["parts"]["lives"]["state"] == "ready"
        assert len(marked(marker)) == 2, "the rest keeps running"


def test_a_killed_part_is_back_with_none_of_its_old_processes(tmp_path: Path, marker: str) -> None:
    with supervised(tmp_path, service("parent", PARENT, marker)) as (supervisor, events):
        supervisor.wait_until_up()
        old = marked(marker)
        for process in old:
            if process.pid == events[0].pid:
                part = process.children()[0]
        part.kill()
        eventually(lambda: events.kinds("parent").count("ready") == 2)

        assert len(marked(marker)) == 3
        assert not set(old) & set(marked(marker))


def test_a_killed_guard_takes_its_part_with_it(tmp_path: Path, marker: str) -> None:
    with supervised(tmp_path, service("one", READY + SLEEP, marker)) as (supervisor, events):
        supervisor.wait_until_up()
        for process in marked(marker):
            if process.pid == events[0].pid:
                process.kill()
        eventually(lambda: events.kinds("one").count("ready") == 2)
        eventually(lambda: len(marked(marker)) == 2)


def test_what_a_dead_worker_started_may_finish_but_not_outlive_the_stack(
    tmp_path: Path, marker: str
) -> None:
    worker = service("worker", PARENT, marker)
    worker = worker.model_copy(update={"program": program(PARENT, marker, finish=True)})
    with supervised(tmp_path, worker) as (supervisor, events):
        supervisor.wait_until_up()
        (guard,) = (process for process in marked(marker) if process.pid == events[0].pid)
        (part,) = guard.children()
        (run,) = part.children()
        part.kill()
        eventually(lambda: events.kinds("worker").count("ready") == 2)

        assert run.is_running()

    assert not run.is_running()


def test_a_part_that_cannot_start_stops_the_rest_and_says_why(tmp_path: Path, marker: str) -> None:
    parts = (
        service("base", READY + SLEEP, marker),
        service("broken", "raise SystemExit('the tank is empty')", marker, "base"),
        service("never", READY + SLEEP, marker, "broken"),
    )
    supervisor = Supervised(plan(tmp_path, *parts), Events().append)

    with pytest.raises(StackFailed, match="broken could not start") as failed:
        supervisor.wait_until_up()

    assert "exit code 1" in str(failed.value)
    assert "the tank is empty" in str(failed.value)
    assert str(tmp_path / "logs" / "broken.log") in str(failed.value)
    assert marked(marker) == []


def test_a_part_that_is_never_ready_is_not_waited_for_for_ever(tmp_path: Path, marker: str) -> None:
    silent = service("silent", SLEEP, marker).model_copy(update={"start_seconds": 0.3})
    supervisor = Supervised(plan(tmp_path, silent), Events().append)

    with pytest.raises(StackFailed, match="not ready after"):
        supervisor.wait_until_up()


def test_a_program_that_does_not_exist_is_named(tmp_path: Path, marker: str) -> None:
    part = service("absent", READY, marker)
    absent = part.program.model_copy(update={"argv": ("/no/such/program", marker)})
    supervisor = Supervised(
        plan(tmp_path, part.model_copy(update={"program": absent})), Events().append
    )

    with pytest.raises(StackFailed, match="cannot run /no/such/program"):
        supervisor.wait_until_up()

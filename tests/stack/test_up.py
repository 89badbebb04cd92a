"""The front: signals, and every way of dying, leave no process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.stack.polling import eventually, marked

# the front; guard and part `one`; guard, part `two` and its child
_ALL = 6


@contextlib.contextmanager
def front(data: Path, marker: str, *, up: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Start it, and wait until all of it is up unless the test does not want that."""
    command = [sys.executable, "-m", "tests.stack.tiny", str(data), marker]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            if up:
                wait_until_up(process)
            yield process
        finally:
            process.kill()


def wait_until_up(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C stops everything" in line:
            return
    assert process.stderr is not None
    pytest.fail(process.stderr.read())


def supervisor_of(process: subprocess.Popen[str]) -> psutil.Process:
    (supervisor,) = psutil.Process(process.pid).children()
    return supervisor


def nothing_is_left(marker: str) -> bool:
    return marked(marker) == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_is_no_failure(
    tmp_path: Path, marker: str, signum: signal.Signals
) -> None:
    with front(tmp_path, marker) as process:
        assert len(marked(marker)) == _ALL
        process.send_signal(signum)

        assert process.wait(30) == 0
        assert nothing_is_left(marker)


def test_a_signal_while_it_starts_is_no_failure_either(tmp_path: Path, marker: str) -> None:
    with front(tmp_path, marker, up=False) as process:
        eventually(lambda: len(marked(marker)) > 1)
        process.send_signal(signal.SIGTERM)

        assert process.wait(30) == 0
        assert nothing_is_left(marker)


def test_a_killed_front_leaves_nothing(tmp_path: Path, marker: str) -> None:
    with front(tmp_path, marker) as process:
        supervisor = supervisor_of(process)
        process.kill()

        eventually(lambda: nothing_is_left(marker) and not supervisor.is_running())


def test_a_killed_supervisor_leaves_nothing_and_is_a_failure(tmp_path: Path, marker: str) -> None:
    with front(tmp_path, marker) as process:
        supervisor_of(process).kill()
        _, errors = process.communicate(timeout=30)

        assert process.returncode == 1
        assert "the supervisor died" in errors
        assert nothing_is_left(marker)


def test_front_and_supervisor_killed_together_leave_nothing(tmp_path: Path, marker: str) -> None:
    with front(tmp_path, marker) as process:
        supervisor = supervisor_of(process)
        supervisor.suspend()  # so that it cannot react to the first kill
        process.kill()
        supervisor.kill()

        eventually(lambda: nothing_is_left(marker))


def test_a_background_job_of_a_killed_make_leaves_nothing(tmp_path: Path, marker: str) -> None:
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"up:\n\t{sys.executable} -m tests.stack.tiny {tmp_path} {marker}\n")
    # a shell without job control starts it in the background with SIGINT ignored
    shell = ["sh", "-c", f"make --silent -f {makefile} up & wait"]
    with subprocess.Popen(shell, stdout=subprocess.PIPE, text=True) as process:
        wait_until_up(process)
        (make,) = psutil.Process(process.pid).children()
        make.kill()

        eventually(lambda: nothing_is_left(marker))


def test_ctrl_c_works_although_it_began_ignored(tmp_path: Path, marker: str) -> None:
    command = f"{sys.executable} -m tests.stack.tiny {tmp_path} {marker} & wait"
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True) as process:
        wait_until_up(process)
        (job,) = psutil.Process(process.pid).children()
        parts = [found for found in marked(marker) if found.pid not in {process.pid, job.pid}]
        dispositions = [Path(f"/proc/{part.pid}/status").read_text() for part in parts]
        job.send_signal(signal.SIGINT)

        eventually(lambda: nothing_is_left(marker))
    for status in dispositions:
        ignored = int(status.split("SigIgn:")[1].split()[0], 16)
        blocked = int(status.split("SigBlk:")[1].split()[0], 16)
        assert not ignored & 1 << (signal.SIGINT - 1), "SIGINT is not ignored any more"
        assert blocked == 0


def test_a_second_up_names_the_first(tmp_path: Path, marker: str) -> None:
    with front(tmp_path, marker) as first:
        with front(tmp_path, marker, up=False) as second:
            _, errors = second.communicate(timeout=30)

            assert second.returncode == 1
            assert f"kill {first.pid}" in errors
        assert len(marked(marker)) == _ALL, "the first is unharmed"
        os.kill(first.pid, signal.SIGTERM)
        assert first.wait(30) == 0


def test_the_same_folder_can_be_used_again_at_once(tmp_path: Path, marker: str) -> None:
    for _ in range(2):
        with front(tmp_path, marker) as process:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def test_a_silent_cct_is_reported_and_keeps_nothing_from_running(
    tmp_path: Path, marker: str
) -> None:
    with front(tmp_path, marker) as process:
        assert process.stdout is not None
        shown = process.stdout.readline()

        assert "CCT does not answer (127.0.0.1:9" in shown
        assert "Alerts are taken in" in shown
        assert len(marked(marker)) == _ALL
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_what_stopped_it_is_shown(tmp_path: Path, marker: str) -> None:
    with front(tmp_path, marker) as process:
        process.send_signal(signal.SIGHUP)
        said, _ = process.communicate(timeout=30)

        assert "stopped by SIGHUP: its terminal was closed" in said


def test_nohup_outlives_its_shell_and_its_terminal(tmp_path: Path, marker: str) -> None:
    log = tmp_path / "up.log"
    command = (
        f"nohup {sys.executable} -m tests.stack.tiny {tmp_path} {marker} > {log} 2>&1 & echo $!"
    )
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        job = psutil.Process(int(shell.stdout.readline()))
        shell.wait(30)
    try:
        eventually(lambda: log.exists() and "Ctrl-C stops everything" in log.read_text())
        job.send_signal(signal.SIGHUP)
        assert len(marked(marker)) == _ALL
    finally:
        job.send_signal(signal.SIGTERM)
    eventually(lambda: nothing_is_left(marker))
    assert "stopped by SIGTERM" in log.read_text()

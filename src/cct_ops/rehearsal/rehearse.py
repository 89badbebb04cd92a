"""Carries a rehearsal out: what the worker promises, and every playbook's drill."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic

from cct_ops.child_process import ended
from cct_ops.errors import Unavailable
from cct_ops.models.game_day import DrillResult
from cct_ops.rehearsal.result import Rehearsed
from cct_ops.scenarios.every import DRILLED
from cct_ops.variables import harmless

_STOP_SECONDS = 60.0


def with_prefect(python: Path, playbooks: Sequence[str]) -> Iterator[Rehearsed]:
    """Try everything with the Prefect of this Python; each result as soon as it is there."""
    yield from worker(python)
    yield from drills(python, playbooks)


def drilled() -> list[str]:
    """Return the playbooks that have a drill."""
    return list(DRILLED)


def worker(python: Path) -> Iterator[Rehearsed]:
    """Try what the worker promises."""
    for line in _lines(python, "the worker", "cct_ops.rehearsal"):
        yield Rehearsed.model_validate_json(line) if isinstance(line, str) else line


def drills(python: Path, playbooks: Sequence[str]) -> Iterator[Rehearsed]:
    """Drill these playbooks, or all; one of which nothing is heard has failed."""
    heard: set[str] = set()
    for line in _lines(python, "the drills", "cct_ops.game_day", *playbooks):
        if isinstance(line, Rehearsed):
            yield line
            continue
        drill = DrillResult.model_validate_json(line)
        heard.add(drill.playbook)
        yield Rehearsed(
            kind="playbook", name=drill.playbook, problem=drill.problem, seconds=drill.seconds
        )
    for name in sorted(set(playbooks or DRILLED) - heard):
        yield Rehearsed(kind="playbook", name=name, problem="It was not drilled.")


def _lines(python: Path, what: str, module: str, *words: str) -> Iterator[str | Rehearsed]:
    """Yield each line of JSON that a module prints; that it failed is a result at the end."""
    began = monotonic()
    environment = {**harmless(os.environ), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(  # noqa: S603 -- our own module
        [str(python), "-P", "-m", module, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None  # noqa: S101 -- for the type checker: they are pipes
        assert process.stderr is not None  # noqa: S101
        with ended(process, _STOP_SECONDS):
            for line in process.stdout:
                if _is_result(line):
                    yield line
            said = process.stderr.read().strip().splitlines()
            if process.wait() != 0:
                last = said[-1] if said else f"exit code {process.returncode}"
                yield Rehearsed(
                    kind="worker",
                    name=f"{what} could be tried to the end",
                    problem=last[:500],
                    seconds=monotonic() - began,
                )


def _is_result(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def prefect_of(python: Path) -> str:
    """Return the version of Prefect that this Python really imports."""
    code = "import prefect; print(prefect.__version__)"
    done = subprocess.run(  # noqa: S603 -- fixed
        [str(python), "-P", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=dict(harmless(os.environ)),
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Unavailable(f"Prefect cannot be imported there: {last}")
    return done.stdout.strip().splitlines()[-1]

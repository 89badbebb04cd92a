"""
The others, where they are on PATH: from a POST to the first line of what they start.

Each is asked again only when it has nothing left to do, as the stack is. The first time is not
counted. One that does not work here is named and left out: it must not cost the other results.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import psutil

from cct_ops.stack.postgres import free_port

PATIENCE_SECONDS = 60.0

_RULEBOOK = """
- name: benchmark
  hosts: all
  sources:
    - eda.builtin.webhook: {{host: 127.0.0.1, port: {port}}}
  rules:
    - name: every alert
      condition: event.payload is defined
      action:
        run_playbook: {{name: {folder}/playbook.yml}}
"""
_PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.shell: date +%s.%N >> {folder}/started
"""


class NotMeasured(Exception):
    """It is there and does not do what it should."""


def event_driven_ansible(folder: Path, count: int) -> list[float] | None:
    """Return the seconds to the playbook's first task; None where there is no ansible-rulebook."""
    folder.mkdir(parents=True)
    port = free_port()
    (folder / "rulebook.yml").write_text(_RULEBOOK.format(port=port, folder=folder))
    (folder / "playbook.yml").write_text(_PLAYBOOK.format(folder=folder))
    # As Ansible does for a localhost that no inventory names: no search for an interpreter.
    (folder / "inventory").write_text(
        "localhost ansible_connection=local"
        " ansible_python_interpreter='{{ ansible_playbook_python }}'\n"
    )
    rulebook, inventory = f"{folder}/rulebook.yml", f"{folder}/inventory"
    command = ["ansible-rulebook", "--rulebook", rulebook, "-i", inventory]
    return measured(command, f"http://127.0.0.1:{port}/endpoint", folder / "started", count)


def webhook(folder: Path, count: int) -> list[float] | None:
    """Return the seconds to a shell script's first line; None where there is no webhook."""
    folder.mkdir(parents=True)
    port = free_port()
    script = folder / "script.sh"
    script.write_text(f"#!/bin/sh\ndate +%s.%N >> {folder}/started\n")
    script.chmod(0o755)
    hooks = [{"id": "alert", "execute-command": str(script)}]
    (folder / "hooks.json").write_text(json.dumps(hooks))
    command = ["webhook", "-hooks", f"{folder}/hooks.json", "-ip", "127.0.0.1", "-port", str(port)]
    return measured(command, f"http://127.0.0.1:{port}/hooks/alert", folder / "started", count)


def measured(command: list[str], url: str, started: Path, count: int) -> list[float] | None:
    """
    Run a program that adds the time to a file for each POST; return the seconds that it took.

    None where it is not on PATH, or does not do it.
    """
    if shutil.which(command[0]) is None:
        return None
    log = started.with_name("output.log")
    try:
        with _running(command, log) as process, httpx.Client(timeout=10, trust_env=False) as http:
            took = []
            for number in range(1 + count):
                posted = _post_when_it_listens(http, url, process)
                _wait_for(partial(_has_line, started, number), process)
                took.append(float(_lines(started)[number]) - posted)
                _wait_for(lambda: not process.children(), process)
            return took[1:]
    except (NotMeasured, httpx.HTTPError) as error:
        output = log.read_text(errors="replace")[-2000:]
        print(f"{command[0]} is not measured: {error}\n{output}", file=sys.stderr)
        return None


@contextlib.contextmanager
def _running(command: list[str], log: Path) -> Iterator[psutil.Process]:
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=log.parent, stdout=output, stderr=output) as process,
    ):
        seen = psutil.Process(process.pid)
        try:
            yield seen
        finally:
            process.terminate()


def _post_when_it_listens(http: httpx.Client, url: str, process: psutil.Process) -> float:
    posted = time.time()

    def listens() -> bool:
        nonlocal posted
        posted = time.time()
        try:
            http.post(url, json={"alert": "Benchmark"}).raise_for_status()
        except httpx.TransportError:
            return False
        return True

    _wait_for(listens, process, pause_seconds=0.2)
    return posted


def _wait_for(
    fact: Callable[[], bool], process: psutil.Process, *, pause_seconds: float = 0.02
) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        if process.status() == psutil.STATUS_ZOMBIE:
            raise NotMeasured("It has ended.")
        if time.monotonic() > deadline:
            raise NotMeasured(f"It did nothing for {PATIENCE_SECONDS:g} s.")
        time.sleep(pause_seconds)


def _has_line(file: Path, number: int) -> bool:
    return len(_lines(file)) > number


def _lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []

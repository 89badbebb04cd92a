"""The others, where they are installed: from a POST to the first line of what they start."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from cct_ops.stack.postgres import free_port

_RULEBOOK = """
- name: benchmark
  hosts: all
  sources:
    - ansible.eda.webhook: {{host: 127.0.0.1, port: {port}}}
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


def event_driven_ansible(folder: Path, count: int) -> list[float] | None:
    """Return the seconds to the playbook's first task; None where it is not installed."""
    if shutil.which("ansible-rulebook") is None:
        return None
    folder.mkdir(parents=True)
    port = free_port()
    (folder / "rulebook.yml").write_text(_RULEBOOK.format(port=port, folder=folder))
    (folder / "playbook.yml").write_text(_PLAYBOOK.format(folder=folder))
    (folder / "inventory").write_text("localhost ansible_connection=local\n")
    command = [
        "ansible-rulebook",
        "--rulebook",
        f"{folder}/rulebook.yml",
        "-i",
        f"{folder}/inventory",
    ]
    with _running(command):
        return _measure(f"http://127.0.0.1:{port}/endpoint", folder / "started", count)


def webhook(folder: Path, count: int) -> list[float] | None:
    """Return the seconds to a shell script's first line; None where it is not installed."""
    if shutil.which("webhook") is None:
        return None
    folder.mkdir(parents=True)
    port = free_port()
    script = folder / "script.sh"
    script.write_text(f"#!/bin/sh\ndate +%s.%N >> {folder}/started\n")
    script.chmod(0o755)
    hooks = [{"id": "alert", "execute-command": str(script)}]
    (folder / "hooks.json").write_text(json.dumps(hooks))
    command = ["webhook", "-hooks", f"{folder}/hooks.json", "-ip", "127.0.0.1", "-port", str(port)]
    with _running(command):
        return _measure(f"http://127.0.0.1:{port}/hooks/alert", folder / "started", count)


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _measure(url: str, started: Path, count: int) -> list[float]:
    took = []
    with httpx.Client(timeout=10, trust_env=False) as http:
        for number in range(count):
            posted = _post_when_it_listens(http, url)
            while len(lines := started.read_text().split() if started.exists() else []) <= number:
                time.sleep(0.02)
            took.append(float(lines[number]) - posted)
    return took


def _post_when_it_listens(http: httpx.Client, url: str, seconds: float = 60) -> float:
    deadline = time.monotonic() + seconds
    while True:
        posted = time.time()
        try:
            http.post(url, json={"alert": "Benchmark"}).raise_for_status()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return posted

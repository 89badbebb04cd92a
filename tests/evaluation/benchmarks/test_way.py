"""The way of a repair, stage by stage: whose CPU time it is, and what counts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

from cct_ops.beside import beside
from evaluation.benchmarks import way
from evaluation.benchmarks.processes import Processes

_PARENT_AND_CHILD = """
import subprocess, sys
burn = "import time\\nwhile time.process_time() < 0.4: pass  # the kernel counts in hundredths"
sys.stdin.readline()
subprocess.run([sys.executable, "-c", burn])
print("ended", flush=True)
sys.stdin.readline()
"""


def test_the_time_of_a_process_that_has_ended_stays_with_its_part() -> None:
    command = [sys.executable, "-c", _PARENT_AND_CHILD]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        processes = Processes({"worker": parent.pid, "gateway": 2**22 + 1})
        with beside(processes.sample):
            time.sleep(0.2)  # until it has been read at least once
            began = time.time()
            parent.stdin.write("go\n")
            parent.stdin.flush()
            assert parent.stdout.readline() == "ended\n"
            ended = time.time()
            time.sleep(0.5)  # and once more, after the end
        parent.stdin.close()

    used = processes.used(began - 0.1, ended + 0.3)
    assert 0.3 <= used["worker"] < 30
    assert used["gateway"] == used["run"] == 0
    assert processes.used(began - 0.1, began - 0.05)["worker"] < 0.1


def test_statements_of_the_ledger_count_and_those_of_others_do_not(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_text(
        "2026-11-29 13:20:53.125 UTC [7] cct_ops LOG:  statement: BEGIN\n"
        "2026-11-29 13:20:53.250 UTC [7] cct_ops LOG:  execute <unnamed>: select 1\n"
        "\tfrom permits\n"
        "2026-11-29 13:20:53.300 UTC [8] prefect LOG:  execute __asyncpg_1: select 2\n"
        "2026-11-29 13:20:53.400 UTC [7] cct_ops ERROR:  no such table\n"
    )

    first, second = way.statements(log)

    assert second - first == 0.125


def test_what_the_parts_do_anyway_is_taken_off_and_time_is_a_median() -> None:
    second = {"seconds": 1.0, "statements": 4.0, "requests to CCT": 9.0}
    measured = [
        {"seconds": seconds, "statements": 10.0, "requests to CCT": 1.0}
        for seconds in (0.5, 0.5, 2.0)
    ]

    assert way.beyond_idleness(measured, second) == {
        "seconds": 0.5,
        "statements": 6.0,
        "requests to CCT": 0.0,
    }


def test_the_table_can_have_each_number_from_before_beside_it() -> None:
    stages = (*way.STAGES, *way.GOALS, "rest")
    now = {stage: {"seconds": 0.25, "statements": 3.0, "requests": 1.25} for stage in stages}
    before = {stage: {"seconds": 0.5, "statements": 7.0, "requests": 9.0} for stage in stages}

    table = way.table(now, before)

    assert "| stage | seconds | statements | requests |" in table
    assert "| the first look | 0.500 → 0.250 | 7 → 3 | 9.0 → 1.2 |" in table

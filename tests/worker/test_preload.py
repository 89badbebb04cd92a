"""Forked processes have all that runs import, but what only few of them need."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

LOADED = """
import sys
from pathlib import Path
from cct_ops.worker.preload import preload
flows = preload(Path.cwd())
assert "flows/incident_report.py:incident_report" in flows
print(sorted({"pandas", "great_expectations", "pyarrow", "numpy"} & sys.modules.keys()))
print("cct_ops.record.report.facts" in sys.modules)
"""


def test_the_libraries_of_tables_are_left_to_the_runs_that_make_some() -> None:
    """What is ours is there, and brings none of them along."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert done.stdout.splitlines()[-2:] == ["[]", "True"]

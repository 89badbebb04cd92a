"""The suite's own rules with many more examples than `make test` has the time for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from xml.etree import ElementTree

from evaluation.soak.load import Tally
from evaluation.soak.parts import ROOT, Ledger
from evaluation.soak.report import Row

# The variable with the number of examples for each test.
VARIABLE = "SOAK"

CASES = {
    "fuzz": 5_000,  # requests that Schemathesis makes up
    "forgeries": 10_000,  # proofs with one bit the other way round
    "forgeries at the door": 2_000,  # the same, sent to a gateway
    "episodes": 1_000,  # stories of fifty steps each
    "controller kills": 50,  # between the run and its row
}
FILES = (
    "tests/gateway/test_fuzz.py",
    "tests/gateway/test_authentication.py",
    "tests/gateway/test_forgeries.py",
    "tests/ledger/test_episode_machine.py",
    "tests/controller/test_failures.py",
)
PATIENCE_SECONDS = 900


def cases(name: str, short: int) -> int:
    """Return how many examples a test tries: a few in the suite, many in the soak."""
    counts: dict[str, int] = json.loads(os.environ.get(VARIABLE, "{}"))
    return counts.get(name, short)


def check(made: Ledger, *, share: float) -> Row:
    """Run these tests; one that fails counts as lost, and prints what it found."""
    counts = {name: max(1, int(count * share)) for name, count in CASES.items()}
    report = made.folder / "report.xml"
    options = ["-q", "--timeout", str(PATIENCE_SECONDS), f"--junitxml={report}"]
    done = subprocess.run(  # noqa: S603 -- our own tests
        [sys.executable, "-m", "pytest", *options, *FILES],
        cwd=ROOT,
        env=os.environ | {VARIABLE: json.dumps(counts)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout[-6000:])  # noqa: T201 -- what a person needs to see now
    suite = ElementTree.parse(report).getroot()[0]  # noqa: S314 -- pytest wrote it
    failed = int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
    sent = sum(counts.values())
    return Row.of(
        "rules",
        Tally(sent=sent, accepted=sent if done.returncode == 0 else 0),
        runs=0,
        lost=failed if done.returncode in {0, 1} else max(failed, 1),
        doubled=0,
        note=", ".join(f"{count:,} {name}" for name, count in counts.items()),
    )

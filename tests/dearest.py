"""A pytest plugin: at its end each run names the fixtures and the tests that took longest."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from xdist.workermanage import WorkerController

MOST = 10
LEAST_SECONDS = 0.1
SENT = "fixtures"  # as what a worker of xdist sends its own to the controller


@dataclass(eq=False)  # plugins are kept in sets
class Dearest:
    """The seconds of each fixture's set-ups without those that it asks for, and of each test."""

    fixtures: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    tests: dict[str, float] = field(default_factory=dict)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
        """Time it."""
        began = time.monotonic()
        try:
            return (yield)
        finally:
            name = f"{fixturedef.argname} ({fixturedef.baseid or 'pytest'})"
            self.fixtures[name].append(time.monotonic() - began)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test took itself, on whatever worker."""
        if report.when == "call":
            self.tests[report.nodeid] = report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send a worker's to the controller."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[SENT] = dict(self.fixtures)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """Take a worker's in; one that crashed has sent none."""
        for name, seconds in getattr(node, "workeroutput", {}).get(SENT, {}).items():
            self.fixtures[name] += seconds

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name them."""
        costs = [(sum(each), len(each), name) for name, each in self.fixtures.items()]
        tests = [(seconds, 1, name) for name, seconds in self.tests.items()]
        for kind, found in (("set-ups of fixtures", costs), ("tests", tests)):
            terminalreporter.write_sep("-", f"dearest {kind}")
            for seconds, times, name in sorted(found, reverse=True)[:MOST]:
                if seconds >= LEAST_SECONDS:
                    often = f"{times} x" if times > 1 else ""
                    terminalreporter.write_line(f"{seconds:7.1f} s {often:>7} {name}")

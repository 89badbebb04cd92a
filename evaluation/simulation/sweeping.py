"""The controller's sweeps of runs, as they are, at a slow pace: they carry what died onwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from cct_ops.clients.server import Server
from cct_ops.controller import approvals, changes
from cct_ops.controller.crashed_runs import Reaper
from cct_ops.people.notifier import Notifier
from cct_ops.settings import Settings
from evaluation.simulation.scheduler import Activity

# The controller itself takes a turn every few seconds; what holds at this pace holds at that.
EVERY = timedelta(minutes=5)
START_SECONDS = 300.0


@dataclass(frozen=True)
class Sweeping:
    """Takes a turn of all sweeps; ``of_changes`` False leaves out the one of temporary changes."""

    engine: sa.Engine
    settings: Settings
    notifier: Notifier
    server: Server
    of_changes: bool = True

    def activity(self) -> Activity:
        """Take one turn after another."""
        reaper = Reaper(
            self.engine, self.notifier, self.settings.policy_path, START_SECONDS, server=self.server
        )
        sweeps: list[Callable[[], object]] = [self.news, reaper]
        if self.of_changes:
            sweeps.append(self._sweep_changes)
        while True:
            for sweep in sweeps:
                sweep()
            yield EVERY

    def news(self) -> None:
        """Do what the controller does at once when somebody answered."""
        approvals.sweep(self.engine, server=self.server)

    def _sweep_changes(self) -> None:
        changes.sweep(self.engine, self.settings, self.notifier, server=self.server)

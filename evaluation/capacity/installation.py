"""Installations and days that the model is asked about, with the settings that the code has."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from cct_ops.controller.__main__ import RUNS_AT_ONCE
from cct_ops.gateway.writer import BATCH_DELIVERIES, LINE_DELIVERIES
from cct_ops.ledger.gate.pacing import WINDOW_SECONDS
from cct_ops.ledger.intake.grouping import GroupingLimits
from cct_ops.models.cct import Route
from cct_ops.settings import Settings
from cct_ops.worker.admission import STARTS_AT_ONCE

ROOT = Path(__file__).parents[2]
PLAYBOOK = "auto-rollback"


def _default(name: str) -> float:
    return float(Settings.model_fields[name].default)


def _at_once() -> int:
    """Return the tag of the playbook in prefect.yaml: so many of its runs go on at once."""
    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    (tags,) = [each["tags"] for each in entries if each["name"] == PLAYBOOK]
    (tag,) = [each for each in tags if each.startswith("at most ")]
    return int(tag.split()[2])


def _grouping() -> GroupingLimits:
    routes = yaml.safe_load((ROOT / "deployments" / "routes.yaml").read_text())
    return GroupingLimits.model_validate(routes["grouping"])


@dataclass(frozen=True)
class Limits:
    """What people set; by default as it is shipped."""

    batch: int = BATCH_DELIVERIES
    line: int = LINE_DELIVERIES
    rows_at_once: int = RUNS_AT_ONCE
    starts_at_once: int = STARTS_AT_ONCE
    runs_at_once: int = field(default_factory=_at_once)
    grouping: GroupingLimits = field(default_factory=_grouping)
    requests_per_minute: int = int(_default("requests_per_minute"))
    kept_for_writes: int = int(_default("requests_kept_for_writes"))
    window_seconds: float = WINDOW_SECONDS
    watch_seconds: float = _default("watch_seconds")
    lock_seconds: float = _default("lock_wait_seconds")
    targets: int = len(Route)
    message_seconds: float = 1.0
    """Between two messages to one channel: Slack takes one a second."""
    database_connections: int = 100
    """PostgreSQL's own default."""


@dataclass(frozen=True)
class Installation:
    """So many of each part. With ``shared_cores`` all of them share those of one machine."""

    name: str
    gateways: int = 1
    controllers: int = 1
    apis: int = 1
    services: int = 1
    workers: int = 1
    standby: bool = False
    shared_cores: float | None = None
    worker_cores: int = 2
    database_cores: int = 4
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Day:
    """
    What comes in on a day.

    ``new`` is the share of alerts that open an incident, ``run`` the share that starts a run, and
    ``repair`` the share of runs that change something and watch it.
    """

    alerts: float = 1e6
    per_delivery: int = 5
    new: float = 0.05
    run: float = 0.01
    repair: float = 0.02
    peak: float = 10.0
    """How many times the mean comes in the busiest hour."""

    @property
    def opening(self) -> float:
        """The share of deliveries that open any incident."""
        return 1 - float((1 - self.new) ** self.per_delivery)

    @property
    def mean(self) -> float:
        """Alerts a second, over the day."""
        return self.alerts / 86400

    @property
    def busiest(self) -> float:
        """Alerts a second in the busiest hour."""
        return self.mean * self.peak

    @property
    def calm(self) -> float:
        """Alerts a second in the other 23 hours."""
        return self.mean * (24 - self.peak) / 23


ONE_MACHINE = Installation("one machine, 2 cores", shared_cores=2.0)
SEVERAL = Installation(
    "several machines, 100 workers",
    gateways=2,
    controllers=2,
    apis=2,
    services=2,
    workers=100,
    standby=True,
)

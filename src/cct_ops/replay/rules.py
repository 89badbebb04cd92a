"""What decides what becomes of an alert: sources, routes and policy, as files have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cct_ops.config import policy, yaml_files
from cct_ops.config.policy import Policy
from cct_ops.config.sources import Source, Sources
from cct_ops.controller.routes import Routes, read_routes
from cct_ops.controller.wanted_runs import watchdogs


@dataclass(frozen=True)
class RuleFiles:
    """Where the three files are."""

    sources: Path
    routes: Path
    policy: Path


@dataclass(frozen=True)
class Ruleset:
    """What stands in them."""

    sources: Mapping[str, Source]
    routes: Routes
    policy: Policy

    @property
    def watchdogs(self) -> Mapping[str, str]:
        """The name of each sender's alert that always fires."""
        return watchdogs(self.sources)


def read_rules(files: RuleFiles) -> Ruleset:
    """Read the files as gateway, controller and gate do; raises ``BadConfiguration``."""
    return Ruleset(
        sources=yaml_files.load(files.sources, Sources).sources,
        routes=read_routes(files.routes),
        policy=policy.read(files.policy),
    )

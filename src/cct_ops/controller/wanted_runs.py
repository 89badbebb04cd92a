"""The run that a rule wants for an incident, and the incidents that one run can speak for: pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cct_ops.config.sources import AlertmanagerSource, Source
from cct_ops.controller.parameters import Unfit, convert
from cct_ops.controller.routes import Routes, Rule
from cct_ops.models.run import Mode


@dataclass(frozen=True)
class WantedRun:
    """A run that a rule asks for, with the labels that its parameters are taken from."""

    rule: Rule
    playbook: str
    mode: Mode
    labels: Mapping[str, str]

    def parameters(self) -> dict[str, str | int]:
        """Return the parameters; raises ``Unfit`` for the first that cannot be had."""
        return convert(self.rule.parameters, self.labels)


def wanted_run(rule: Rule, labels: Mapping[str, str], *, in_burst: bool) -> WantedRun | None:
    """Return the run that the rule wants, in a burst one that only looks; None: people decide."""
    if rule.playbook is None or rule.mode is None:
        return None
    return WantedRun(rule, rule.playbook, Mode.OBSERVE if in_burst else rule.mode, labels)


def watchdogs(sources: Mapping[str, Source]) -> dict[str, str]:
    """Return the name of each sender's alert that always fires."""
    return {
        name: source.watchdog.alertname
        for name, source in sources.items()
        if isinstance(source, AlertmanagerSource) and source.watchdog is not None
    }


def is_watchdog(watchdogs: Mapping[str, str], source: str, labels: Mapping[str, str]) -> bool:
    """Return whether the alert fires to show that its sender is there."""
    return watchdogs.get(source) == labels.get("alertname", "")


def group_of(routes: Routes, source: str, labels: Mapping[str, str]) -> str:
    """Name the incidents that one run can speak for: of one source, rule and parameters."""
    rule = routes.rule_for(source, labels)
    try:
        parameters = json.dumps(convert(rule.parameters, labels), sort_keys=True)
    except Unfit:
        parameters = "unfit"
    return f"{source}/{rule.name}/{parameters}."

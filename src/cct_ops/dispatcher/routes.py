"""Which playbook an incident gets: the shape of deployments/routes.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from cct_ops import config_file
from cct_ops.dispatcher.matchers import Matchers
from cct_ops.dispatcher.parameters import Parameter
from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen
from cct_ops.models.mode import Mode
from cct_ops.models.storm import StormLimits

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]

# The dispatcher itself gives these to every run.
_GIVEN = frozenset({"mode"})


class Rule(Frozen):
    """What is done about the incidents that fulfil all matchers: a playbook, or telling people."""

    name: Name
    match: tuple[Matchers, ...] = ()
    notify: Literal[True] | None = None
    playbook: Name | None = None
    mode: Mode | None = None
    parameters: dict[str, Parameter] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_purpose(self) -> Self:
        if self.notify and (self.playbook or self.mode or self.parameters):
            raise ValueError("a rule either starts a playbook or has notify: true, not both")
        if not self.notify and (self.playbook is None or self.mode is None):
            raise ValueError("a rule needs playbook: and mode:, or else notify: true")
        if taken := _GIVEN & self.parameters.keys():
            raise ValueError(f"{', '.join(sorted(taken))} is given to every run already")
        return self

    def matches(self, source: str, labels: Mapping[str, str]) -> bool:
        """Tell whether all matchers hold; ``source`` is our name of the sender, no label."""
        facts = {**labels, "source": source}
        return all(entry.matches(facts) for entry in self.match)


class Routes(Frozen):
    """The rules in order: the first that matches decides, and the last one matches everything."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    storm: StormLimits = StormLimits()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        *others, last = self.rules
        if last.match or not last.notify:
            raise ValueError("the last rule must have no match: and notify: true")
        for rule in others:
            if not any(entry.matchers for entry in rule.match):
                raise ValueError(f"{rule.name} matches everything, so no rule after it ever counts")
        names = [rule.name for rule in self.rules]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two rules are called {', '.join(repeated)}")
        return self

    def rule_for(self, source: str, labels: Mapping[str, str]) -> Rule:
        """Return the first rule that matches."""
        return next(rule for rule in self.rules if rule.matches(source, labels))


class _Deployment(BaseModel):
    name: str


class _Registry(BaseModel):
    """The part of prefect.yaml that routes depend on."""

    deployments: list[_Deployment]


def read_routes(path: Path) -> Routes:
    """Read the rules, and check their playbooks where prefect.yaml is at its place beside them."""
    routes = config_file.load(path, Routes)
    registry = path.resolve().parent.parent / "prefect.yaml"
    if registry.is_file():
        known = {each.name for each in config_file.load(registry, _Registry).deployments}
        for index, rule in enumerate(routes.rules):
            if rule.playbook is not None and rule.playbook not in known:
                raise BadConfiguration(
                    f"{config_file.place(path, 'rules', index, 'playbook')}: there is no playbook"
                    f" {rule.playbook} in {registry.name}; known are {', '.join(sorted(known))}."
                )
    return routes

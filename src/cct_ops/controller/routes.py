"""Which playbook an incident gets: the shape of deployments/routes.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from cct_ops.config import yaml_files
from cct_ops.config.versions import Versioned
from cct_ops.controller import playbooks
from cct_ops.controller.parameters import IntegerParameter, Parameter
from cct_ops.controller.playbooks import Deployment
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.intake.grouping import GroupingLimits
from cct_ops.models.base import Frozen
from cct_ops.models.matchers import Matchers
from cct_ops.models.run import Mode

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]

# The controller itself gives these to every run.
_GIVEN = frozenset({"mode"})


class Rule(Frozen):
    """The reaction to incidents that fulfil all matchers: a playbook, or a notice to people."""

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
        """Return whether all matchers hold; ``source`` is our name of the sender, no label."""
        facts = {**labels, "source": source}
        return all(entry.matches(facts) for entry in self.match)


class Routes(Versioned):
    """The rules in order: the first that matches decides, and the last one matches everything."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    grouping: GroupingLimits = GroupingLimits()

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


def read_routes(path: Path) -> Routes:
    """
    Read the rules, and check what they start where prefect.yaml is at its place beside them.

    There is each playbook, it has each parameter, is given those that it needs, and takes the
    values that stand in the file.
    """
    routes = yaml_files.load(path, Routes)
    registry = playbooks.beside(path)
    if registry is not None:
        known = playbooks.read(registry)
        for index, rule in enumerate(routes.rules):
            if rule.playbook is None:
                continue
            if rule.playbook not in known:
                place = yaml_files.place(path, "rules", index, "playbook")
                raise playbooks.unknown(place, rule.playbook, known)
            _check(path, index, rule, registry.parent, known[rule.playbook])
    return routes


def _values(parameter: Parameter) -> Iterator[tuple[str | int, str]]:
    """Yield each value that is known to come from it, and what it is called."""
    if parameter.constant is not None:
        yield parameter.constant, "this value for {}"
    elif isinstance(parameter, IntegerParameter):
        for bound, word in ((parameter.minimum, "minimum"), (parameter.maximum, "maximum")):
            if bound is not None:
                yield bound, f"{bound} for {{}}, which {word}: lets in"


def _check(path: Path, index: int, rule: Rule, root: Path, deployment: Deployment) -> None:
    """Raise ``BadConfiguration`` for parameters with which Prefect would refuse each run."""
    takes = playbooks.signature(root, deployment)
    if takes is None:
        return
    where = ("rules", index, "parameters")
    for name, parameter in rule.parameters.items():
        place = yaml_files.place(path, *where, name)
        if name not in takes.names:
            others = sorted(set(takes.names) - _GIVEN)
            raise BadConfiguration(
                f"{place}: {rule.playbook} has no parameter of this name; it has"
                f" {', '.join(others) or 'none'}."
            )
        for value, which in _values(parameter):
            if refusal := playbooks.refusal(root, deployment, name, value):
                raise BadConfiguration(
                    f"{place}: {rule.playbook} does not take {which.format(name)}; it takes"
                    f" {refusal}."
                )
        takes_text = parameter.constant is None and not isinstance(parameter, IntegerParameter)
        if takes_text and (refusal := playbooks.refusal_of_text(root, deployment, name)):
            raise BadConfiguration(
                f"{place}: {rule.playbook} takes no text for {name}; it takes {refusal}."
            )
    if missing := sorted(takes.required - rule.parameters.keys() - _GIVEN):
        raise BadConfiguration(
            f"{yaml_files.place(path, 'rules', index)}: {rule.playbook} needs"
            f" {', '.join(missing)}: give it under parameters: by a label: or a value:."
        )

"""A runbook against the reviewed mapping that says who does it; the mapping against reality."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from cct_ops.config import yaml_files
from cct_ops.coverage.runbook import Item
from cct_ops.models.base import Frozen

ALIKE = 0.6
"""From here on two texts count as one that was changed."""


class Entry(Frozen):
    """
    One item of the runbook and who does it: exactly one of the four.

    ``automated`` and ``gated`` name a playbook, ``command`` a command of cct-ops, and ``human`` is
    the reason why a person does it. ``task`` is the function that does it. An entry that is
    ``planned`` claims nothing yet.
    """

    text: str = Field(min_length=1)
    automated: str | None = None
    gated: str | None = None
    command: str | None = None
    human: str | None = Field(None, min_length=10)
    task: str | None = None
    planned: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_of_four(self) -> Self:
        given = [self.automated, self.gated, self.command, self.human]
        if sum(each is not None for each in given) != 1:
            raise ValueError("say one of automated:, gated:, command: or human:")
        if self.human and (self.task or self.planned):
            raise ValueError("what a human does has no task: and is not planned:")
        return self

    @property
    def playbook(self) -> str | None:
        """The playbook that does it, if one does."""
        return self.automated or self.gated


class Mapping(Frozen):
    """The entries by the runbook's sections; what a section repeats needs one entry only."""

    sections: dict[str, tuple[Entry, ...]] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for section, entries in self.sections.items():
            texts = [" ".join(entry.text.split()) for entry in entries]
            if twice := sorted({text for text in texts if texts.count(text) > 1}):
                raise ValueError(f"{section}: mapped twice: {twice[0]}")
        return self


class Status(StrEnum):
    """The parts that do an item, or why they cannot be named."""

    AUTOMATED = "automated"
    GATED = "gated"
    HUMAN = "human"
    PLANNED = "planned"
    UNMAPPED = "unmapped"
    CHANGED = "changed"
    GONE = "gone"
    BROKEN = "broken"

    @property
    def done(self) -> bool:
        """True if the item is taken care of."""
        return self in {Status.AUTOMATED, Status.GATED, Status.HUMAN}


class MappedItem(Frozen):
    """One item with its status; ``line`` is 0 for what is mapped and no longer in the runbook."""

    section: str
    kind: str
    text: str
    line: int
    status: Status
    by: str
    note: str = ""


class Offer(Frozen):
    """The parts that exist: playbooks by deployment, tasks, commands of cct-ops."""

    playbooks: frozenset[str]
    functions: frozenset[str]
    commands: frozenset[str]


class _Deployment(BaseModel):
    name: str


class _Registry(BaseModel):
    deployments: list[_Deployment]


def offer(project: Path, commands: frozenset[str]) -> Offer:
    """Read what the project offers, without importing any of it."""
    registry = yaml_files.load(project / "prefect.yaml", _Registry)
    functions: set[str] = set()
    for path in (project / "tasks").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                functions.add(node.name)
            elif isinstance(node, ast.Assign):  # a task that is made of its action
                functions |= {name.id for name in node.targets if isinstance(name, ast.Name)}
    return Offer(
        playbooks=frozenset(each.name for each in registry.deployments),
        functions=frozenset(functions),
        commands=commands,
    )


def check(items: Sequence[Item], mapping: Mapping, there_is: Offer) -> tuple[MappedItem, ...]:
    """Judge each item by its entry, and name each entry that fits no item."""
    entries = {
        (section, " ".join(entry.text.split())): entry
        for section, listed in mapping.sections.items()
        for entry in listed
    }
    wanted = {(item.section, item.text) for item in items}
    left = {key: entry for key, entry in entries.items() if key not in wanted}

    mapped = []
    for item in items:
        entry = entries.get((item.section, item.text))
        if entry is not None:
            mapped.append(_found(item, *_judge(entry, there_is)))
            continue
        before = _closest(item, [text for section, text in left if section == item.section])
        if before is None:
            mapped.append(_found(item, Status.UNMAPPED, "", "Add it to the mapping."))
        else:
            del left[item.section, before]
            mapped.append(_found(item, Status.CHANGED, "", f"It was: {before}"))
    mapped += [
        MappedItem(
            section=section,
            kind="",
            text=text,
            line=0,
            status=Status.GONE,
            by="",
            note="It is mapped and not in the runbook.",
        )
        for section, text in left
    ]
    return tuple(mapped)


def _judge(entry: Entry, there_is: Offer) -> tuple[Status, str, str]:
    """Return the status of a mapped item, who does it, and what is to be said about that."""
    if entry.human is not None:
        return Status.HUMAN, "a person", entry.human
    by = entry.playbook or f"cct-ops {entry.command}"
    exists = entry.playbook in there_is.playbooks or entry.command in there_is.commands
    if entry.planned:
        note = "There is such a playbook now: review this entry." if exists else "Not there yet."
        return Status.PLANNED, by, note
    if not exists:
        return Status.BROKEN, by, "It does not exist."
    if entry.task is not None and entry.task not in there_is.functions:
        return Status.BROKEN, by, f"No function {entry.task} is in tasks."
    status = Status.GATED if entry.gated else Status.AUTOMATED
    return status, f"{by}: {entry.task}" if entry.task else by, ""


def _found(item: Item, status: Status, by: str, note: str) -> MappedItem:
    return MappedItem(**item.model_dump(mode="json"), status=status, by=by, note=note)


def _closest(item: Item, texts: Sequence[str]) -> str | None:
    scored = [(SequenceMatcher(None, text, item.text).ratio(), text) for text in texts]
    best = max(scored, default=(0.0, ""))
    return best[1] if best[0] >= ALIKE else None

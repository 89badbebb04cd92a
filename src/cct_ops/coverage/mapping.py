"""The reviewed file that says, for each item of a runbook, who or what does it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from cct_ops.models.base import Frozen


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

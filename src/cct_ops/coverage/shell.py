"""Splits a block of shell commands into what it asks a person to do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from enum import StrEnum
from typing import Self

from cct_ops.models.base import Frozen


class Kind(StrEnum):
    """The kind of an item; an instruction is a comment in a code block that no command follows."""

    COMMAND = "command"
    INSTRUCTION = "instruction"
    OPTION = "option"
    CHECKBOX = "checkbox"
    POINT = "point"
    CODE = "code"
    ROW = "row"
    HTML = "html"


class Item(Frozen):
    """One thing that the runbook asks for; ``text`` is on one line whatever it is there."""

    kind: Kind
    section: str
    text: str
    line: int

    @classmethod
    def of(cls, kind: Kind, section: str, text: str, line: int) -> Self:
        """Make it from text of any number of lines."""
        return cls(kind=kind, section=section, text=" ".join(text.split()), line=line)


def commands(section: str, lines: list[tuple[int, str]]) -> Iterator[Item]:
    """Yield the commands of one code block, and the comments that stand for themselves."""
    comments: list[str] = []
    command: list[str] = []
    began = 0
    for number, line in lines:
        bare = line.strip()
        if command:
            command.append(line)
        elif bare.startswith("#"):
            began = began if comments else number
            comments.append(bare.lstrip("# "))
            continue
        elif bare:
            began, command, comments = number, [line], []
        elif comments:
            yield Item.of(Kind.INSTRUCTION, section, " / ".join(comments), began)
            comments = []
        if command and _complete(command):
            yield Item.of(Kind.COMMAND, section, _joined(command), began)
            command = []
    if command:
        yield Item.of(Kind.COMMAND, section, _joined(command), began)
    if comments:
        yield Item.of(Kind.INSTRUCTION, section, " / ".join(comments), began)


def _complete(lines: list[str]) -> bool:
    """Say whether a command ends here: no line goes on, no quote is open, no loop is unfinished."""
    if lines[-1].rstrip().endswith("\\"):
        return False
    try:
        words = shlex.split("\n".join(lines).replace("\\\n", " "))
    except ValueError:
        return False
    opened = bool(words) and words[0] in {"for", "while", "until"}
    return not opened or any(word.rstrip(";") == "done" for word in words)


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).replace("\\\n", " ")

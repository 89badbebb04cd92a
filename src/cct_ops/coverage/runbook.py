"""A runbook in Markdown as the list of everything that it asks somebody to do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen

_SECTION = re.compile(r"^## +(.+?) *#*$")
_OPTION = re.compile(r"^\*\*(Option .+?)\*\*$")
_CHECKBOX = re.compile(r"^[-*] \[[ xX]\] +(.+)$")
_NUMBERED = re.compile(r"^\d+\. \*\*(.+?)\*\*(?::.*)?$")
_FENCE = re.compile(r"^ *(```+|~~~+) *(\w*) *$")
_SHELLS = frozenset({"", "bash", "sh", "shell", "console", "zsh"})


class Kind(StrEnum):
    """What an item is; an instruction is a comment in a code block that no command follows."""

    COMMAND = "command"
    INSTRUCTION = "instruction"
    OPTION = "option"
    CHECKBOX = "checkbox"
    POINT = "point"


class Item(Frozen):
    """One thing that the runbook asks for; ``text`` is on one line whatever it is there."""

    kind: Kind
    section: str
    text: str
    line: int


def read(path: Path) -> tuple[Item, ...]:
    """Return the items in their order; raises ``BadConfiguration`` if there are none."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path}: is not UTF-8 text, from byte {error.start} on.") from error
    items = tuple(_items(text))
    if not items:
        raise BadConfiguration(f"{path}: holds no command, option or checkbox: is it a runbook?")
    return items


def _items(text: str) -> Iterator[Item]:
    section, fence, shell = "", "", False
    block: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2]:
                yield from _block(section, block) if shell else ()
                fence, block = "", []
            else:
                block.append((number, line))
        elif mark:
            fence, shell = mark[1], mark[2].lower() in _SHELLS
        elif found := _SECTION.match(line):
            section = found[1]
        else:
            for kind, pattern in _LINES.items():
                if found := pattern.match(line.strip()):
                    yield _item(kind, section, found[1], number)
    if fence and shell:
        yield from _block(section, block)


_LINES = {Kind.OPTION: _OPTION, Kind.CHECKBOX: _CHECKBOX, Kind.POINT: _NUMBERED}


def _block(section: str, lines: list[tuple[int, str]]) -> Iterator[Item]:
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
            yield _item(Kind.INSTRUCTION, section, " / ".join(comments), began)
            comments = []
        if command and _complete(command):
            yield _item(Kind.COMMAND, section, _joined(command), began)
            command = []
    if command:
        yield _item(Kind.COMMAND, section, _joined(command), began)
    if comments:
        yield _item(Kind.INSTRUCTION, section, " / ".join(comments), began)


def _complete(lines: list[str]) -> bool:
    """Say whether a command ends here: no line goes on, no quote is open, no loop is unfinished."""
    if lines[-1].rstrip().endswith("\\"):
        return False
    try:
        words = shlex.split("\n".join(lines).replace("\\\n", " "))
    except ValueError:
        return False
    opened = words[0] in {"for", "while", "until"}
    return not opened or any(word.rstrip(";") == "done" for word in words)


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).replace("\\\n", " ")


def _item(kind: Kind, section: str, text: str, line: int) -> Item:
    return Item(kind=kind, section=section, text=" ".join(text.split()), line=line)

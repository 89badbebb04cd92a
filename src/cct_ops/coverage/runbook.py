"""
A runbook in Markdown as the list of everything that it asks somebody to do.

It is read as CommonMark with tables, in which the same step can be written in many ways. Whatever
could be an instruction is an item, each command of a block of shell among them; only sentences and
plain bullets are not.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Self

from markdown_it import MarkdownIt
from markdown_it.token import Token

from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen

_CHECKBOX = re.compile(r"\[[ xX]\]\s+(.+)", re.DOTALL)
_OPTION = re.compile(r"Option\s+\S")
_STEP = re.compile(r"(?:\d+|[A-Za-z])[.)]\s+\S|Step\s+\w{1,3}\b")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_TELLING_TAG = re.compile(r"<(code|input|kbd|li|pre|samp|tt)\b", re.IGNORECASE)
_FENCE = re.compile(r"\s*(```+|~~~+)")

_SHELLS = frozenset(
    {"", "bash", "console", "ksh", "sh", "sh-session", "shell", "shell-session", "zsh"}
)
_DATA = frozenset({"json"})


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


def read(path: Path) -> tuple[Item, ...]:
    """Return the items in their order; raises ``BadConfiguration`` if there are none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path}: is not UTF-8 text, from byte {error.start} on.") from error
    try:
        items = tuple(item for item in _Reading().items(text) if item.text)
    except RecursionError as error:
        raise BadConfiguration(f"{path}: is nested too deeply to be read.") from error
    if not items:
        raise BadConfiguration(f"{path}: holds no command, option or checkbox: is it a runbook?")
    return items


class _Reading:
    """Goes through the parts of one document, and remembers the section and the list it is in."""

    def __init__(self) -> None:
        self._section = ""
        self._lists: list[str] = []
        self._first_of_item = False

    def items(self, text: str) -> Iterator[Item]:
        """Yield what the document asks for."""
        # By default what is nested deeper than 20 levels would be left out without a word.
        parser = MarkdownIt("commonmark", {"maxNesting": 100_000}).enable("table")
        tokens = parser.parse(text)
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "tbody_open":
                end = _end(tokens, at)
                yield from self._rows(tokens[at:end])
                at = end
            else:
                before = tokens[at - 1] if at else None
                yield from self._part(token, before)
            at += 1

    def _part(self, token: Token, before: Token | None) -> Iterator[Item]:
        line = token.map[0] + 1 if token.map else 0
        match token.type:
            case "ordered_list_open" | "bullet_list_open":
                self._lists.append(token.type)
            case "ordered_list_close" | "bullet_list_close":
                self._lists.pop()
            case "list_item_open":
                self._first_of_item = True
            case "fence" | "code_block":
                yield from self._code(token, line + (token.type == "fence"))
            case "html_block":
                shown = _COMMENT.sub("", token.content)
                yield self._item(Kind.HTML, shown if _TAG.sub("", shown).strip() else "", line)
            case "inline" if before is not None and before.type == "heading_open":
                if before.tag == "h2" and before.level == 0:
                    self._section = token.content
                yield from self._titled(token, token.content, line)
            case "inline":
                first, self._first_of_item = self._first_of_item, False
                yield from self._sentence(token, line, self._lists[-1] if first else "")

    def _code(self, token: Token, line: int) -> Iterator[Item]:
        language = re.split(r"[\s,:{}.]+", token.info.strip("{ .").lower())[0]
        # A fence that is indented by a tab is indented code that holds a fence.
        lines = [
            (line + at, "" if token.type == "code_block" and _FENCE.match(each) else each)
            for at, each in enumerate(token.content.splitlines())
        ]
        if language in _SHELLS:
            yield from commands(self._section, lines)
        elif language not in _DATA:
            yield self._item(Kind.CODE, token.content, line)

    def _sentence(self, token: Token, line: int, listed: str) -> Iterator[Item]:
        """Yield what a paragraph, a bullet or a numbered step asks for."""
        children = token.children or []
        if listed and (box := _CHECKBOX.fullmatch(token.content)):
            yield self._item(Kind.CHECKBOX, box[1], line)
        elif listed == "ordered_list_open":
            title = _bold(children)
            if _only_contents(children):
                return
            yield self._item(Kind.POINT, token.content if title is None else title, line)
            if title is not None:
                yield from self._inline_code(children, line)
        else:
            title = _bold(children, alone=True)
            yield from self._titled(token, token.content if title is None else title, line)

    def _titled(self, token: Token, title: str, line: int) -> Iterator[Item]:
        """Yield an option or a step by its title, else the code within the words."""
        if _OPTION.match(title):
            yield self._item(Kind.OPTION, title, line)
        elif _STEP.match(title):
            yield self._item(Kind.POINT, title, line)
        else:
            yield from self._inline_code(token.children or [], line)

    def _inline_code(self, children: Sequence[Token], line: int) -> Iterator[Item]:
        if any(
            each.type == "html_inline" and _TELLING_TAG.match(each.content) for each in children
        ):
            yield self._item(Kind.HTML, "".join(each.content for each in children), line)
        for each in children:
            if each.type == "code_inline":
                yield self._item(Kind.CODE, each.content, line)

    def _rows(self, tokens: Sequence[Token]) -> Iterator[Item]:
        """Yield each row of a table's body as one item."""
        cells: list[str] = []
        line = 0
        for token in tokens:
            if token.type == "tr_open":
                cells, line = [], token.map[0] + 1 if token.map else 0
            elif token.type == "inline":
                cells.append(token.content)
            elif token.type == "tr_close":
                yield self._item(Kind.ROW, " | ".join(cells), line)

    def _item(self, kind: Kind, text: str, line: int) -> Item:
        return Item.of(kind, self._section, text, line)


def _end(tokens: Sequence[Token], at: int) -> int:
    """Return where the part ends that begins here."""
    closing = tokens[at].type.replace("_open", "_close")
    return next(
        n
        for n in range(at, len(tokens))
        if tokens[n].type == closing and tokens[n].level == tokens[at].level
    )


def _bold(children: Sequence[Token], *, alone: bool = False) -> str | None:
    """Return what stands in bold at the beginning, or None; ``alone``: nothing comes after it."""
    if not children:
        return None
    shown = [each for each in children if each.type != "text" or each.content.strip()]
    if not shown or shown[0].type != "strong_open":
        return None
    end = next((n for n, each in enumerate(shown) if each.type == "strong_close"), len(shown))
    if alone and end < len(shown) - 1:
        return None
    return "".join(each.content or " " * (each.type == "softbreak") for each in shown[1:end])


def _only_contents(children: Sequence[Token]) -> bool:
    """True if it is one link within the document, as in a table of contents."""
    marks = {"strong_open", "strong_close", "em_open", "em_close"}
    shown = [each for each in children if each.type not in marks]
    shown = [each for each in shown if each.type != "text" or each.content.strip()]
    return (
        bool(shown)
        and shown[0].type == "link_open"
        and str(shown[0].attrGet("href") or "").startswith("#")
        and shown[-1].type == "link_close"
    )

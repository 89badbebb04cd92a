"""
What the command line shows: text of others escaped, and nothing cut where a program reads it.

Names and words of senders, files and people come through ``visible``: a terminal carries out some
characters, and a CI system whatever looks like one of its commands.
"""

from __future__ import annotations

import json
import logging
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

# Controls, format characters (what turns the writing direction among them), lone surrogates,
# separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# A line that begins so is a command of GitHub's, Azure's or TeamCity's runners.
_COMMANDS = ("::", "##")
# Where no person looks, no line has to fit anywhere.
_ENDLESS = 1_000_000


def visible(text: object, limit: int | None = None) -> str:
    """Return text of others on one line, with whatever cannot be seen written as an escape."""
    seen = str(text)
    if not seen.isprintable():  # a whole text is asked at once: there can be 16 MiB of them
        seen = "".join(map(_escaped, seen))
    if limit is not None and len(seen) > limit:
        seen = seen[: limit - 1] + "…"
    return f"\\{seen}" if seen.lstrip().startswith(_COMMANDS) else seen


def say(*parts: str | tuple[str, str], stderr: bool = False) -> None:
    """Print one line; a part may be a pair of text and style."""
    plain = [part if isinstance(part, str) else part[0] for part in parts]
    styles = ["" if isinstance(part, str) else part[1] for part in parts]
    line = Text.assemble(*zip(map(visible, plain), styles, strict=True))
    console(stderr=stderr).print(line)


def say_json(content: object) -> None:
    """Print JSON piece by piece, in which whatever cannot be seen is an escape as well."""
    json.dump(content, sys.stdout, indent=2, default=_in_json)
    sys.stdout.write("\n")


def _in_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


class LogLine(logging.Formatter):
    """A line of a log, whose words may be those of a sender."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- its name
        """Write what cannot be seen as an escape."""
        record.message = visible(record.message)
        return super().formatMessage(record)


def log_as(part: str) -> None:
    """Let this process log to stderr, each line headed by the name of the part."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogLine(f"{part}: %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def console(*, stderr: bool = False) -> Console:
    """Return a console that breaks no line by itself and takes nothing for markup."""
    return Console(stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False)


@dataclass(frozen=True)
class Styled:
    """A value that stands out on a screen."""

    value: str
    style: str

    def __str__(self) -> str:
        return self.value


def columns(*names: str, **titles: str) -> dict[str, str]:
    """Return the titles of a listing's columns by their names in JSON, where they are not those."""
    return dict(zip(names, names, strict=True)) | titles


def show(
    titles: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    *,
    as_json: bool,
    limits: Mapping[str, int] | None = None,
    short: Mapping[str, str] | None = None,
    title: str | None = None,
    empty: str = "Nothing.",
) -> None:
    """
    Show a listing: as JSON, as a table that fits the screen, or as one that is cut nowhere.

    ``short`` has for whole ids what is enough to name them, and ``limits`` how much of a column is
    enough; only a person's screen shows those.
    """
    if as_json:
        say_json([_plain(row) for row in rows])
        return
    if not rows:
        say(empty)
        return
    by_person = sys.stdout.isatty()
    table = Table(title=title and visible(title))
    for heading in titles.values():
        table.add_column(heading, overflow="fold")
    shown, most = (short or {}, limits or {}) if by_person else ({}, {})
    for row in rows:
        table.add_row(*(_cell(row[name], most.get(name), shown) for name in titles))
    width = None if by_person else _ENDLESS
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)


def _cell(value: object, limit: int | None, short: Mapping[str, str]) -> Text:
    if value is None:
        return Text("")
    text = (
        f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)
    )
    style = value.style if isinstance(value, Styled) else ""
    if text in short:
        return Text(short[text], style, no_wrap=True)
    return Text(visible(text, limit), style)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.value if isinstance(value, Styled) else value for name, value in row.items()
    }


def _escaped(char: str) -> str:
    if unicodedata.category(char) not in _UNSEEN:
        return char
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")

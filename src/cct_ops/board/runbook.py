"""A playbook's runbook as a part of a page, where the documentation is beside the board."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it.token import Token

FOLDER = Path("docs/runbooks")
_NAME = re.compile(r"[a-z0-9-]{1,80}")
_LINKS = {"link_open", "link_close", "image"}  # they lead to files, and there is none here


def read(playbook: str) -> Markup | None:
    """Return its text; None where there is none."""
    if not _NAME.fullmatch(playbook):
        return None
    path = FOLDER / f"{playbook.replace('-', '_')}.md"
    return _rendered(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=32)
def _rendered(path: Path, _changed_ns: int) -> Markup:
    """Render it under a heading of the page; HTML in it is text."""
    from markdown_it import MarkdownIt  # needed here alone

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(path.read_text(encoding="utf-8"))
    if tokens and tokens[0].tag == "h1":
        del tokens[:3]  # the page has that heading
    tokens = _without_empty_heads(tokens)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1:]) + 1)}"
        token.children = [each for each in token.children or () if each.type not in _LINKS]
    return Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704 -- rendered with all HTML as text


def _without_empty_heads(tokens: list[Token]) -> list[Token]:
    """Leave out the heads of tables in which nothing stands: Markdown has no table without one."""
    kept: list[Token] = []
    head: list[Token] | None = None
    for token in tokens:
        if token.type == "thead_open":
            head = []
        if head is None:
            kept.append(token)
            continue
        head.append(token)
        if token.type == "thead_close":
            kept += head if any(each.content for each in head) else []
            head = None
    return kept

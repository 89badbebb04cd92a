"""The file that says what a builder of images does not get, read as Docker reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class IgnoreFile:
    """Patterns with whether they ignore; the last one that fits a path decides."""

    lines: tuple[tuple[re.Pattern[str], bool], ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read it."""
        texts = (line.strip() for line in path.read_text().splitlines())
        return cls(
            tuple(
                (_pattern(text.removeprefix("!")), not text.startswith("!"))
                for text in texts
                if text and not text.startswith("#")
            )
        )

    def has(self, path: str) -> bool:
        """Whether a path is kept from the builder."""
        ignored = False
        for pattern, ignores in self.lines:
            if pattern.fullmatch(path):
                ignored = ignores
        return ignored

    def beneath(self, context: Path) -> Callable[[str, list[str]], set[str]]:
        """Return what `shutil.copytree` asks for the names to leave out of a folder."""

        def left_out(folder: str, names: list[str]) -> set[str]:
            inside = Path(folder).relative_to(context)
            return {name for name in names if self.has(str(inside / name))}

        return left_out


def _pattern(text: str) -> re.Pattern[str]:
    """A path fits when it, or a folder above it, does."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    parts = re.split(r"(\*\*/|\*\*|\*)", text)
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts) + "(?:/.*)?")

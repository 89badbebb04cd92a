"""Parts of pages that are made from the code; ``python -m tests.generated_docs`` writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from cct_ops import settings
from tests.import_rules import ROOT, graph


class Part(NamedTuple):
    """One part of a page, between two comments that bear its name."""

    page: str
    name: str
    made: Callable[[], str]

    def written_into(self, text: str) -> str:
        """Return the page's text with this part as the code makes it."""
        start, end = f"<!-- {self.name} -->", f"<!-- /{self.name} -->"
        inside = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        return inside.sub(lambda _: f"{start}\n\n{self.made()}\n\n{end}", text)


PARTS = (
    Part("docs/settings.md", "settings", settings.table),
    Part("docs/architecture.md", "imports", lambda: f"```text\n{graph()}\n```"),
)

if __name__ == "__main__":
    for part in PARTS:
        page = ROOT / part.page
        page.write_text(part.written_into(page.read_text()))

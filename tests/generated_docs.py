"""Parts of pages that are made from the code; ``python -m tests.generated_docs`` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import mdformat
import yaml
from pydantic.fields import FieldInfo

from cct_ops.board.api import document, operations
from cct_ops.settings import Settings, variable_of
from evaluation.capacity import page as capacity
from tests.claims import page as claims
from tests.exposed import metrics_table
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


def variables() -> dict[str, FieldInfo]:
    """Return all settings by the environment variables that set them."""
    return {
        str(field.validation_alias or variable_of(name)): field
        for name, field in Settings.model_fields.items()
    }


def settings_table() -> str:
    """Return all settings as a table in Markdown."""
    lines = ["| Variable | Default | Meaning |", "| -- | -- | -- |"]
    for variable, field in variables().items():
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{variable}` | {default} | {field.description} |")
    return "\n".join(lines)


def alert_sections() -> str:
    """Return each alert about our own parts as a section in Markdown."""
    rules = yaml.safe_load((ROOT / "deployments" / "monitoring" / "alerts.yaml").read_text())
    sections = []
    for group in rules["groups"]:
        for rule in group["rules"]:
            lasting = f", for {rule['for']}" if "for" in rule else ""
            expression = " ".join(rule["expr"].split())
            sections += [
                f"### {rule['alert']}",
                f"{rule['labels']['severity']}: `{expression}`{lasting}",
                rule["annotations"]["description"],
            ]
    return mdformat.text("\n\n".join(sections), options={"wrap": 120}).strip()


def operations_table() -> str:
    """Return what the API has as a table in Markdown."""
    lines = ["| Request | What for | Role |", "| -- | -- | -- |"]
    lines += [
        f"| `{each.method.upper()} {each.path}` | {each.summary} | {each.needs} |"
        for each in operations.ALL
    ]
    return "\n".join(lines)


def description() -> str:
    """Return the description of the API as a file."""
    return f"{json.dumps(document.made(), indent=1)}\n"


PARTS = (
    Part("docs/settings.md", "settings", settings_table),
    *(
        Part("docs/monitoring.md", f"metrics of the {part}", partial(metrics_table, part))
        for part in ("gateway", "controller", "gate", "worker")
    ),
    Part("docs/monitoring.md", "alerts", alert_sections),
    Part("docs/architecture.md", "imports", lambda: f"```text\n{graph()}\n```"),
    Part("docs/api.md", "operations", operations_table),
    *(Part("docs/capacity.md", name, made) for name, made in capacity.PARTS_OF_PAGE.items()),
    Part("docs/claims.md", "claims", claims.counts),
    Part("docs/claims.md", "protections", claims.protections),
    Part("docs/claims.md", "matrix of claims", claims.matrix),
)
FILES = {"docs/openapi.json": description}
"""Those that are made as a whole."""

if __name__ == "__main__":
    for part in PARTS:
        page = ROOT / part.page
        page.write_text(part.written_into(page.read_text()))
    for name, made in FILES.items():
        (ROOT / name).write_text(made())

"""Documents in Markdown, rendered from templates; text from outside is escaped, never evaluated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from cct_ops.clients.text import one_line
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.ledger.record.account import RunRecord
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.run import Run
from cct_ops.reports import steps
from cct_ops.reports.links import board_page, incident_page
from cct_ops.reports.timeline import timeline

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")


def incident_report(
    run: Run,
    target: str,
    known: RunRecord,
    diagnosis: Diagnosis | None,
    *,
    run_url: str | None,
    dashboard_url: str | None,
    asked: Sequence[Approval] = (),
) -> str:
    """
    Render the report of one run.

    ``diagnosis`` is the last look; without one (the run failed) the gate's decisions speak.
    """
    last = known.decisions[-1] if known.decisions else None
    return render(
        "incident.md.j2",
        run=run,
        target=target,
        known=known,
        headline=diagnosis.headline if diagnosis else (last.headline if last else None),
        severity=diagnosis.severity if diagnosis else (last.severity if last else None),
        evidence=diagnosis.evidence if diagnosis else (last.evidence if last else ()),
        plan=last.plan if last else (diagnosis.plan if diagnosis else None),
        moments=timeline(known),
        run_url=run_url,
        dashboard_url=dashboard_url,
        board_url=incident_page(run.incident_id or run.id),
        asked=asked,
    )


def approval_form(approval: Approval) -> str:
    """Render what is shown above the form of a suspended run."""
    board_url = board_page(f"/approvals/{approval.id}")
    return render(
        "approval.md.j2",
        approval=approval,
        plan=approval.plan,
        steps=steps.shown(approval.plan),
        board_url=board_url,
    )


def artifact_key(playbook: str, target: str) -> str:
    """Return the key under which Prefect keeps the versions of one target's reports."""
    return re.sub(r"[^a-z0-9]+", "-", f"{playbook} {target}".lower()).strip("-")


def escape(text: object) -> str:
    """Make any text literal in Markdown: one line, no markup, no table or code to break out of."""
    return _SPECIAL.sub(r"\\\1", one_line(str(text)))


def code(text: object) -> str:
    """Show text as inline code, in a fence that nothing inside it can close."""
    line = one_line(str(text))
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


def lines(text: str) -> str:
    """Make text literal in Markdown, its lines kept also where it stands in a table."""
    return "<br>".join(escape(line) for line in text.splitlines())


def fenced(text: str) -> str:
    """Show text as a block of code, in a fence that nothing inside it can close."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"


@lru_cache(maxsize=1)
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cct_ops", "reports/templates"),
        finalize=lambda value: value if isinstance(value, Literal) else escape(value),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 -- Markdown: ``finalize`` escapes every expression
    )
    environment.filters["code"] = lambda value: Literal(code(value))
    environment.filters["lines"] = lambda value: Literal(lines(value))
    environment.filters["url"] = Literal
    return environment


def compile_templates() -> None:
    """Compile every template now; who forks after that spares each of its processes the same."""
    for name in _environment().list_templates(extensions=["j2"]):
        _environment().get_template(name)


class Literal(str):
    """Text that is already Markdown."""

    __slots__ = ()


def render(template: str, **values: Any) -> str:
    """Render one of our templates."""
    return str(_environment().get_template(template).render(**values))

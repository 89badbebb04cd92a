"""The page on which a person decides: plain HTML from a template, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import jinja2
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from cct_ops.config.approvers import Approver
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.reports import asking, manual, steps

NOTE_CHARACTERS = 1000


def page(
    approval: Approval,
    person: Approver,
    yes: Sequence[str] = (),
    *,
    now: datetime,
    said: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    """
    Show the plan and, while the request is open and nothing was ``said``, the two buttons.

    ``yes`` are the names of those who have approved so far, ``now`` is the ledger's time.
    """
    left = (approval.expires_at - now).total_seconds()
    pending = approval.state == "pending"
    return _answer(
        "approval.html.j2",
        status,
        approval=approval,
        steps=steps.shown(approval.plan),
        commands=manual.steps(approval.plan),
        person=person,
        said=said,
        is_open=pending and left > 0 and said is None,
        stands=_stands(approval, yes, left) if pending and left > 0 else asking.ended(approval),
        next_step=None if pending and left > 0 else next_step(approval),
        note_characters=NOTE_CHARACTERS,
    )


def next_step(approval: Approval) -> str | None:
    """Say what a person can do about a request that ended without a yes."""
    if approval.state == "approved":
        return None
    return (
        f"Nothing is done on it. What became of run {approval.run_id}:"
        f" {manual.about(approval.run_id, approval.incident_id)}. To be asked again, start"
        f" {approval.playbook} on {approval.target} anew."
    )


def _stands(approval: Approval, yes: Sequence[str], left: float) -> str:
    until = f"Open until {approval.expires_at:%H:%M:%S} UTC, about {round(left / 60)} min left"
    return f"{until}. {asking.so_far(approval, yes)}." if yes else f"{until}."


def notice(title: str, words: str, status: int) -> HTMLResponse:
    """Say one thing to whoever came without a usable link."""
    return _answer("notice.html.j2", status, title=title, words=words)


def _answer(template: str, status: int, **values: object) -> HTMLResponse:
    pages, headers = _prepared()
    return HTMLResponse(pages.get_template(template).render(**values), status, headers)


@lru_cache(maxsize=1)
def _prepared() -> tuple[jinja2.Environment, dict[str, str]]:
    """Return the templates and the headers; the one style is known to the browser by its hash."""
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("cct_ops", "gateway/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = pages.get_template("approval.css").render()
    pages.globals["style"] = Markup(style)  # noqa: S704 -- our own file
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    return pages, {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
        "Cross-Origin-Opener-Policy": "same-origin",
    }

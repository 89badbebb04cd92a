"""The page on which a person decides: plain HTML from a template, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import lru_cache

import jinja2
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from cct_ops.ledger.approvals import Approval
from cct_ops.models.approver import Approver
from cct_ops.reports import manual

NOTE_CHARACTERS = 1000


def page(
    approval: Approval, person: Approver, *, said: str | None = None, status: int = 200
) -> HTMLResponse:
    """Show the plan and, while the request is open and nothing was ``said``, the two buttons."""
    left = (approval.expires_at - datetime.now(UTC)).total_seconds()
    return _answer(
        "approval.html.j2",
        status,
        approval=approval,
        commands=manual.steps(approval.plan),
        person=person,
        said=said,
        minutes_left=max(0, round(left / 60)),
        is_open=approval.state == "pending" and left > 0 and said is None,
        note_characters=NOTE_CHARACTERS,
    )


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

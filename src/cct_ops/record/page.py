"""An account as one page, which opens offline: nothing of it comes from anywhere else."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import lru_cache

import jinja2
from markupsafe import Markup

from cct_ops.models.account import Account
from cct_ops.terminal import visible


def render(account: Account) -> str:
    """Return the page; what came from outside is text in it and nothing else."""
    return _pages().get_template("account.html.j2").render(account=account)


@lru_cache(maxsize=1)
def _pages() -> jinja2.Environment:
    """Return the templates; the one style and the one script are known by their digests."""
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("cct_ops", "record/templates"),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else visible(value),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"date": _date, "clock": _clock}
    style, script = (
        pages.get_template(name).render().strip() for name in ("account.css", "account.js")
    )
    pages.globals["style"] = Markup(style)  # noqa: S704 -- our own file
    pages.globals["script"] = Markup(script)  # noqa: S704 -- our own file
    pages.globals["policy"] = (
        f"default-src 'none'; style-src 'sha256-{_digest(style)}';"
        f" script-src 'sha256-{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )
    return pages


def _date(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).time().isoformat(timespec="milliseconds")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

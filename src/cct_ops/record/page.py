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
    return pages("account").get_template("account.html.j2").render(account=account)


@lru_cache
def pages(name: str, **styles: str) -> jinja2.Environment:
    """
    Return the templates; the one style, and the script if any, are known by their digests.

    ``styles`` are parts of ours that the style takes in, by their names.
    """
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("cct_ops", "record/templates"),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else visible(value),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"date": _date, "clock": _clock}
    policy = "default-src 'none'; base-uri 'none'; form-action 'none'"
    for kind, source in (("style", f"{name}.css"), ("script", f"{name}.js")):
        if source in found.list_templates():
            text = found.get_template(source).render(styles).strip()
            found.globals[kind] = Markup(text)  # noqa: S704 -- our own file
            policy += f"; {kind}-src 'sha256-{_digest(text)}'"
    found.globals["policy"] = policy
    return found


def _date(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).time().isoformat(timespec="milliseconds")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

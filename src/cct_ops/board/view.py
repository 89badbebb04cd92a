"""Pages as HTML: whatever comes from outside is text in them and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from uuid import uuid4

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from cct_ops.board import assets
from cct_ops.board.page import FillAgain, Page, Visitor, digest
from cct_ops.models.base import counted
from cct_ops.models.role import Role
from cct_ops.terminal import visible
from cct_ops.typed import typed

DONE = "cct-ops-done"  # the cookie that carries what was done to the next page, once
_SHOWN_DONE = 300
_STEPS = ((60, 1, "s"), (3600, 60, "min"), (48 * 3600, 3600, "h"), (float("inf"), 86400, "days"))


def show(
    page: Page,
    data: object,
    visitor: Visitor,
    *,
    here: str,
    menu: tuple[Page, ...],
    done: str = "",
    again: tuple[FillAgain, Mapping[str, str]] | None = None,
) -> HTMLResponse:
    """
    Return a page for its reader; ``done`` is what the person has just done.

    ``again`` is why nothing was done on a form of it, with all that was typed.
    """
    reason, filled = again or (None, {})
    values = {"page": page, "data": data, "done": done, "here": here, "typed": filled}
    values |= (
        {"refused": reason.words, "wrong": reason.wrong} if reason else {"refused": "", "wrong": {}}
    )
    return _answer(f"{page.name}.html.j2", 409 if reason else 200, visitor, menu, values)


def notice(
    title: str,
    words: str,
    status: int,
    *,
    visitor: Visitor | None = None,
    menu: tuple[Page, ...] = (),
) -> HTMLResponse:
    """Say one thing to somebody who cannot have, or cannot do, what was asked for."""
    return _answer("notice.html.j2", status, visitor, menu, {"title": title, "words": words})


def sign_in(
    words: str, status: int, *, offer: object = None, here: str = "", provider: str = ""
) -> HTMLResponse:
    """
    Show a stranger how to get in.

    ``offer`` is the link that the person has come with, ``provider`` where people sign in by OIDC.
    """
    values = {"words": words, "offer": offer, "here": here, "provider": provider}
    return _answer("sign_in.html.j2", status, None, (), values)


def say_done(answer: Response, words: str, *, secure: bool) -> None:
    """Let the next page say what was done."""
    carried = base64.urlsafe_b64encode(words[:_SHOWN_DONE].encode()).decode()
    answer.set_cookie(
        DONE, carried, max_age=30, path="/", secure=secure, httponly=True, samesite="strict"
    )


def done(cookie: str | None) -> str:
    """Return what a page is to say was done; nothing where the cookie is none of ours."""
    try:
        return base64.urlsafe_b64decode(cookie or "").decode()[:_SHOWN_DONE]
    except ValueError:
        return ""


def _answer(
    template: str,
    status: int,
    visitor: Visitor | None,
    menu: tuple[Page, ...],
    values: Mapping[str, object],
) -> HTMLResponse:
    now = datetime.now(UTC)
    found = _templates().get_template(template)
    text = found.render(**values, visitor=visitor, menu=menu, now=now, Role=Role)
    return HTMLResponse(text, status)


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("cct_ops", "board/templates"),
                jinja2.PackageLoader("cct_ops", "record/templates"),  # the steps of an account
            ]
        ),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else visible(value),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "date": lambda at: f"{at.astimezone(UTC):%Y-%m-%d}",
        "clock": lambda at: at.astimezone(UTC).time().isoformat(timespec="milliseconds"),
        "moment": lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "weekly": lambda at: f"{at.astimezone(UTC):%a %-d %b %H:%M} UTC",
        "iso": lambda at: at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "counted": counted,
        "lines": lambda text: Markup("\n").join(map(visible, text.splitlines())),
        "digest": digest,
    }
    made.globals |= {"asset": assets.address, "ago": ago, "left": left, "new_id": uuid4}
    made.globals["command"] = typed
    return made


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago something was, as the script says it as well."""
    seconds = max(0.0, (now - at).total_seconds())
    return f"{_amount(seconds)} ago" if seconds >= 10 else "just now"


def left(until: datetime, now: datetime) -> str:
    """Return how much time is left, as the script says it as well."""
    seconds = (until - now).total_seconds()
    return f"{_amount(seconds)} left" if seconds > 0 else f"over since {_amount(-seconds)}"


def _amount(seconds: float) -> str:
    size, unit = next((size, unit) for most, size, unit in _STEPS if seconds < most)
    return f"{int(seconds // size)} {unit}"

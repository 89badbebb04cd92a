"""
``/approvals/{token}``: a GET shows, and only a POST decides, because previews follow links.

No cookie is involved: the token is the whole proof, so another site cannot make a browser answer
what it does not know. Nothing that is wrong with a token is said to whoever sent it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool

from cct_ops.config.approvers import Approver, Approvers
from cct_ops.gateway.approvals import links
from cct_ops.gateway.approvals.page import NOTE_CHARACTERS, next_step, notice, page
from cct_ops.gateway.limits import Refused, read_body
from cct_ops.ledger import clock
from cct_ops.ledger.gate import approval_answers, approvals
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.reports.asking import ended

LEDGER_SECONDS = 4
BODY_BYTES = 16 * 1024

log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True)
class ApprovalPage:
    """Where links are read and answers are taken."""

    engine: sa.Engine
    approvers: Approvers
    key: SecretStr

    def show(self, token: str) -> Response:
        """Show the plan behind a link."""
        found = self._read(token)
        if isinstance(found, Response):
            return found
        link, person = found
        approval = approvals.find(self.engine, link.approval_id)
        if approval is None:
            return _no_link()
        return self._page(approval, person)

    def decide(self, token: str, form: dict[str, list[str]]) -> Response:
        """Take the answer of whoever holds the link."""
        found = self._read(token, audit=True)
        if isinstance(found, Response):
            return found
        link, person = found
        words = form.get("decision", [])
        if words not in (["approve"], ["decline"]):
            return notice("Nothing was decided", "The form was not complete.", 400)
        given = Answer.of(
            person,
            "link",
            approved=words == ["approve"],
            note=_visible("".join(form.get("note", [])))[:NOTE_CHARACTERS],
            digest="".join(form.get("digest", [])),
        )
        receipt = approval_answers.answer(self.engine, link.approval_id, given, person=person)
        if receipt.approval is None:
            return _no_link()
        if receipt.refusal is not None:
            said = f"Your answer was not taken: {receipt.refusal}"
            return self._page(receipt.approval, person, said, status=409)
        log.info("approval %s: %s answered", link.approval_id, person.id)
        said = "You approved this plan." if given.approved else "You declined this plan."
        more = " One more person is needed." if receipt.still_needed else ""
        return self._page(receipt.approval, person, said + more)

    def _page(
        self, approval: Approval, person: Approver, said: str | None = None, status: int = 200
    ) -> Response:
        with self.engine.connect() as connection:
            yes = approval_answers.said_yes(connection, approval.id)
        return page(approval, person, yes, now=clock.read(self.engine), said=said, status=status)

    def _read(self, token: str, *, audit: bool = False) -> tuple[links.Link, Approver] | Response:
        """Return whose link this is, or the answer to one that is worth nothing."""
        link = links.read(self.key, token)
        if link is None:
            if audit:
                approval_answers.record_attempt(self.engine, "link", "The link is not one of ours.")
            return _no_link()
        person = self.approvers.by_id(link.approver_id)
        late = clock.read(self.engine).timestamp() > link.expires_at
        if person is not None and not late:
            return link, person
        if audit:
            approval_answers.record_attempt(
                self.engine,
                "link",
                "The link has expired." if late else "Not on the list of approvers any more.",
                approval_id=link.approval_id,
                approver_id=link.approver_id,
            )
        approval = approvals.find(self.engine, link.approval_id) if person else None
        if approval is None:
            return _no_link()
        how = f"{approval.playbook} on {approval.target}: {ended(approval)}"
        return notice("This link has expired", f"{how} {next_step(approval) or ''}", 410)


def router(approval_page: ApprovalPage) -> APIRouter:
    """Return the two routes of the page."""
    routes = APIRouter()

    @routes.get("/approvals/{token}")
    async def show(token: str) -> Response:
        """Show the plan; whatever follows a link decides nothing."""
        return await in_time(lambda: approval_page.show(token))

    @routes.post("/approvals/{token}")
    async def decide(token: str, request: Request) -> Response:
        """Approve or decline."""
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return notice("Nothing was decided", "Open your link and decide there.", 403)
        try:
            body = await read_body(request, BODY_BYTES)
        except Refused:
            return notice("Nothing was decided", "The answer was too long or too slow.", 413)
        try:
            form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
        except ValueError:
            form = {}
        return await in_time(lambda: approval_page.decide(token, form))

    return routes


async def in_time(work: Callable[[], Response]) -> Response:
    """Do work on the ledger in a thread; 503 when it does not answer in time."""
    try:
        async with asyncio.timeout(LEDGER_SECONDS):
            return await run_in_threadpool(work)
    except (sa.exc.SQLAlchemyError, TimeoutError) as error:
        log.error("an approval could not be read or stored: %s", type(error).__name__)  # noqa: TRY400 -- the traceback would show the statement's values
        return notice("Not now", "The record does not answer. Reload to see where it stands.", 503)


def _visible(text: str) -> str:
    """Keep what can be seen: PostgreSQL stores no NUL, and a report shows no controls."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _no_link() -> Response:
    return notice("This link is not valid", "Use the newest link that you were sent.", 404)

"""
``POST /slack/interactions``: the buttons under a request for approval, and under an incident.

Slack signs who pressed what; whoever answers a request must be on the list of approvers. A button
carries the id of what it is about, which is no secret and proves nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from slack_sdk.signature import SignatureVerifier
from starlette.background import BackgroundTask
from starlette.datastructures import Headers

from cct_ops.clients import slack, slack_text
from cct_ops.config.approvers import Approver, Approvers
from cct_ops.errors import OpsError
from cct_ops.gateway.approvals.incident_buttons import HAS_IT, IncidentButtons
from cct_ops.gateway.approvals.routes import in_time
from cct_ops.gateway.limits import Refused, read_body
from cct_ops.ledger.gate import approval_answers
from cct_ops.ledger.gate.approval_answers import Answer, Receipt

BODY_BYTES = 256 * 1024

log = logging.getLogger(__name__)


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class _User(_Wire):
    id: str


class _Answered(_Wire):
    action_id: Literal["approval_approve", "approval_decline"]
    value: UUID


class _TakenOn(_Wire):
    action_id: Literal["incident_acknowledge", "incident_take_over"]
    value: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(/[0-9]{1,18})?$")


class _Message(_Wire):
    text: str = ""
    blocks: tuple[dict[str, Any], ...] = ()


class Press(_Wire):
    """One press of a button, of what Slack says about it as much as counts."""

    type: Literal["block_actions"]
    user: _User
    actions: tuple[Annotated[_Answered | _TakenOn, Field(discriminator="action_id")]] = Field(
        description="Slack sends one action for one press."
    )
    response_url: str
    message: _Message = _Message()

    @property
    def approved(self) -> bool:
        """True if it was the button that approves."""
        return self.actions[0].action_id == "approval_approve"


@dataclass(frozen=True)
class Buttons:
    """Takes presses; ``response_base`` is the only place to which they are answered."""

    engine: sa.Engine
    approvers: Approvers
    signing_secret: SecretStr
    response_base: str
    incidents: IncidentButtons

    def genuine(self, body: bytes, headers: Headers) -> bool:
        """True if Slack signed these bytes less than five minutes ago."""
        stamps = headers.getlist("x-slack-request-timestamp")
        signatures = headers.getlist("x-slack-signature")
        if len(stamps) != 1 or len(signatures) != 1:
            return False  # what contradicts itself proves nothing
        (at,), (signature,) = stamps, signatures
        if not (at.isascii() and at.isdecimal() and len(at) < 12 and signature.isascii()):
            return False
        verifier = SignatureVerifier(self.signing_secret.get_secret_value())
        try:
            return verifier.is_valid(body, at, signature)
        except UnicodeDecodeError:
            return False

    def refuse_unsigned(self) -> Response:
        """Answer what Slack did not sign."""
        approval_answers.record_attempt(self.engine, "slack", "The request is not signed by Slack.")
        return PlainTextResponse("not authorised", 401)

    def press(self, press: Press) -> Response:
        """Take it, and update the message once Slack has been answered."""
        (action,) = press.actions
        if isinstance(action, _TakenOn):
            return self._take_on(press, action)
        return self._answer(press, action.value)

    def _take_on(self, press: Press, action: _TakenOn) -> Response:
        taken = self.incidents.take_on(action.value, press.user.id)

        def tell() -> None:
            if taken.refusal is not None:
                self._say(press, taken.refusal)
            if taken.person is not None and not self.incidents.show(action.value):
                self._say(press, HAS_IT)

        return self._acknowledge(press, tell)

    def _answer(self, press: Press, approval_id: UUID) -> Response:
        person = self.approvers.by_slack_user(press.user.id)
        if person is None:
            reason = "This user of Slack is not on the list of approvers."
            approval_answers.record_attempt(
                self.engine,
                "slack",
                reason,
                approval_id=approval_id,
                approver_id=f"slack:{press.user.id[:40]}",
            )
            return self._whisper(press, reason)
        given = Answer.of(person, "slack", approved=press.approved)
        receipt = approval_answers.answer(self.engine, approval_id, given, person=person)
        if receipt.refusal is not None:
            return self._whisper(press, receipt.refusal)
        log.info("approval %s: %s answered in Slack", approval_id, person.id)
        return self._acknowledge(press, lambda: self._update(press, person, receipt))

    def _acknowledge(self, press: Press, afterwards: Callable[[], None]) -> Response:
        """Slack waits three seconds; its message is updated afterwards, at the press's address."""

        def update() -> None:
            try:
                afterwards()
            except OpsError as error:  # the answer is in the ledger; only the message is not new
                log.warning("the message of %s stays as it was: %s", press.actions[0].value, error)

        return Response(status_code=200, background=BackgroundTask(update))

    def _whisper(self, press: Press, words: str) -> Response:
        return self._acknowledge(press, lambda: self._say(press, words))

    def _say(self, press: Press, words: str) -> None:
        slack.whisper(press.response_url, self.response_base, slack_text.escape(words))

    def _update(self, press: Press, person: Approver, receipt: Receipt) -> None:
        word = "Approved" if press.approved else "Declined"
        said = f"{word} by <@{person.slack_user_id}>."
        blocks = list(press.message.blocks)
        if receipt.still_needed:
            said += " One more person is needed."
        else:
            blocks = [block for block in blocks if block.get("type") != "actions"]
        note = {"type": "context", "elements": [{"type": "mrkdwn", "text": said}]}
        slack.replace_message(
            press.response_url, self.response_base, press.message.text, [*blocks, note]
        )


def router(buttons: Buttons) -> APIRouter:
    """Return the route for Slack."""
    routes = APIRouter()

    @routes.post("/slack/interactions")
    async def pressed(request: Request) -> Response:
        """Take one press."""
        try:
            body = await read_body(request, BODY_BYTES)
        except Refused:
            return PlainTextResponse("too large or too slow", 413)
        if not buttons.genuine(body, request.headers):
            return await in_time(buttons.refuse_unsigned)
        try:
            press = _read(body)
        except ValueError:
            return PlainTextResponse("unknown", 400)
        return await in_time(lambda: buttons.press(press))

    return routes


def _read(body: bytes) -> Press:
    payloads = parse_qs(body.decode("utf-8"), max_num_fields=10).get("payload", [])
    if len(payloads) != 1:
        raise ValueError("there is no payload")
    return Press.model_validate_json(payloads[0])

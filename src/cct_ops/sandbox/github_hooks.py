"""
A repository's webhook: its deliveries page by page, and the second attempts that are asked for.

GitHub never tries again by itself. What it is asked for is truly sent: same delivery id, same
bytes, signed, and listed as an attempt of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import httpx
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cct_ops.sandbox.clock import Clock, iso
from cct_ops.sandbox.envelope import Json
from cct_ops.sandbox.github_inputs import SeededDelivery, SeededHook

TIMEOUT_SECONDS = 10  # GitHub's own
MOST_PER_PAGE = 100


@dataclass(frozen=True)
class Attempt:
    """One attempt to deliver something."""

    id: int
    delivery: SeededDelivery
    delivered_at: float
    status: int
    redelivery: bool = False

    def wire(self) -> Json:
        """Render it as GitHub's list does."""
        return {
            "id": self.id,
            "guid": self.delivery.guid,
            "delivered_at": iso(self.delivered_at),
            "redelivery": self.redelivery,
            "status": "OK" if 200 <= self.status < 300 else "failed",
            "status_code": self.status,
            "event": self.delivery.event,
        }


class Hook:
    """One hook and all attempts, the newest first."""

    def __init__(self, clock: Clock, seed: SeededHook) -> None:
        self._clock = clock
        self.seed = seed
        now = clock.now()
        made = [
            Attempt(number, each, now - 60 * each.minutes_ago, each.status)
            for number, each in enumerate(seed.deliveries, 1)
        ]
        self.attempts = sorted(made, key=lambda one: one.delivered_at, reverse=True)

    def page(self, request: Request) -> Response:
        """List attempts from the cursor on; ``Link`` names the one that follows."""
        size = min(int(request.query_params.get("per_page", 30)), MOST_PER_PAGE)
        cursor = request.query_params.get("cursor", "")
        ids = [f"v1_{one.id}" for one in self.attempts]
        if cursor and cursor not in ids:
            raise HTTPException(422, "Invalid cursor")
        first = ids.index(cursor) if cursor else 0
        headers = {}
        if first + size < len(ids):
            following = request.url.include_query_params(cursor=ids[first + size])
            headers["Link"] = f'<{following}>; rel="next"'
        shown = [one.wire() for one in self.attempts[first : first + size]]
        return JSONResponse(shown, headers=headers)

    def again(self, attempt_id: int) -> Response:
        """Accept the request, and send soon."""
        known = next((one for one in self.attempts if one.id == attempt_id), None)
        if known is None:
            raise HTTPException(404)
        return JSONResponse({}, 202, background=BackgroundTask(self._send, known.delivery))

    def _send(self, delivery: SeededDelivery) -> None:
        body = delivery.body.encode()
        signature = hmac.new(self.seed.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Delivery": delivery.guid,
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        try:
            status = httpx.post(
                self.seed.url,
                content=body,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                trust_env=False,
            ).status_code
        except httpx.TransportError:
            status = 0
        number = max(one.id for one in self.attempts) + 1
        self.attempts.insert(0, Attempt(number, delivery, self._clock.now(), status, True))

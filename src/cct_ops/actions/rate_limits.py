"""Changes of CCT's admin limiter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from pydantic.alias_generators import to_camel

from cct_ops.actions.action import CctAction, ReadBack, Request
from cct_ops.models.cct import LimitClass, LimitedUser, RateLimit, RateLimitStatus

if TYPE_CHECKING:  # an action says how it is done; whoever does it brings the client
    from cct_ops.clients.reader import CctReader


class SetRateLimit(CctAction):
    """Set how many requests each user may make in one class, and in what time."""

    path = "rate-limit/config"
    blast_radius = "every user of that class, and the load on CCT"

    endpoint: LimitClass
    window_ms: Annotated[int, Field(ge=1)]
    max_requests: Annotated[int, Field(ge=1)]

    @property
    def in_words(self) -> str:
        limit = f"{self.max_requests} per {self.window_ms / 1000:g} s"
        return f"rate limit {limit} on {self.endpoint}"

    def request(self) -> Request:
        body = {to_camel(name): value for name, value in self}
        return Request("POST", self.path, body=body)

    def read_back(self, cct: CctReader) -> ReadBack:
        seen = cct.rate_limit_config().limits.get(self.endpoint)
        if seen is None:
            return ReadBack(took_effect=False, seen=f"{self.endpoint} has no limit")
        as_set = (seen.max_requests, seen.window_ms) == (self.max_requests, self.window_ms)
        return ReadBack(as_set, f"{seen.max_requests} requests per {seen.window_ms / 1000:g} s")

    def undo(self, before: RateLimit) -> SetRateLimit:
        return SetRateLimit(
            endpoint=self.endpoint, window_ms=before.window_ms, max_requests=before.max_requests
        )


class ClearRateLimits(CctAction):
    """Forget what was counted of everybody."""

    path = "rate-limit/clear"
    blast_radius = "every user may ask for a whole window's requests at once"
    shows_all = False

    def read_back(self, cct: CctReader) -> ReadBack:
        """Look whether no user is refused while asking for no more than its limit."""
        starved = _starved(cct.rate_limit_status())
        return ReadBack(not starved, f"{len(starved)} users are still refused")

    def undo(self) -> None:
        """Nothing does: counts that are forgotten do not come back."""


class ResetUserLimit(CctAction):
    """Forget what was counted of one user; a reset of nobody would mean everybody."""

    path = "rate-limit/reset"
    blast_radius = "that user may ask for a whole window's requests at once"
    shows_all = False

    user: Annotated[str, Field(min_length=1)]

    def read_back(self, cct: CctReader) -> ReadBack:
        """Look whether this user is not refused while asking for no more than its limit."""
        starved = [each for each in _starved(cct.rate_limit_status()) if each.user == self.user]
        return ReadBack(not starved, f"{self.user} is {'still' if starved else 'not'} refused")

    def undo(self) -> None:
        """Nothing does: counts that are forgotten do not come back."""


def _starved(status: RateLimitStatus) -> list[LimitedUser]:
    most = {limit.endpoint: limit.max_requests for limit in status.limits}
    return [
        user
        for user in status.users
        if user.blocked and user.requests_in_window <= most.get(user.endpoint, 0)
    ]

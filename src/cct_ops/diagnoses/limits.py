"""One class of CCT's admin limiter at one moment."""

from __future__ import annotations

from collections import Counter

from cct_ops.models.base import Frozen, counted
from cct_ops.models.cct import LimitClass, LimitedUser, LimitStatus, RateLimitEvent, RateLimitStatus
from cct_ops.models.run import Evidence

# From so many times the limit on, it is the user that is wrong and not the limit.
ABUSE_FACTOR = 3


class Burst(Frozen):
    """A few requests after a silence that has earned them, up to the first that was refused."""

    sent: int
    refused: bool


class LimitFindings(Frozen):
    """The findings of the probes about one class; ``burst`` is None where none was tried."""

    limit: LimitStatus
    users: tuple[LimitedUser, ...]
    events: tuple[RateLimitEvent, ...]
    burst: Burst | None

    @classmethod
    def of(
        cls,
        target: LimitClass,
        status: RateLimitStatus,
        events: tuple[RateLimitEvent, ...],
        burst: Burst | None,
    ) -> LimitFindings | None:
        """Keep what is about the class; None when CCT does not list it."""
        limit = next((each for each in status.limits if each.endpoint == target), None)
        if limit is None:
            return None
        return cls(
            limit=limit,
            users=tuple(user for user in status.users if user.endpoint == target),
            events=tuple(event for event in events if event.endpoint == target),
            burst=burst,
        )

    @property
    def blocked(self) -> tuple[LimitedUser, ...]:
        """The users who are refused at the moment, the most demanding first."""
        refused = [user for user in self.users if user.blocked]
        return tuple(sorted(refused, key=lambda user: (-user.requests_in_window, user.user)))

    @property
    def abusers(self) -> tuple[LimitedUser, ...]:
        """Those of them who ask for many times the limit."""
        most = ABUSE_FACTOR * self.limit.max_requests
        return tuple(user for user in self.blocked if user.requests_in_window >= most)

    @property
    def outgrown(self) -> tuple[LimitedUser, ...]:
        """Those of them who ask for somewhat more than the limit."""
        over = [u for u in self.blocked if u.requests_in_window > self.limit.max_requests]
        return tuple(user for user in over if user not in self.abusers)

    @property
    def starved(self) -> tuple[LimitedUser, ...]:
        """Those of them who ask for no more than the limit."""
        most = self.limit.max_requests
        return tuple(user for user in self.blocked if user.requests_in_window <= most)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence, endpoint by endpoint."""
        return _status_evidence(self), _events_evidence(self), _burst_evidence(self)


def _status_evidence(found: LimitFindings) -> Evidence:
    asked = ", ".join(
        f"{user.user} {user.requests_in_window}{' refused' if user.blocked else ''}"
        for user in sorted(found.users, key=lambda user: -user.requests_in_window)[:5]
    )
    return Evidence.of(
        "rate-limit/status",
        f"{found.limit.max_requests} per {found.limit.window_ms / 1000:g} s and user;"
        f" {asked or 'no users'}",
        f"{len(found.blocked)} of {len(found.users)} users are refused.",
    )


def _events_evidence(found: LimitFindings) -> Evidence:
    users = Counter(event.user for event in found.events).most_common(3)
    paths = Counter(event.path for event in found.events).most_common(3)
    if not users:
        return Evidence.of("rate-limit/events", "none", "No refusal in the last hour.")
    share = round(100 * users[0][1] / len(found.events))
    return Evidence.of(
        "rate-limit/events",
        f"{counted(len(found.events), 'refusal')}, by user "
        + ", ".join(f"{name} {number}" for name, number in users)
        + "; by endpoint "
        + ", ".join(f"{path} {number}" for path, number in paths),
        f"{users[0][0]} has {share} % of the refusals.",
    )


def _burst_evidence(found: LimitFindings) -> Evidence:
    burst = found.burst
    if burst is None:
        observed, meaning = "not tried", "No burst was asked for, or none can be sent to it."
    elif burst.refused:
        observed = f"{burst.sent} requests, the last one refused"
        meaning = "Our own requests are refused; none was sent after that."
    else:
        observed, meaning = f"{burst.sent} requests, none refused", "Our own requests pass."
    return Evidence.of("burst after silence", observed, meaning)

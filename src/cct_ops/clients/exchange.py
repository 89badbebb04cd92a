"""One request to CCT and its answer: the payload inside it, or the one error that it means."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from pydantic import SecretStr

from cct_ops.clients.pacing import Answer
from cct_ops.clients.text import WORDS_LIMIT, one_line, read_json
from cct_ops.errors import ContractBroken, KeyRefused, OpsError, Rejected, Unavailable, Unsupported

LONGEST_WAIT_SECONDS = 900.0
"""CCT's longest sentence: the lock after five wrong keys."""

# CCT's admin limiter, whose error is an object, has a token bucket that writes milliseconds where
# Retry-After means seconds: its window of a minute. Its other limiter, and any proxy, mean seconds.
_MORE_IS_MILLISECONDS = 1000.0
_WINDOW_MS = 60_000.0

LOCKED = 423
KEY_REFUSED = frozenset({401, LOCKED})
"""The answers by which CCT says that it does not take the key."""

_NOT_TAKEN = {
    401: (
        "; check X_API_KEY before trying again, because five wrong attempts"
        " lock this address for 15 minutes"
    ),
    LOCKED: "; check X_API_KEY and wait 15 minutes, because the key is locked",
}

_NESTED = frozenset({"service", "timestamp", "data"})

_DEPLOY = "deploy CCT with its admin API"
_FAMILIES = {
    "canary": (
        "no canary administration",
        "without it the canary can only be changed by a redeploy",
    ),
    "chaos": (
        "no chaos endpoints and ignores chaos headers",
        "without it no fault can be injected",
    ),
    "slo": ("no SLO monitoring", "without it nothing says whether a route meets its objectives"),
    "exemptions": (
        "no exemption management",
        "without it exemptions are only comments in the source",
    ),
    "rate-limit": (
        "no administration of rate limits",
        "without it limits are constants, and security/status is the only view of them",
    ),
}

_NOTHING = "nothing in this release is equivalent"

_NEAREST = {
    "canary/history": f"{_NOTHING}; canary/status shows the present only",
    "canary/rollbacks": f"{_NOTHING}; canary/status shows that a route is off, but not why",
    "canary/metrics": f"{_NOTHING}; canary/simulate computes shares and measures nothing",
    "canary/config": "canary/status holds each route's share, and thresholds are constants there",
    "canary/enable-auto-rollback": f"{_NOTHING}; its rollback policy has no switch",
    "canary/disable-auto-rollback": f"{_NOTHING}; its rollback policy has no switch",
    "canary/reset": "the nearest is canary/enable with the route and its percentage",
    "canary/promote": "the nearest is canary/enable with the route and percentage=100",
    "slo/status": f"{_NOTHING}; objectives are kept inside CCT",
    "slo/breaches": f"{_NOTHING}; slo/status, if it is there, shows the present only",
    "exemptions/health": f"{_NOTHING}; exemptions/report shows that it answers, and no more",
    "exemptions/expired": "the nearest is exemptions/report: its upcoming ones that are past",
    "exemptions/cleanup": "the nearest is exemptions/maintenance with the task cleanup",
    "exemptions/revalidate": "the nearest is exemptions/validate, which only answers",
    "exemptions/reset": f"{_NOTHING}; exemptions/revoke ends one record at a time",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """An answer beside the request that it belongs to; ``path`` stands below ``/api/v1/``."""

    method: str
    path: str
    answer: Answer = field(repr=False)  # it may echo the key
    api_key: SecretStr

    @property
    def request(self) -> str:
        """The request as messages name it."""
        return named(self.method, self.path)

    def payload(self) -> Any:
        """Unwrap the envelope, nested once or twice, or raise the error that the answer means."""
        if not 200 <= self.answer.status < 300:
            raise self.failure()
        body = self.body()
        if body is None:
            self._broken(f"the body is not a JSON object: {self._words()}")
        if body.get("success") is not True:
            self._broken(f"success is not true: {self._words()}")
        if "data" not in body:
            self._broken("data is missing")
        data = body["data"]
        if isinstance(data, dict) and data.keys() >= _NESTED:
            return data["data"]
        return data

    def body(self) -> dict[str, Any] | None:
        """Return the body if it is a JSON object."""
        try:
            body = read_json(self.answer.body)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None

    def summary(self) -> str:
        """Say what came: the status, and for a failure CCT's own words."""
        status = self.answer.status
        return str(status) if 200 <= status < 300 else f"{status}: {self._words()}"

    def failure(self) -> OpsError:
        """Return the error that this answer, which is not a success, means."""
        status, code = self.answer.status, self._code()
        said = f"{self.request} was answered {' '.join(filter(None, (str(status), code)))}"
        if code in {"NOT_FOUND", "ENDPOINT_NOT_FOUND"}:
            return Unsupported(self._unsupported(code), family=code == "NOT_FOUND")
        words = self._words()
        if status == 429 or status >= 500:
            return Unavailable(
                f"{said}: {words}.",
                retry_after_seconds=retry_after_seconds(self.answer),
                refused=status == 429,
            )
        advice = ""
        if status < 400:
            # What follows the question mark is often a token of some login page.
            place = self.answer.headers.get("location", "nowhere").partition("?")[0]
            words = f"it points to {self.shown(place)}"
            advice = ", and redirects are never followed: check CCT_URL"
        elif status in KEY_REFUSED:
            return KeyRefused(f"{said}: {words}{_NOT_TAKEN[status]}.", status=status, code=code)
        elif status == 404:
            advice = "; check that CCT_URL points to CCT"
        return Rejected(f"{said}: {words}{advice}.", status=status, code=code)

    def _unsupported(self, code: str) -> str:
        """Say what this CCT lacks, and what is nearest to it."""
        path = self.path.partition("?")[0]
        seen = f"{self.request} answered {self.answer.status} {code}"
        if code == "NOT_FOUND":
            family = path.partition("/")[0]
            lack, loss = _FAMILIES.get(family, (f"nothing under {family}", "nothing replaces it"))
            # Faults are the one thing that its admin API lacks as well.
            built = "use a staging CCT that was built for it" if family == "chaos" else _DEPLOY
            return f"This CCT has {lack} ({seen}): {built}; {loss}."
        return f"This CCT does not offer it ({seen}): {_NEAREST.get(path, _NOTHING)}."

    def _code(self) -> str | None:
        body = self.body() or {}
        error = body.get("error")
        code = error.get("code") if isinstance(error, dict) else body.get("error_code")
        return self.shown(code) if isinstance(code, str) else None

    def _words(self) -> str:
        """Return what CCT itself said: from either shape of its errors, else the text as it is."""
        body = self.body() or {}
        error = body.get("error")
        words = error.get("message") if isinstance(error, dict) else error
        if not isinstance(words, str):
            words = self.answer.body.decode("utf-8", errors="replace")
        return self.shown(words).rstrip(". ") or "no words"

    def shown(self, text: str) -> str:
        """Make text of CCT fit for a message; it may echo the key, so that goes first."""
        key = self.api_key.get_secret_value()
        return one_line(text.replace(key, "[X_API_KEY]") if key else text, WORDS_LIMIT)

    def _broken(self, what: str) -> NoReturn:
        raise ContractBroken(f"The answer to {self.request} is not as we know it: {what}.")


def named(method: str, path: str) -> str:
    """Name a request in a message, for example ``GET /api/v1/canary/status``."""
    return f"{method} /api/v1/{path}"


def retry_after_seconds(answer: Answer) -> float | None:
    """Return how long CCT asks to be left alone, capped; None if it asks nothing."""
    waits = (asked for asked in _asked(answer, datetime.now(UTC)) if asked > 0)
    return next((min(asked, LONGEST_WAIT_SECONDS) for asked in waits), None)


def _asked(answer: Answer, now: datetime) -> Iterator[float]:
    """Yield the waits that an answer names, the trustworthy ones first."""
    with contextlib.suppress(KeyError, ValueError, TypeError):
        reset = datetime.fromisoformat(answer.headers["x-ratelimit-reset"])
        yield (reset - now).total_seconds()
    error: object = None
    with contextlib.suppress(KeyError, ValueError, TypeError, RecursionError):
        error = json.loads(answer.body)["error"]
    limiter = error if isinstance(error, dict) else None
    with contextlib.suppress(KeyError, ValueError, TypeError, OverflowError):
        yield float((limiter or {})["resetTime"]) / 1000 - now.timestamp()
    header = answer.headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        seconds = float(header)
        whole_windows = seconds % _WINDOW_MS == 0
        wrong = seconds > _MORE_IS_MILLISECONDS and (limiter is not None or whole_windows)
        yield seconds / 1000 if wrong else seconds
    with contextlib.suppress(ValueError, TypeError):
        yield (parsedate_to_datetime(header) - now).total_seconds()

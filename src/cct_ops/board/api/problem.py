"""What goes wrong, as RFC 9457 says it: a kind that programs know, and sentences for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field, ValidationError
from starlette.responses import Response

from cct_ops.models.base import Frozen

MEDIA_TYPE = "application/problem+json"
_KINDS: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "This cannot be read"),
    401: ("no-token", "No token that is good"),
    403: ("not-permitted", "This takes another role"),
    404: ("not-there", "There is nothing at this address"),
    405: ("no-such-method", "Not by this method"),
    408: ("too-slow", "The request came too slowly"),
    409: ("conflict", "Nothing was done"),
    413: ("too-large", "The body is too large"),
    415: ("no-json", "The body is not JSON"),
    422: ("invalid", "A value does not fit"),
    429: ("too-many", "Too many requests"),
    503: ("unavailable", "Not now"),
}


class Wrong(Frozen):
    """One value that does not fit, and what would."""

    field: str = Field(
        description="Where it is: body.reason, query.limit, header.idempotency-key.",
        examples=["body.reason"],
    )
    detail: str = Field(examples=["String should have at least 1 character"])


class Problem(Frozen):
    """Why a request was not answered as it was meant (RFC 9457)."""

    type: str = Field(
        description="The kind of problem: the same word for ever.",
        examples=["urn:cct-ops:problem:invalid"],
    )
    title: str
    status: int
    detail: str = Field(description="What was wrong here, and what to do.")
    errors: tuple[Wrong, ...] = Field((), description="The values that do not fit, each.")


class Refusal(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Iterable[Wrong] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    @property
    def problem(self) -> Problem:
        """The same as it is sent."""
        kind, title = _KINDS[self.status]
        return Problem(
            type=f"urn:cct-ops:problem:{kind}",
            title=title,
            status=self.status,
            detail=self.detail,
            errors=self.errors,
        )

    def response(self) -> Response:
        """Return the answer."""
        return Response(
            self.problem.model_dump_json(), self.status, media_type=MEDIA_TYPE, headers=self.headers
        )


def misfit(words: str, *fields: str) -> Refusal:
    """Return the refusal of values that do not fit, all for the same reason."""
    wrong = [Wrong(field=each, detail=words) for each in fields]
    return Refusal(422, f"{fields[0]}: {words}.", errors=wrong)


def invalid(place: str, error: ValidationError) -> Refusal:
    """Return the refusal of values that a model does not take; ``place`` is where they stood."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    wrong = [
        Wrong(field=".".join([place, *map(str, each["loc"])]), detail=each["msg"]) for each in found
    ]
    first = wrong[0]
    return Refusal(422, f"{first.field}: {first.detail}. Nothing was done.", errors=wrong)

"""CCT's answers: the envelope of a success, the double nesting of admin handlers, the errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cct_ops.sandbox.clock import iso

Json = dict[str, Any]

COPIED_TO_ROOT = ("version", "status", "title", "description")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer before it is written to the wire; a ``str`` body is sent as text/plain."""

    status: int
    body: Json | str
    headers: dict[str, str] = field(default_factory=dict)


def success(now: float, data: Any, **metadata: Any) -> Reply:
    """Wrap a payload once; CCT copies four of its fields to the root as well."""
    body: Json = {
        "success": True,
        "data": data,
        "timestamp": iso(now),
        "metadata": {"version": "v1", **metadata},
    }
    if isinstance(data, dict):
        body |= {name: data[name] for name in COPIED_TO_ROOT if name in data}
    return Reply(200, body)


def admin(
    now: float, payload: Json, message: str | None = None, service: str = "canary-management"
) -> Reply:
    """Wrap a payload twice, as the admin handlers do: it ends up at ``.data.data``."""
    optional = {} if message is None else {"message": message}
    inner = {"service": service, **optional, "timestamp": iso(now), "data": payload}
    return success(now, inner)


def error(now: float, status: int, message: str, code: str, details: Json | None = None) -> Reply:
    """Build CCT's ordinary error body."""
    return Reply(
        status,
        {
            "success": False,
            "error": message,
            "error_code": code,
            "error_details": details or {},
            "timestamp": iso(now),
        },
    )


def bad_json(now: float, message: str, code: str) -> Reply:
    """Build the 500 with which CCT answers a body that is no JSON object."""
    return error(now, 500, message, code, {"error": "Unexpected end of JSON input"})


def not_found(now: float, path: str) -> Reply:
    """Build the 404 of a router that does not know the path; the key does not matter."""
    return error(now, 404, "Endpoint not found", "NOT_FOUND", {"requested_path": path})

"""The faults that are set, and their effects on one request."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cct_ops.sandbox.envelope import Json, Reply, error
from cct_ops.sandbox.inputs import Fault

RUNTIME_FAILURE = "Incorrect type for Promise: the Promise did not resolve to 'Response'."


@dataclass(frozen=True, slots=True)
class Effects:
    """The faults that apply to one request."""

    faults: Sequence[Fault] = ()

    @property
    def latency_seconds(self) -> float:
        """The delay of the answer."""
        return sum(fault.latency_ms or 0 for fault in self.faults) / 1000

    @property
    def timeout(self) -> bool:
        """True if the request is accepted and never handled."""
        return any(fault.timeout for fault in self.faults)

    @property
    def drop_writes(self) -> bool:
        """True if a write is answered and forgotten."""
        return any(fault.drop_writes for fault in self.faults)

    @property
    def apply_then_hang(self) -> bool:
        """True if a write is applied and never answered."""
        return any(fault.apply_then_hang for fault in self.faults)

    @property
    def read_lag_seconds(self) -> float:
        """The delay after which reads see what this request writes."""
        return max((fault.read_lag_seconds or 0 for fault in self.faults), default=0)

    def failure(self, now: float) -> Reply | None:
        """Return the answer that stands in for the real one, if any does."""
        for fault in self.faults:
            if fault.runtime_failure:
                return Reply(500, RUNTIME_FAILURE)
            if fault.too_many_requests_retry_after is not None:
                reply = error(now, 429, "API rate limit exceeded", "RATE_LIMIT_EXCEEDED")
                return replace(reply, headers={"Retry-After": fault.too_many_requests_retry_after})
            if fault.error_status is not None:
                return _injected(now, fault.error_status)
        return None

    def distort(self, reply: Reply, now: float) -> Reply:
        """Break the named fields of a good answer, or answer with an error what was done."""
        for fault in self.faults:
            if fault.malformed and reply.status == 200 and isinstance(reply.body, dict):
                missing = fault.malformed_as == "missing"
                body = _broken(reply.body, fault.malformed, missing=missing)
                if body is None:
                    return Reply(500, f"sandbox: this answer has no field {fault.malformed!r}")
                reply = replace(reply, body=body)
        status = next((f.apply_then_status for f in self.faults if f.apply_then_status), None)
        return reply if status is None else _injected(now, status)


def _injected(now: float, status: int) -> Reply:
    code = "SERVICE_UNAVAILABLE" if status == 503 else "INTERNAL_ERROR"
    return error(now, status, "Injected by the sandbox", code)


@dataclass
class _Armed:
    fault: Fault
    left: int | None
    dice: random.Random

    def strikes(self, path: str, headers: Mapping[str, str], *, write: bool) -> bool:
        """Return whether it applies to this request, which then uses up one of its count."""
        fault = self.fault
        if (
            self.left == 0
            or not path.startswith(fault.path)
            or (fault.header is not None and fault.header.lower() not in headers)
            or (fault.concerns_writes_only and not write)
            or self.dice.random() >= fault.probability
        ):
            return False
        if self.left is not None:
            self.left -= 1
        return True


@dataclass
class FaultList:
    """The faults that are set at the moment."""

    armed: list[_Armed] = field(default_factory=list)

    def replace(self, faults: Sequence[Fault]) -> None:
        """Set exactly these faults."""
        # Reproducible chance is the point here, not secrecy.
        self.armed = [_Armed(f, f.count, random.Random(f.seed)) for f in faults]  # noqa: S311

    def take(self, path: str, headers: Mapping[str, str], *, write: bool) -> Effects:
        """Return the faults that apply to this request, using up their counts."""
        return Effects([a.fault for a in self.armed if a.strikes(path, headers, write=write)])


def _broken(body: Json, way: str, *, missing: bool) -> Json | None:
    """Return the body with the field at the end of ``way`` broken; None if there is none."""
    broken = copy.deepcopy(body)
    inside: Any = broken
    *parents, last = way.split(".")
    for name in parents:
        key = _key(inside, name)
        inside = None if key is None else inside[key]
    key = _key(inside, last)
    if key is None:
        return None
    if missing and isinstance(inside, dict):
        del inside[key]
    else:
        inside[key] = _other_type(inside[key])
    return broken


def _key(inside: Any, name: str) -> str | int | None:
    """Return where a part of that name is found; None if there is none."""
    if isinstance(inside, list):
        return int(name) if name.isdecimal() and int(name) < len(inside) else None
    return name if isinstance(inside, dict) and name in inside else None


def _other_type(value: Any) -> Any:
    return {"not": "a string"} if isinstance(value, str) else "not what was promised"

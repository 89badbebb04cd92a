"""What can be changed in CCT."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Annotated, Any, Protocol

from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError, validate_call

from cct_ops.clients.dialect import mounted
from cct_ops.clients.exchange import named, parse
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import NotPermitted
from cct_ops.models.cct import AutoRollback, CanaryConfig, CanaryRules, Route, Wire
from cct_ops.models.cct_limits import LimitClass, RateLimit
from cct_ops.models.chaos import ActiveFault, ChaosMode, FaultId
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call, Scalar


class PermitChecker(Protocol):
    """Says, write by write, whether a permit still holds."""

    def check(self, permit: Permit, call: Call) -> AbstractContextManager[None]:
        """
        Surround one write.

        The call alone does nothing. Entering verifies the permit's own row and journals the
        intent, or raises ``NotPermitted`` before anything has left. Leaving without an exception
        means that CCT claims to have done it, which is not yet confirmed: that takes a read-back.
        """


class _Changed(Wire):
    config: CanaryConfig


class _Switched(Wire):
    auto_rollback: AutoRollback = Field(alias="auto_rollback")


_CHANGED = TypeAdapter(_Changed)
_SWITCHED = TypeAdapter(_Switched)
_RULES = TypeAdapter(CanaryRules)
_INJECTED = TypeAdapter(ActiveFault)

Percent = Annotated[float, Field(ge=0, le=100)]

# What a plan may name. A method that is not listed here cannot be reached through ``perform``.
CALLS = frozenset(
    {
        "reset_canary",
        "disable_canary",
        "promote_canary",
        "set_canary",
        "set_slo_thresholds",
        "disable_auto_rollback",
        "enable_auto_rollback",
        "expire_exemptions",
        "revalidate_exemptions",
        "reset_exemptions",
        "set_rate_limit",
        "clear_rate_limits",
        "reset_user_limit",
        "inject_fault",
        "remove_fault",
    }
)


class CctOperator:
    """
    Changes CCT, one method per endpoint, each call checked against its permit.

    Holding a ``Permit`` proves nothing: it is a copy that anyone can make. What lets a write out is
    the checker, which looks at the permit's row before each one. What is returned is what CCT
    claims; CCT answers 200 also to writes that it did not store, so read it back.
    """

    def __init__(self, permit: Permit, checker: PermitChecker, transport: CctTransport) -> None:
        self._permit = permit
        self._checker = checker
        self._transport = transport

    def perform(self, call: Call) -> Any:
        """Carry out a call of a plan by the method that it names; its arguments are checked."""
        if call.method not in CALLS:
            raise NotPermitted(f"Nothing was sent: the operator knows no call {call}.")
        try:
            return validate_call(getattr(self, call.method))(**call.arguments)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise NotPermitted(f"Nothing was sent: {call} is not such a call: {problem}.") from None

    def reset_canary(self, route: Route) -> CanaryConfig:
        """Turn a route's canary on, at its configured share."""
        return self._change_route("reset_canary", "canary/reset", route)

    def disable_canary(self, route: Route) -> CanaryConfig:
        """Turn a route's canary off, at 0 %."""
        return self._change_route("disable_canary", "canary/disable", route)

    def promote_canary(self, route: Route) -> CanaryConfig:
        """Give a route's canary all of its traffic."""
        if mounted(self._transport, "canary"):
            return self._change_route("promote_canary", "canary/enable", route, percentage=100)
        return self._change_route("promote_canary", "canary/promote", route)

    def set_canary(
        self,
        route: Route,
        percentage: Annotated[float, Field(gt=0, le=100)],
        whitelist: str,
        blacklist: str,
    ) -> CanaryConfig:
        """Turn a route's canary on at this share; the lists are joined by commas."""
        arguments: dict[str, Scalar] = {
            "route": str(route),
            "percentage": percentage,
            "whitelist": whitelist,
            "blacklist": blacklist,
        }
        body = {
            "route": str(route),
            "enabled": True,
            "percentage": percentage,
            "whitelist": [each for each in whitelist.split(",") if each],
            "blacklist": [each for each in blacklist.split(",") if each],
        }
        path = "canary/update"
        payload = self._write("set_canary", arguments, "POST", path, json=body)
        return parse(_CHANGED, payload, named("POST", path)).config

    def set_slo_thresholds(
        self,
        p95_latency_ms: FiniteFloat,
        error_rate_percent: FiniteFloat,
        availability_percent: FiniteFloat,
    ) -> CanaryRules:
        """Set beyond what auto-rollback pulls a canary, all three at once."""
        thresholds = {
            "p95_latency_ms": p95_latency_ms,
            "error_rate_percent": error_rate_percent,
            "availability_percent": availability_percent,
        }
        payload = self._write(
            "set_slo_thresholds",
            dict(thresholds),
            "POST",
            "canary/config",
            json={"slo_thresholds": thresholds},
        )
        return parse(_RULES, payload, named("POST", "canary/config"))

    def disable_auto_rollback(self) -> bool:
        """Let CCT pull no canary by itself; returns whether it still would."""
        return self._switch("disable_auto_rollback", "canary/disable-auto-rollback")

    def enable_auto_rollback(self) -> bool:
        """Let CCT pull canaries by itself; returns whether it would."""
        return self._switch("enable_auto_rollback", "canary/enable-auto-rollback")

    def inject_fault(
        self,
        fault_id: FaultId,
        mode: ChaosMode,
        latency_ms: Annotated[float, Field(ge=0, le=60_000)],
        error_percent: Percent,
        timeout_percent: Percent,
        ttl_seconds: Annotated[float, Field(gt=0, le=7200)],
    ) -> ActiveFault:
        """Make a staging CCT misbehave, until the fault is removed or its time is over."""
        numbers: dict[str, Scalar] = {
            "latency_ms": latency_ms,
            "error_percent": error_percent,
            "timeout_percent": timeout_percent,
            "ttl_seconds": ttl_seconds,
        }
        named_by: dict[str, Scalar] = {"fault_id": fault_id, "mode": mode.value}
        body: dict[str, Any] = {"id": fault_id, "mode": mode.value, **numbers}
        path = "chaos/faults"
        payload = self._write("inject_fault", named_by | numbers, "POST", path, json=body)
        return parse(_INJECTED, payload, named("POST", path))

    def remove_fault(self, fault_id: FaultId) -> None:
        """End an injected fault; one that there is not is as good as removed."""
        self._write("remove_fault", {"fault_id": fault_id}, "DELETE", f"chaos/faults/{fault_id}")

    def _switch(self, method: str, path: str) -> bool:
        payload = self._write(method, {}, "POST", path)
        return parse(_SWITCHED, payload, named("POST", path)).auto_rollback.enabled

    def expire_exemptions(self) -> None:
        """Mark every active exemption whose date is past as expired."""
        if mounted(self._transport, "exemptions"):
            path, json = "exemptions/maintenance", {"task": "cleanup"}
        else:
            path, json = "exemptions/cleanup", None
        self._write("expire_exemptions", {}, "POST", path, json=json)

    def revalidate_exemptions(self) -> None:
        """Derive every exemption's status from its date, and write their list and counts anew."""
        self._write("revalidate_exemptions", {}, "POST", "exemptions/revalidate")

    def reset_exemptions(self) -> None:
        """Keep the exemptions that are active, in date and valid, and forget all others."""
        self._write("reset_exemptions", {}, "POST", "exemptions/reset")

    def set_rate_limit(self, endpoint: LimitClass, max_requests: int, window_ms: int) -> None:
        """Set how many requests a user may make in one class, and in what time."""
        given = {"max_requests": max_requests, "window_ms": window_ms}
        limit = RateLimit.model_validate(given).model_dump(by_alias=True)
        self._write(
            "set_rate_limit",
            {"endpoint": endpoint.value, **given},
            "POST",
            "rate-limit/config",
            json={"endpoint": endpoint.value, **limit},
        )

    def clear_rate_limits(self) -> None:
        """Forget what was counted of everybody."""
        self._write("clear_rate_limits", {}, "POST", "rate-limit/clear")

    def reset_user_limit(self, user: str) -> None:
        """Forget what was counted of one user."""
        if not user:
            raise NotPermitted("Nothing was sent: the user whose limit is reset has no name.")
        self._write(
            "reset_user_limit", {"user": user}, "POST", "rate-limit/reset", query={"user": user}
        )

    def _change_route(self, method: str, path: str, route: Route, **more: int) -> CanaryConfig:
        # CCT takes a missing route for all of them, so what leaves here must name one that exists.
        if route not in frozenset(Route):
            raise NotPermitted(f"Nothing was sent: {route!r} is not a route of CCT.")
        query: dict[str, str | int] = {"route": route, **more}
        payload = self._write(method, {"route": str(route)}, "POST", path, query=query)
        return parse(_CHANGED, payload, named("POST", path)).config

    def _write(
        self,
        name: str,
        arguments: dict[str, Scalar],
        method: str,
        path: str,
        *,
        query: dict[str, str | int] | None = None,
        json: dict[str, Any] | None = None,
    ) -> Any:
        """Send the one request of a call, if the permit allows exactly this call."""
        allowed = self._checker.check(self._permit, Call(method=name, arguments=arguments))
        return self._transport.write(method, path, query or {}, json, allowed=allowed)

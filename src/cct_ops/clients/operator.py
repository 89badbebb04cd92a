"""What can be changed in CCT."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from pydantic import TypeAdapter

from cct_ops.clients.exchange import named, parse
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import NotPermitted
from cct_ops.models.cct import CanaryConfig, Route, Wire
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Call


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


_CHANGED = TypeAdapter(_Changed)


class CctOperator:
    """
    Changes CCT, one method per endpoint, each call checked against its permit.

    Holding a ``Permit`` proves nothing: it is a copy that anyone can make. What lets a write out is
    the checker, which looks at the permit's row before each one. The returned configuration is
    what CCT claims; CCT answers 200 also to writes that it did not store, so read it back.
    """

    def __init__(self, permit: Permit, checker: PermitChecker, transport: CctTransport) -> None:
        self._permit = permit
        self._checker = checker
        self._transport = transport

    def reset_canary(self, route: str) -> CanaryConfig:
        """Turn a route's canary on, at its configured share."""
        return self._change_route("reset_canary", "canary/reset", route)

    def disable_canary(self, route: str) -> CanaryConfig:
        """Turn a route's canary off, at 0 %."""
        return self._change_route("disable_canary", "canary/disable", route)

    def perform(self, call: Call) -> CanaryConfig:
        """Carry out a call of a plan by the method that it names."""
        match call.method, dict(call.arguments):
            case "reset_canary", {"route": str(route), **rest} if not rest:
                return self.reset_canary(route)
            case "disable_canary", {"route": str(route), **rest} if not rest:
                return self.disable_canary(route)
        raise NotPermitted(f"Nothing was sent: the operator knows no call {call}.")

    def _change_route(self, method: str, path: str, route: str) -> CanaryConfig:
        # CCT takes a missing route for all of them, so what leaves here must name one that exists.
        if route not in frozenset(Route):
            raise NotPermitted(f"Nothing was sent: {route!r} is not a route of CCT.")
        call = Call(method=method, arguments={"route": str(route)})
        allowed = self._checker.check(self._permit, call)
        payload = self._transport.write("POST", path, {"route": str(route)}, None, allowed=allowed)
        return parse(_CHANGED, payload, named("POST", path)).config

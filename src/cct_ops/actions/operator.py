"""Actions that a permit allows, sent to CCT and to its repository at GitHub."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from cct_ops.actions.action import CctAction, GitHubAction
from cct_ops.actions.registry import of
from cct_ops.clients.exchange import named
from cct_ops.clients.github import GitHubReader
from cct_ops.clients.github_transport import GitHubTransport
from cct_ops.clients.text import parse
from cct_ops.clients.transport import CctTransport, handlers_only
from cct_ops.errors import NotPermitted, Rejected
from cct_ops.models.plan import Call, Permit


class PermitChecker(Protocol):
    """Says, write by write, whether a permit still holds."""

    def check(self, permit: Permit, call: Call) -> AbstractContextManager[None]:
        """
        Surround one write.

        The call alone does nothing. Entering verifies the permit's own row and journals the
        intent, or raises ``NotPermitted`` before anything has left. Leaving without an exception
        means that the system claims to have done it, which is not yet confirmed: that takes a
        read-back.
        """


@dataclass(frozen=True)
class CctOperator:
    """
    Changes CCT, each action checked against its permit at the last moment.

    Holding a ``Permit`` proves nothing: it is a copy that anyone can make. What lets a write out is
    the checker, which looks at the permit's row before each one. What is returned is what CCT
    claims; CCT answers 200 also to writes that it did not store, so read it back.
    """

    _permit: Permit
    _checker: PermitChecker
    _transport: CctTransport

    def perform(self, call: Call) -> Any:
        """Send the one request of a call of a plan, if the permit allows exactly this call."""
        action = of(call)
        if not isinstance(action, CctAction):
            raise NotPermitted(f"Nothing was sent: the operator knows no call {call}.")
        usual, other = action.request(), action.handlers_only_request()
        if other is not None and handlers_only(self._transport, usual.path.partition("/")[0]):
            usual = other
        method, path, query, body, _ = usual
        allowed = self._checker.check(self._permit, action.call)
        claim = self._transport.write(method, path, query, body, allowed=allowed)
        if action.answers is None:
            return None
        return parse(action.answers, claim, f"The answer to {named(method, path)}")


@dataclass(frozen=True)
class GitHubOperator:
    """Changes one repository, each action checked against its permit like those to CCT."""

    _permit: Permit
    _checker: PermitChecker
    _transport: GitHubTransport

    def perform(self, call: Call) -> None:
        """Send the requests of a call of a plan, if the permit allows exactly this call."""
        action = of(call)
        if not isinstance(action, GitHubAction):
            raise NotPermitted(f"Nothing was sent: the operator knows no call {call}.")
        requests = action.requests(GitHubReader(self._transport))
        with self._checker.check(self._permit, action.call):
            for request in requests:
                try:
                    self._transport.write(request.method, request.path, request.body)
                except Rejected as error:
                    if not (request.gone_is_fine and error.status == 404):
                        raise

"""Changes of one route's canary."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from cct_ops.actions.action import CctAction, ReadBack, Request
from cct_ops.errors import Unsupported
from cct_ops.models.cct import CanaryConfig, Route, Wire

if TYPE_CHECKING:  # an action says how it is done; whoever does it brings the client
    from cct_ops.clients.reader import CctReader


class Changed(Wire):
    """A canary as CCT claims that it is after a change."""

    config: CanaryConfig


class CanaryAction(CctAction, ABC):
    """A change of one route's canary; CCT would take a missing route for all of them."""

    blast_radius = "the canary's share of this route"
    answers = Changed

    route: Route

    @abstractmethod
    def shows_in(self, seen: CanaryConfig) -> bool:
        """Say whether a canary that is seen so is as this makes it."""

    def read_back(self, cct: CctReader) -> ReadBack:
        seen = cct.canary_status().routes[self.route]
        return ReadBack(self.shows_in(seen), f"canary {seen.shown}")

    def undo(self, before: CanaryConfig) -> DisableCanary | SetCanary:
        return as_configured(self.route, before)


class ResetCanary(CanaryAction):
    """Put the canary back to its configured traffic share."""

    path = "canary/reset"
    shows_all = False  # a split that is broken is reset although the canary is at its share

    def shows_in(self, seen: CanaryConfig) -> bool:
        return seen.serves

    def read_back(self, cct: CctReader) -> ReadBack:
        """Look whether the canary is on, at its configured share where CCT reports that."""
        seen = cct.canary_status().routes[self.route]
        # On is not enough: a canary that is reset may have been on before, at another share.
        configured = self._configured_percent(cct) if self.shows_in(seen) else None
        if configured is None:
            return ReadBack(self.shows_in(seen), f"canary {seen.shown}")
        words = f"canary {seen.shown}, configured for {configured:g} %"
        return ReadBack(seen.percentage == configured, words)

    def _configured_percent(self, cct: CctReader) -> float | None:
        try:
            configured = cct.canary_config().routes.get(self.route)
        except Unsupported:
            return None
        return configured.percentage if configured else None


class DisableCanary(CanaryAction):
    """Take the canary out of traffic."""

    path = "canary/disable"
    blast_radius = "the canary's share of this route goes to stable"
    lowers_risk = True

    def shows_in(self, seen: CanaryConfig) -> bool:
        return not seen.enabled


class PromoteCanary(CanaryAction):
    """Give the canary all of the route's traffic."""

    path = "canary/promote"
    blast_radius = "the whole route"

    def handlers_only_request(self) -> Request:
        return Request("POST", "canary/enable", {"route": self.route, "percentage": 100})

    def shows_in(self, seen: CanaryConfig) -> bool:
        return seen.enabled and seen.percentage == 100


class SetCanary(CanaryAction):
    """Turn the canary on at a share, with its lists (joined by commas)."""

    path = "canary/update"

    blacklist: str
    whitelist: str
    percentage: Annotated[float, Field(gt=0, le=100)]

    @property
    def in_words(self) -> str:
        return f"canary of {self.route} at {self.percentage:g} %"

    def request(self) -> Request:
        lists = {
            "blacklist": [each for each in self.blacklist.split(",") if each],
            "whitelist": [each for each in self.whitelist.split(",") if each],
        }
        body = {**dict(self), **lists, "enabled": True}
        return Request("POST", self.path, body=body)

    def shows_in(self, seen: CanaryConfig) -> bool:
        return (
            seen.enabled
            and seen.percentage == self.percentage
            and ",".join(seen.whitelist) == self.whitelist
            and ",".join(seen.blacklist) == self.blacklist
        )


def as_configured(route: Route, config: CanaryConfig) -> DisableCanary | SetCanary:
    """Return what makes the canary of a route as this configuration says."""
    if not config.enabled or not config.percentage:
        return DisableCanary(route=route)
    return SetCanary(
        route=route,
        blacklist=",".join(config.blacklist),
        whitelist=",".join(config.whitelist),
        percentage=config.percentage,
    )

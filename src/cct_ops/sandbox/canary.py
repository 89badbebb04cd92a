"""The canary family: the verbs of CCT's handlers and those that only its runbook names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeGuard

from cct_ops.models.cct import Route
from cct_ops.sandbox.canary_store import Config, Entry, enabled, simulate
from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.envelope import Json, Reply, admin, error
from cct_ops.sandbox.incidents import Metric, Policy
from cct_ops.sandbox.limits import CANARY_LIMIT
from cct_ops.sandbox.traffic import indicators
from cct_ops.sandbox.world import Call, Family, Refused, Verb


def status(call: Call) -> Reply:
    """Answer every known route's configuration; others are not listed even when enabled."""
    configs = {str(route): call.world.canary.seen(route).config for route in Route}
    summary = {
        "total_routes": len(configs),
        "enabled_routes": sum(config.enabled for config in configs.values()),
        "total_rollout_percentage": sum(config.percentage or 0 for config in configs.values()),
    }
    routes = {route: config.wire() for route, config in configs.items()}
    return admin(call.now, {"routes": routes, "summary": summary})


def history(call: Call) -> Reply:
    """Answer the newest rollback events, 50 unless ``limit`` is given."""
    events = call.world.incidents.newest_events()
    limit = _parse_int(call.query.get("limit") or "50")
    shown = events[: max(limit or 0, 0)]
    return admin(call.now, {"events": shown, "total": len(events)})


def rollbacks(call: Call) -> Reply:
    """Answer all rollback events, newest first."""
    events = call.world.incidents.newest_events()
    return admin(call.now, {"rollbacks": events, "total": len(events)})


def metrics(call: Call) -> Reply:
    """Answer both sides' traffic of every route since its canary last changed."""
    return admin(call.now, {"routes": {str(route): _traffic(call, route) for route in Route}})


def _traffic(call: Call, route: str) -> Json:
    entry = call.world.canary.seen(route)
    traffic = call.world.serving(route)
    on_canary, on_stable = traffic.samples(call.now - entry.since, entry.config.share)
    return {
        "since": iso(entry.since),
        "percentage": entry.config.percentage,
        "canary": {"sampleSize": on_canary, **indicators(traffic.canary, on_canary)},
        "stable": {"sampleSize": on_stable, **indicators(traffic.stable, on_stable)},
    }


def read_config(call: Call) -> Reply:
    """Answer the rollback policy and every route's configured share."""
    return admin(call.now, _config(call, call.world.policy.visible))


def _config(call: Call, policy: Policy) -> Json:
    seen = {str(route): call.world.canary.seen(route) for route in Route}
    return {
        "slo_thresholds": policy.thresholds,
        "auto_rollback": {"enabled": policy.enabled},
        "routes": {r: {"percentage": entry.configured_share} for r, entry in seen.items()},
    }


def write_config(call: Call) -> Reply:
    """Change the thresholds that are given; names that CCT does not know are ignored."""
    given = call.posted("Failed to update canary config", "CANARY_CONFIG_ERROR")
    wanted = given.get("slo_thresholds")
    if not isinstance(wanted, dict):
        return error(call.now, 400, "slo_thresholds is required", "MISSING_THRESHOLDS")
    policy = call.world.policy.latest
    known: dict[Metric, Any] = {name: wanted[name] for name in policy.thresholds if name in wanted}
    if not all(_is_number(value) for value in known.values()):
        return error(call.now, 400, "Thresholds must be numbers", "INVALID_THRESHOLD")
    thresholds: dict[Metric, float] = policy.thresholds | known
    return admin(
        call.now, _config(call, _store_policy(call, replace(policy, thresholds=thresholds)))
    )


def _auto_rollback(call: Call, *, on: bool) -> Reply:
    policy = _store_policy(call, replace(call.world.policy.latest, enabled=on))
    return admin(call.now, {"auto_rollback": {"enabled": policy.enabled}})


def enable(call: Call) -> Reply:
    """Switch any route on at ``percentage`` (10 if absent), from then on its share."""
    percentage = _parse_int(call.query.get("percentage") or "10")
    route = _route(call, call.query.get("route"), "Route parameter is required")
    if percentage is not None and not 0 <= percentage <= 100:
        details = {"error": "Canary percentage must be between 0 and 100"}
        return error(call.now, 500, "Failed to enable canary", "CANARY_ENABLE_ERROR", details)
    stored = _store(call, route, enabled(percentage, call.now), share=percentage)
    shown = "NaN" if percentage is None else percentage
    message = f"Canary enabled for {route} at {shown}% rollout"
    return admin(call.now, {"route": route, "config": stored.wire()}, message)


def update(call: Call) -> Reply:
    """Set one route from a JSON body; the percentage is asked for even when switching off."""
    given = call.posted("Failed to update canary configuration", "CANARY_UPDATE_ERROR")
    route, percentage = _route(call, given.get("route")), given.get("percentage")
    if not _is_number(percentage) or not 0 <= percentage <= 100:
        return error(call.now, 400, "Percentage must be between 0 and 100", "INVALID_PERCENTAGE")
    if given.get("enabled"):
        config = replace(
            enabled(percentage, call.now),
            whitelist=tuple(given.get("whitelist") or ()),
            blacklist=tuple(given.get("blacklist") or ()),
        )
    else:
        config = call.world.canary.written(route).config.disabled(call.now)
    stored = _store(call, route, config)
    message = f"Canary configuration updated for {route}"
    return admin(call.now, {"route": route, "config": stored.wire()}, message)


def disable(call: Call) -> Reply:
    """Switch one route off, or without ``route`` all of them."""
    return _on_routes(call, list(Route), lambda entry: entry.config.disabled(call.now))


def reset(call: Call) -> Reply:
    """Switch one route on at its configured share, or without ``route`` all of them."""
    return _on_routes(call, list(Route), lambda entry: enabled(entry.configured_share, call.now))


def promote(call: Call) -> Reply:
    """Give one route's canary all the traffic, or without ``route`` every canary that is on."""
    switched_on = [r for r in Route if call.world.canary.written(r).config.enabled]
    return _on_routes(call, switched_on, lambda _: enabled(100, call.now))


def _on_routes(call: Call, otherwise: list[Route], change: Callable[[Entry], Config]) -> Reply:
    canary = call.world.canary
    if route := call.query.get("route"):
        stored = _store(call, route, change(canary.written(route)))
        return admin(call.now, {"route": route, "config": stored.wire()})
    routes = {
        str(each): _store(call, each, change(canary.written(each))).wire() for each in otherwise
    }
    return admin(call.now, {"routes": routes})


def _store(call: Call, route: str, config: Config, *, share: float | None = None) -> Config:
    """Store a configuration and return what the handler reads back."""
    call.world.canary.write(route, config, call.effects, share=share)
    return call.world.canary.seen(route).config if call.effects.drop_writes else config


def _store_policy(call: Call, policy: Policy) -> Policy:
    call.world.policy.put(policy, call.effects)
    return call.world.policy.visible if call.effects.drop_writes else policy


def simulation(call: Call) -> Reply:
    """Answer which of so many invented users would get the canary."""
    given = call.posted("Failed to simulate canary traffic", "CANARY_SIMULATION_ERROR")
    route, users = _route(call, given.get("route")), given.get("user_count", 100)
    config = call.world.canary.seen(route).config
    result = simulate(route, config, int(users) if _is_number(users) else 0)
    message = f"Traffic simulation completed for {route}"
    payload = {"route": route, "config": config.wire(), "simulation": result}
    return admin(call.now, payload, message)


def _route(call: Call, given: object, problem: str = "Route is required") -> str:
    if not isinstance(given, str) or not given:
        raise Refused(error(call.now, 400, problem, "MISSING_ROUTE"))
    return given


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parse_int(text: str) -> int | None:
    """Read a number as JavaScript's parseInt does: leading digits count, None is NaN."""
    found = re.match(r"\s*([+-]?[0-9]+)", text)
    return int(found[1]) if found else None


def disable_one(call: Call) -> Reply:
    """Switch one route off, as CCT's own handler does: the route must be in the query."""
    _route(call, call.query.get("route"), "Route parameter is required")
    return disable(call)


# What CCT's own handlers know ...
_HANDLERS = {
    "status": Verb(status),
    "enable": Verb(enable, writes=True),
    "disable": Verb(disable_one, writes=True),
    "update": Verb(update, writes=True),
    "simulate": Verb(simulation),
}
# ... and what only its runbook names.
_RUNBOOK_ONLY = {
    "history": Verb(history),
    "rollbacks": Verb(rollbacks),
    "metrics": Verb(metrics),
    "GET config": Verb(read_config),
    "config": Verb(write_config, writes=True),
    "disable": Verb(disable, writes=True),
    "reset": Verb(reset, writes=True),
    "promote": Verb(promote, writes=True),
    "enable-auto-rollback": Verb(lambda call: _auto_rollback(call, on=True), writes=True),
    "disable-auto-rollback": Verb(lambda call: _auto_rollback(call, on=False), writes=True),
}
_TITLE = "Canary management endpoint not found"
RUNBOOK = Family(_TITLE, _HANDLERS | _RUNBOOK_ONLY, limit=CANARY_LIMIT)
HANDLERS_ONLY = Family(_TITLE, _HANDLERS, limit=CANARY_LIMIT)

"""Sets the state of exemptions and rate limits for the control API, and reads it back."""

from __future__ import annotations

from uuid import uuid4

from cct_ops.sandbox.clock import iso
from cct_ops.sandbox.exemption_store import DAY_SECONDS, LIST_TTL_SECONDS, Content, Exemption
from cct_ops.sandbox.inputs import (
    ExemptionsState,
    ExemptionState,
    LimitState,
    RateLimitsState,
    SeedDemand,
    SeedExemptions,
)
from cct_ops.sandbox.rate_limit_store import Demand, Refusal
from cct_ops.sandbox.world import World


def seed_exemptions(world: World, given: SeedExemptions) -> None:
    """Store exactly these records."""
    now, store = world.clock.now(), world.exemptions
    records = [
        Exemption(
            id=str(uuid4()),
            pattern=record.pattern,
            file=record.file,
            line=record.line,
            jira_reference=record.jira_reference,
            owner=record.owner,
            expiration_date=iso(now + record.days_left * DAY_SECONDS),
            created_at=now,
            status=record.status,
        )
        for record in given.records
    ]
    listed_at = now - (LIST_TTL_SECONDS if given.list_lost else 0)
    store.settle(Content({r.id: r for r in records}, listed_at, given.count_drift))
    store.jira_down = given.jira_down
    store.hasty_days = given.hasty_days


def seed_demand(world: World, given: SeedDemand) -> None:
    """Add one user's demand, and spread its refusals over the last minutes."""
    now, store = world.clock.now(), world.rate_limits
    store.demands.append(
        Demand(given.user, given.limit, given.path, given.requests_per_minute, given.starved)
    )
    apart = given.over_minutes * 60 / max(given.refusals, 1)
    most = store.written[given.limit].max_requests
    store.refusals += [
        Refusal(now - number * apart, given.limit, given.user, given.path, most)
        for number in range(given.refusals)
    ]


def exemptions_state(world: World) -> ExemptionsState:
    """Return the truth about exemptions."""
    content = world.exemptions.written
    return ExemptionsState(
        records={
            key: ExemptionState(
                jira_reference=record.jira_reference,
                owner=record.owner,
                status=record.status,
                expiration_date=record.expiration_date,
            )
            for key, record in content.records.items()
        },
        list_lost=world.exemptions.list_lost(content),
        count_drift=content.count_drift,
    )


def rate_limits_state(world: World) -> RateLimitsState:
    """Return the truth about rate limits; who is counted at the moment is not part of it."""
    store = world.rate_limits
    return RateLimitsState(
        limits={
            name: LimitState(max_requests=limit.max_requests, window_ms=limit.window_ms)
            for name, limit in store.written.items()
        },
        starved=[demand.user for demand in store.demands if demand.starved],
    )

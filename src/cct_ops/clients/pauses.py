"""Pauses of Prefect that keep runs from starting."""

from __future__ import annotations

from prefect.client.schemas.objects import WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse

from cct_ops.models.run import at_most


def rests(part: WorkPool | WorkQueue | DeploymentResponse) -> str | None:
    """Return the note that is shown beside its name while it starts nothing; None otherwise."""
    limits: tuple[int | None, ...]
    if isinstance(part, DeploymentResponse):
        own = part.global_concurrency_limit
        paused, limits = part.paused, (at_most(part.tags), own.limit if own else None)
    else:
        paused, limits = part.is_paused, (part.concurrency_limit,)
    if paused:
        return ""
    return " (limit 0)" if 0 in limits else None

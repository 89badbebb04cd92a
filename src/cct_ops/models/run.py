"""Which run of which playbook is speaking."""

from __future__ import annotations

from uuid import UUID

from cct_ops.models.base import Frozen


class Run(Frozen):
    """One flow run in Prefect, and the incident that it was started for, if any."""

    id: UUID
    name: str
    playbook: str
    incident_id: UUID | None = None

"""Which run of which playbook is speaking, and for which incident it was started."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from pydantic import WithJsonSchema

from cct_ops.models.base import Frozen

# The tag by which a run names its incident. It is no parameter: nobody has to see it in a form.
INCIDENT = "incident:"


# Prefect's form does not look at formats, so the pattern is what refuses what is no id.
Id = Annotated[
    UUID,
    WithJsonSchema(
        {
            "type": "string",
            "format": "uuid",
            "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        }
    ),
]


class Run(Frozen):
    """One flow run in Prefect, and the incident that it was started for, if any."""

    id: UUID
    name: str
    playbook: str
    incident_id: UUID | None = None


def incident_tag(incident_id: UUID) -> str:
    """Return the tag of a run that is for this incident."""
    return f"{INCIDENT}{incident_id}"


def incidents_named(tags: Iterable[str]) -> list[str]:
    """Return what a run's tags name as its incident; one at most is as it should be."""
    return [tag.removeprefix(INCIDENT) for tag in tags if tag.startswith(INCIDENT)]


def incident_of(tags: Iterable[str]) -> UUID | None:
    """Return the incident that the tags of a run name; None also where they name none rightly."""
    named = incidents_named(tags)
    if len(named) != 1:
        return None
    try:
        return UUID(named[0])
    except ValueError:
        return None

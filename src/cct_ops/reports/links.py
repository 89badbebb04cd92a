"""Links to the places where a person looks next."""

from __future__ import annotations

from uuid import UUID


def run_link(run_id: UUID) -> str | None:
    """Return the run's page in the Prefect UI, or None where no UI is configured."""
    from prefect.utilities.urls import url_for

    return url_for("flow-run", obj_id=run_id)

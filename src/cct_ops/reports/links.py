"""Links to the places where a person looks next."""

from __future__ import annotations

from uuid import UUID

from cct_ops.settings import Settings


def run_link(run_id: UUID) -> str | None:
    """
    Return the run's page in the Prefect UI, or None where no UI is configured.

    A server has two UIs, and only the newer one, below /v2, leads a person without a login to the
    login and from there to the page. Prefect's own links lead to the older one, whatever is set.
    """
    from prefect.settings import get_current_settings
    from prefect.utilities.urls import url_for

    prefect = get_current_settings()
    public = Settings.load().prefect_ui_url
    base = str(public) if public else prefect.ui_url
    if base is None:
        return None
    cloud = prefect.cloud.api_url
    if public is None and prefect.api.url and prefect.api.url.startswith(cloud):
        return url_for("flow-run", obj_id=run_id)
    if prefect.server.ui.v2_enabled:
        return newer_run_page(base, run_id)
    return f"{base.rstrip('/')}/runs/flow-run/{run_id}"


def newer_run_page(base: str, run_id: UUID) -> str:
    """Return the run's page in the newer of a server's UIs; nothing of Prefect is loaded."""
    return f"{base.rstrip('/')}/v2/runs/flow-run/{run_id}"


def board_page(place: str) -> str | None:
    """Return a page of the board, by its path; None where nothing says where the board is."""
    settings = Settings.load()
    said = settings.model_fields_set & {"board_url", "board_port", "board_host"}
    return f"{settings.board_links()}{place}" if said else None


def incident_page(topic_id: UUID) -> str | None:
    """Return the page of an incident, or of a run that was for none, on the board."""
    return board_page(f"/incidents/{topic_id}")

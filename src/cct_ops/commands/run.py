"""``cct-ops run``: start a playbook on the stack that runs here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

from cyclopts import Parameter

from cct_ops.terminal import say

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import State
    from prefect.client.schemas.responses import DeploymentResponse

POLL_SECONDS = 1.0


def run(
    playbook: Annotated[str, Parameter(help="Its name, such as auto-rollback.")],
    *,
    incident: Annotated[str | None, Parameter(help="The incident that it is for.")] = None,
    wait: Annotated[bool, Parameter(negative="", help="Wait, and say how it ends.")] = False,
    **parameters: Annotated[
        str, Parameter(help="Its parameters, as its form in Prefect has them.")
    ],
) -> int:
    """
    Start a playbook, and say where it is to be seen.

    Each parameter is an option of its name: `cct-ops run auto-rollback --target /daily-summary
    --mode observe`. Lists and objects are typed as JSON. With `--wait` the exit code is 0 if it
    ended well.
    """
    from cct_ops.clients import deployments, server
    from cct_ops.clients.parameters import read
    from cct_ops.commands.here import ledger, person, prefect_must_be_known
    from cct_ops.ledger import ids
    from cct_ops.models.run import UPKEEP, incident_tag
    from cct_ops.reports.links import run_link

    prefect_must_be_known()
    tags = [f"started-by:{person()}"]
    if incident is not None:
        meant = ids.one(ledger(), incident, ids.Kind.INCIDENT, listed_by="cct-ops inbox")
        tags.append(incident_tag(meant))
    with server.CONFIGURED.connect() as client:
        deployed = _deployed(client, playbook)
        schema = deployed.parameter_openapi_schema or {}
        given = read(playbook, schema, _whole_ids(schema, parameters))
        key = str(uuid4())
        run_id = deployments.start(playbook, given, key=key, tags=tags, client=client)
        say(f"Run {run_id} of {playbook} was created.")
        say(run_link(run_id) or "No UI of Prefect is set up.")
        # What puts things back begins all the same.
        if UPKEEP not in deployed.tags and (waits := _waits_for_drain()) is not None:
            say(("Look: ", "bold yellow"), waits)
        return _followed(client, run_id) if wait else 0


def _waits_for_drain() -> str | None:
    """Say that the run waits while the installation is drained; None where it begins."""
    from cct_ops.commands.here import ledger
    from cct_ops.errors import BadConfiguration, Unavailable
    from cct_ops.ledger.gate import drains

    try:
        found = drains.standing(ledger())
    except (BadConfiguration, Unavailable):
        return None  # the run is made, and needs no ledger of this command's
    if found is None:
        return None
    return (
        f"{found.person} drained this installation ({found.reason}): it waits until"
        " `cct-ops drain --end`, and begins then."
    )


def _deployed(client: SyncPrefectClient, playbook: str) -> DeploymentResponse:
    """Return the deployment of a playbook."""
    from cct_ops.clients import deployments
    from cct_ops.commands.names import refused

    known = {each.name: each for each in deployments.listed(client)}
    if playbook not in known:
        raise refused(playbook, known, "playbook")
    return known[playbook]


def _whole_ids(schema: Mapping[str, Any], typed: Mapping[str, str]) -> dict[str, str]:
    """Return the values with ids whole that were typed short."""
    from cct_ops.clients.parameters import allowed
    from cct_ops.commands.here import ledger
    from cct_ops.ledger import ids

    kinds = {
        "change_id": ((ids.Kind.CHANGE,), "cct-ops changes --all"),
        "about": ((ids.Kind.INCIDENT, ids.Kind.RUN), "cct-ops incidents"),
        "run_id": ((ids.Kind.RUN,), "cct-ops incidents"),
        "experiment": ((ids.Kind.RUN,), "cct-ops incidents"),
    }
    whole = dict(typed)
    for name, text in typed.items():
        field = name.replace("-", "_")
        part = schema.get("properties", {}).get(field)
        if field in kinds and part and "string" in allowed(part, schema) and not _is_whole(text):
            among, listed_by = kinds[field]
            whole[name] = str(ids.one(ledger(), text, *among, listed_by=listed_by))
    return whole


def _is_whole(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _followed(client: SyncPrefectClient, run_id: UUID) -> int:
    """Wait until the run has ended, and say how."""
    paused = late = False
    while True:
        state: State[Any] | None = client.read_flow_run(run_id).state
        if state is not None and state.is_final():
            say(f"It ended: {state.name}{f': {state.message}' if state.message else ''}")
            return 0 if state.is_completed() else 1
        if state is not None and state.is_paused() and not paused:
            say("It waits for approval: `cct-ops approvals` shows until when.")
        paused = state is not None and state.is_paused()
        if state is not None and state.name == "Late" and not late:
            late = True
            say("Nothing has started it yet: `cct-ops doctor` shows what is paused or down.")
        time.sleep(POLL_SECONDS)

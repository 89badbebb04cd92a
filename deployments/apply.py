"""
Apply prefect.yaml to the Prefect server at ``PREFECT_API_URL``: all of it, or fail.

Work pools come first, because a deployment into a pool that does not exist is skipped; and
afterwards every deployment is looked up, because a partial deploy exits with 0. A deploy by itself
would end a pause of a deployment or schedule, so what people have paused is deployed as paused.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from datetime import datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from prefect.cli import app as prefect_command
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.models.form import form
from cct_ops.reports.links import board_page

ROOT = Path(__file__).parent.parent
POOL_TYPE = "warm"


def apply() -> list[str]:
    """
    Make the work pools, deploy everything, and return the deployments' full names.

    Raises ``BadConfiguration`` that names what was not deployed, with Prefect's own words.
    """
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    registry, described = content["deployments"], content.get("work_pools", {})
    names = [_full_name(entry["entrypoint"], entry["name"]) for entry in registry]
    with get_client(sync_client=True) as client:
        for pool in sorted({entry["work_pool"]["name"] for entry in registry}):
            _make_pool(client, pool, described.get(pool, {}).get("description"))
        before = {name: _known(client, name) for name in names}
    for name, entry in zip(names, registry, strict=True):
        _keep_paused(entry, before[name])

    deployed, words = _deploy(content)
    with get_client(sync_client=True) as client:
        after = {name: _known(client, name) for name in names}
    missing = [name for name in names if _updated(after[name]) in (None, _updated(before[name]))]
    if missing or not deployed:
        raise BadConfiguration(
            f"Not deployed: {', '.join(missing) or 'unknown'}. Prefect said:\n{words}"
        )
    with get_client(sync_client=True) as client:
        for found in filter(None, after.values()):
            _make_form(client, found)
        for pool, said in described.items():
            _describe_queues(client, pool, said["queues"])
    return names


def _make_form(client: SyncPrefectClient, found: DeploymentResponse) -> None:
    """
    Have the server show each field as people read it, and refuse a run with any other.

    The description leads to the playbook's page on the board, where there is one.
    """
    schema = form(found.parameter_openapi_schema or {})
    page = board_page(f"/playbooks/{found.name}")
    more = f"\n\n**On the board** [{found.name}]({page})" if page else ""
    client.update_deployment(
        found.id,
        DeploymentUpdate(
            parameter_openapi_schema=schema,
            description=f"{(found.description or '').rstrip()}{more}",
        ),
    )


def _make_pool(client: SyncPrefectClient, name: str, description: str | None) -> None:
    """Make the pool, or let one that is there say what it is for; all else of it is people's."""
    try:
        client.create_work_pool(WorkPoolCreate(name=name, type=POOL_TYPE, description=description))
    except ObjectAlreadyExists:
        if description is not None:
            client.update_work_pool(name, WorkPoolUpdate(description=description))


def _describe_queues(client: SyncPrefectClient, pool: str, descriptions: Mapping[str, str]) -> None:
    for name, description in descriptions.items():
        queue = client.read_work_queue_by_name(name, work_pool_name=pool)
        client.update_work_queue(queue.id, description=description)


def _full_name(entrypoint: str, name: str) -> str:
    """Return ``flow/deployment``; by our rule a flow is called like its function, with dashes."""
    return f"{entrypoint.rpartition(':')[2].replace('_', '-')}/{name}"


def _known(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def _updated(known: DeploymentResponse | None) -> datetime | None:
    return None if known is None else known.updated


def _keep_paused(entry: dict[str, Any], known: DeploymentResponse | None) -> None:
    """Take over into a deployment's entry what a person has paused of it."""
    if known is None:
        return
    entry["paused"] = known.paused
    resting = {schedule.slug for schedule in known.schedules if not schedule.active}
    for schedule in entry.get("schedules", []):
        if schedule.get("slug") in resting:
            schedule["active"] = False


def _deploy(content: dict[str, Any]) -> tuple[bool, str]:
    """
    Have Prefect's command deploy all; returns whether it did, and its own words.

    It runs in this process, which has imported most of what it needs.
    """
    words = StringIO()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "prefect.yaml"
        path.write_text(yaml.safe_dump(content))
        sys.path.insert(0, str(ROOT))  # from where the flows import
        sys.argv = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(path)]
        with chdir(ROOT), redirect_stdout(words), redirect_stderr(words):
            try:
                prefect_command()
            except SystemExit as end:
                return not end.code, words.getvalue()
    return True, words.getvalue()


def main() -> int:
    """Apply, and print what was deployed or the one reason why not."""
    try:
        names = apply()
    except OpsError as error:
        print(f"apply: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"apply: deployed {name}" for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""
Apply prefect.yaml to the Prefect server at ``PREFECT_API_URL``: all of it, or fail.

Work pools come first, because a deployment into a pool that does not exist is skipped; and
afterwards every deployment is looked up, because a partial deploy exits with 0.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from cct_ops.errors import BadConfiguration, OpsError

ROOT = Path(__file__).parent.parent
POOL_TYPE = "warm"


def apply() -> list[str]:
    """
    Make the work pools, deploy everything, and return the deployments' full names.

    Raises ``BadConfiguration`` that names what was not deployed, with Prefect's own words.
    """
    registry = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    names = [_full_name(entry["entrypoint"], entry["name"]) for entry in registry]
    with get_client(sync_client=True) as client:
        for pool in sorted({entry["work_pool"]["name"] for entry in registry}):
            _make_pool(client, pool)
        before = {name: _updated_at(client, name) for name in names}

    deploy = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    with get_client(sync_client=True) as client:
        after = {name: _updated_at(client, name) for name in names}
    missing = [name for name in names if after[name] is None or after[name] == before[name]]
    if missing or deploy.returncode != 0:
        raise BadConfiguration(
            f"Not deployed: {', '.join(missing) or 'unknown'}. Prefect said:\n"
            f"{deploy.stdout}{deploy.stderr}"
        )
    with get_client(sync_client=True) as client:
        for name in names:
            _refuse_unknown_parameters(client, name)
    return names


def _refuse_unknown_parameters(client: SyncPrefectClient, name: str) -> None:
    """Have the server name what is no parameter when a run is made, not the run when it begins."""
    found = client.read_deployment_by_name(name)
    schema = {**(found.parameter_openapi_schema or {}), "additionalProperties": False}
    client.update_deployment(found.id, DeploymentUpdate(parameter_openapi_schema=schema))


def _make_pool(client: SyncPrefectClient, name: str) -> None:
    try:
        client.create_work_pool(WorkPoolCreate(name=name, type=POOL_TYPE))
    except ObjectAlreadyExists:
        return


def _full_name(entrypoint: str, name: str) -> str:
    """Return ``flow/deployment``; by our rule a flow is called like its function, with dashes."""
    return f"{entrypoint.rpartition(':')[2].replace('_', '-')}/{name}"


def _updated_at(client: SyncPrefectClient, name: str) -> datetime | None:
    try:
        return client.read_deployment_by_name(name).updated
    except ObjectNotFound:
        return None


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

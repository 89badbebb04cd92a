"""
``python -m cct_ops.rehearsal``: try what the worker promises, and print a line of JSON for each.

It runs in the environment of the candidate, in a stack of its own.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    temporary_settings,
)

from cct_ops.config import policy
from cct_ops.errors import OpsError
from cct_ops.game_day.__main__ import SHORT, lifted
from cct_ops.rehearsal.contract import Bench, promises
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.config import StackConfig
from cct_ops.stack.process_guard import die_with_parent
from cct_ops.stack.up import running


def main() -> int:
    """Try all of it."""
    die_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with tempfile.TemporaryDirectory(prefix="cct-ops-rehearsal-") as name:
            _try_all(Path(name))
    except OpsError as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return 1
    return 0


def _try_all(folder: Path) -> None:
    config = StackConfig.ephemeral(folder)
    rules = folder / "policy.yaml"
    rules.write_text(lifted(policy.read(config.project / "deployments" / "policy.yaml")))
    env = {**SHORT, "CCT_OPS_POLICY_PATH": str(rules)}
    config = config.model_copy(update={"env": env})
    with (
        running(config) as stack,
        temporary_settings(
            {
                PREFECT_API_URL: stack.env["PREFECT_API_URL"],
                PREFECT_API_AUTH_STRING: stack.env["PREFECT_API_AUTH_STRING"],
                PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: True,
            }
        ),
        SandboxControl(stack.urls["cct"]) as sandbox,
    ):
        log = folder / "logs" / "worker.log"
        for result in promises(Bench(stack.env, sandbox, log)):
            print(result.model_dump_json(), flush=True)


if __name__ == "__main__":
    sys.exit(main())

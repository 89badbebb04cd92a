"""The stack in which drills run: with a sandbox, lifted rules, and short waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cct_ops.config import policy
from cct_ops.models.guards import Backoff, GuardSettings
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.config import StackConfig
from cct_ops.stack.prefect_clients import asking
from cct_ops.stack.up import Running, running

# The production waits take minutes, and the sandbox counts no requests.
SHORT = {
    "CCT_OPS_WATCH_SECONDS": "5",
    "CCT_OPS_MIN_SAMPLES": "5",
    "CCT_OPS_SETTLE_SECONDS": "10",
    "CCT_OPS_REQUESTS_PER_MINUTE": "600",
}


@contextmanager
def drill_stack(
    config: StackConfig, folder: Path, more: Mapping[str, str]
) -> Iterator[tuple[Running, SandboxControl]]:
    """Run it, with these variables as well; its rules are written into the folder."""
    rules = folder / "policy.yaml"
    rules.write_text(lifted(policy.read(config.project / "deployments" / "policy.yaml")))
    env = {**SHORT, "CCT_OPS_POLICY_PATH": str(rules), **more}
    with (
        running(config.model_copy(update={"env": env})) as stack,
        asking(stack.env),
        SandboxControl(stack.urls["cct"]) as sandbox,
    ):
        yield stack, sandbox


def lifted(rules: policy.Policy) -> str:
    """Return the policy with every playbook allowed to act alone, and no guard in the way."""
    playbooks = {
        name: each.model_copy(update={"ceiling": Mode.AUTO})
        for name, each in rules.playbooks.items()
    }
    lifted = rules.model_copy(
        update={
            "playbooks": playbooks,
            "maintenance": (),
            "autonomy": rules.autonomy.model_copy(update={"recurs_within_hours": 0}),
            "guards": GuardSettings(cool_down_minutes=0, backoff=Backoff(first_minutes=0)),
        }
    )
    return lifted.model_dump_json()  # which is YAML as well

"""
``python -m cct_ops.game_day [PLAYBOOK ...]``: drill, and print each result as a line of JSON.

The drills run in a stack of their own (ledger, Prefect, worker, sandbox), which takes nothing from
the caller's environment but what programs need to run.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from uuid import UUID, uuid4

from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    temporary_settings,
)

from cct_ops.clients import deployments
from cct_ops.config import policy
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.game_day.drills import DRILLS, Drill, Place
from cct_ops.models.game_day import DrillResult
from cct_ops.models.guards import GuardSettings
from cct_ops.models.mode import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.config import HOST, StackConfig
from cct_ops.stack.kernel import die_with_parent
from cct_ops.stack.up import running

PATIENCE_SECONDS = 240.0
POLL_SECONDS = 0.5
# The production waits take minutes, and the sandbox counts no requests.
SHORT = {
    "CCT_OPS_WATCH_SECONDS": "5",
    "CCT_OPS_MIN_SAMPLES": "5",
    "CCT_OPS_SETTLE_SECONDS": "10",
    "CCT_OPS_REQUESTS_PER_MINUTE": "600",
}


def main() -> int:
    """Drill the playbooks that are named, or all."""
    die_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, _end)
    try:
        drills = _chosen(sys.argv[1:])
        with tempfile.TemporaryDirectory(prefix="cct-ops-game-day-") as name:
            _drill_all(drills, Path(name))
    except OpsError as error:
        print(f"game day: {error}", file=sys.stderr)
        return 1
    return 0


def _drill_all(drills: list[Drill], folder: Path) -> None:
    config = StackConfig.ephemeral(folder)
    rules = folder / "policy.yaml"
    rules.write_text(_lifted(policy.read(config.project / "deployments" / "policy.yaml")))
    reviews = folder / "reviews"
    env = {
        **SHORT,
        "CCT_OPS_POLICY_PATH": str(rules),
        "CCT_OPS_REVIEWS_PATH": str(reviews),
        "GITHUB_API_URL": f"http://{HOST}:{config.sandbox_port}/github",
        "GITHUB_REPOSITORY": "example/cct",
        "GH_TOKEN": "of-the-sandbox",
    }
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
        for drill in drills:
            print(_carried_out(drill, Place(sandbox, reviews)).model_dump_json(), flush=True)


def _carried_out(drill: Drill, place: Place) -> DrillResult:
    """Seed the fault, let the stack's own worker run the playbook, and look at what it left."""
    place.sandbox.reset(limits=False)
    drill.seed(place.sandbox)
    began = time.monotonic()
    ended, message = _ended(_started(drill, _prepared(drill, place)))
    problem = None
    if ended != drill.expected:
        problem = f"It should have ended with {drill.expected}: {message}"
    elif not drill.holds(place):
        problem = f"It said {ended}, and what it left behind says otherwise."
    return DrillResult(
        playbook=drill.playbook,
        seeded=drill.seeded,
        expected=drill.expected,
        ended=ended,
        problem=problem,
        seconds=time.monotonic() - began,
    )


def _prepared(drill: Drill, place: Place) -> dict[str, object]:
    """Let the run come before that the drill needs, and return what it adds to the parameters."""
    if drill.first is None:
        return {}
    run_id = _started(drill.first, {})
    under_way = drill.under_way
    if under_way is None:
        _ended(run_id)
        return {"run_id": str(run_id)}
    began = time.monotonic()
    while not under_way(place.sandbox) and time.monotonic() - began < PATIENCE_SECONDS:
        time.sleep(POLL_SECONDS)
    return {}


def _started(drill: Drill, more: dict[str, object]) -> UUID:
    return deployments.start(drill.playbook, {**drill.parameters, **more}, key=str(uuid4()))


def _ended(run_id: UUID) -> tuple[str, str]:
    """Wait for the run's end; returns the name and the message of its last state."""
    began = time.monotonic()
    with get_client(sync_client=True) as client:
        while time.monotonic() - began < PATIENCE_SECONDS:
            state = client.read_flow_run(run_id).state
            if state is not None and state.is_final():
                return state.name or state.type.value, state.message or ""
            time.sleep(POLL_SECONDS)
    return "not ended", f"It did not end within {PATIENCE_SECONDS:g} s."


def _chosen(names: list[str]) -> list[Drill]:
    unknown = sorted(set(names) - {drill.playbook for drill in DRILLS})
    if unknown:
        raise BadConfiguration(f"There is no drill for {', '.join(unknown)}.")
    return [drill for drill in DRILLS if not names or drill.playbook in names]


def _lifted(rules: policy.Policy) -> str:
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
            "guards": GuardSettings(cool_down_minutes=0),
        }
    )
    return lifted.model_dump_json()  # which is YAML as well


def _end(signum: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signum)


if __name__ == "__main__":
    sys.exit(main())

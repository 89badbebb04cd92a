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

from cct_ops.clients import deployments
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.game_day.drill_stack import drill_stack
from cct_ops.models.game_day import DrillResult
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios.chaos_experiment import hurt
from cct_ops.scenarios.every import DRILLED
from cct_ops.scenarios.scenario import Left, Scenario
from cct_ops.stack.config import HOST, StackConfig
from cct_ops.stack.process_guard import die_with_parent

PATIENCE_SECONDS = 240.0
POLL_SECONDS = 0.5


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


def _drill_all(drills: list[Scenario], folder: Path) -> None:
    config = StackConfig.ephemeral(folder)
    reviews = folder / "reviews"
    more = {
        "CCT_OPS_REVIEWS_PATH": str(reviews),
        "GITHUB_API_URL": f"http://{HOST}:{config.sandbox_port}/github",
        "GITHUB_REPOSITORY": "example/cct",
        "GH_TOKEN": "of-the-sandbox",
    }
    with drill_stack(config, folder, more) as (_, sandbox):
        for drill in drills:
            print(_carried_out(drill, Left(sandbox, reviews)).model_dump_json(), flush=True)


def _carried_out(scenario: Scenario, left: Left) -> DrillResult:
    """Seed the fault, let the stack's own worker run the playbook, and look at what it left."""
    drill = scenario.drill
    assert drill is not None  # noqa: S101 -- for the type checker: it was chosen for its drill
    left.sandbox.reset(limits=False)
    scenario.seed(left.sandbox)
    began = time.monotonic()
    ended, message = _ended(_started(scenario, _prepared(scenario, left.sandbox)))
    expected, problem = scenario.acts.name, None
    if ended != expected:
        problem = f"It should have ended with {expected}: {message}"
    elif not drill.holds(left):
        problem = f"It reported {ended}, and what it left behind shows otherwise."
    return DrillResult(
        playbook=scenario.playbook,
        seeded=scenario.seeded,
        expected=expected,
        ended=ended,
        problem=problem,
        seconds=time.monotonic() - began,
    )


def _prepared(scenario: Scenario, sandbox: SandboxControl) -> dict[str, object]:
    """Let the run come before that the drill needs, and return what it adds to the parameters."""
    if scenario.after:
        run_id = _started(scenario.after, {})
        _ended(run_id)
        return {"about": str(run_id)}
    if scenario.during:
        _started(scenario.during, {"minutes": 10})
        began = time.monotonic()
        while not hurt(sandbox) and time.monotonic() - began < PATIENCE_SECONDS:
            time.sleep(POLL_SECONDS)
    return {}


def _started(scenario: Scenario, more: dict[str, object]) -> UUID:
    return deployments.start(scenario.playbook, scenario.drilled | more, key=str(uuid4()))


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


def _chosen(names: list[str]) -> list[Scenario]:
    unknown = sorted(set(names) - DRILLED.keys())
    if unknown:
        raise BadConfiguration(f"There is no drill for {', '.join(unknown)}.")
    return [each for name, each in DRILLED.items() if not names or name in names]


def _end(signum: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signum)


if __name__ == "__main__":
    sys.exit(main())

"""
``python -m cct_ops.rehearsal``: try what the worker promises, and print a line of JSON for each.

It runs in the environment of the candidate, in a stack of its own.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from cct_ops.errors import OpsError
from cct_ops.game_day.drill_stack import drill_stack
from cct_ops.rehearsal.contract import Bench, promises
from cct_ops.stack.config import StackConfig
from cct_ops.stack.process_guard import die_with_parent


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
    with drill_stack(StackConfig.ephemeral(folder), folder, {}) as (stack, sandbox):
        log = folder / "logs" / "worker.log"
        for result in promises(Bench(stack.env, sandbox, log)):
            print(result.model_dump_json(), flush=True)


if __name__ == "__main__":
    sys.exit(main())

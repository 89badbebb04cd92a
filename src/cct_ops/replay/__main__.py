"""
``python -m cct_ops.replay HISTORY SOURCES ROUTES POLICY``: one side of a comparison, as JSON.

It reads these four files and writes to its standard output alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cct_ops.errors import OpsError
from cct_ops.replay import history
from cct_ops.replay.code import digests
from cct_ops.replay.engine import replay
from cct_ops.replay.result import WRONG_RULES
from cct_ops.replay.rules import RuleFiles, read_rules


def main() -> int:
    """Replay, and say in one sentence what is wrong with a file."""
    result = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no part of the result
    past, sources, routes, policy = map(Path, sys.argv[1:])
    try:
        done = replay(read_rules(RuleFiles(sources, routes, policy)), history.read(past))
        done = done.model_copy(update={"playbooks": digests(routes)})
    except OpsError as error:
        print(error, file=sys.stderr)
        return WRONG_RULES
    with os.fdopen(result, "wb") as file:
        file.write(done.model_dump_json().encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())

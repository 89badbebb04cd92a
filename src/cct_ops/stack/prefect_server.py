"""
``python -m cct_ops.stack.prefect_server``: ``prefect server start``, set up for many runs at once.

The server keeps a few hundred thousand objects for good, and Python would look at all of them again
and again: with its defaults a tenth of the server's time goes there. And with its own defaults
Prefect writes down each state of each task in a transaction of its own, some twenty for a run.
"""

from __future__ import annotations

import gc
import os
import runpy
import sys

# Young objects are looked at after so many more; the old ones only when they have grown by a lot.
_THRESHOLDS = (20_000, 20, 100)
# A server that is killed may lose so much of the tasks' record; runs are written at once. Prefect
# cuts the seconds to a whole number, and with less than one it would never pause.
RECORDS_AT_ONCE = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}


def main() -> None:
    """Become ``prefect server start`` with our arguments."""
    gc.set_threshold(*_THRESHOLDS)
    for name, value in RECORDS_AT_ONCE.items():
        os.environ.setdefault(name, value)
    sys.argv = ["prefect", "server", "start", *sys.argv[1:]]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

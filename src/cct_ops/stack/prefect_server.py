"""
``python -m cct_ops.stack.prefect_server``: ``prefect server start`` with a calmer collector.

The server keeps a few hundred thousand objects for good, and Python would look at all of them again
and again: with its defaults a tenth of the server's time goes there.
"""

from __future__ import annotations

import gc
import runpy
import sys

# Young objects are looked at after so many more; the old ones only when they have grown by a lot.
_THRESHOLDS = (20_000, 20, 100)


def main() -> None:
    """Become ``prefect server start`` with our arguments."""
    gc.set_threshold(*_THRESHOLDS)
    sys.argv = ["prefect", "server", "start", *sys.argv[1:]]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

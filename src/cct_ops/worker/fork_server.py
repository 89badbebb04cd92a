"""
``python -m cct_ops.worker.fork_server <descriptor>``: import everything once, then fork.

It has one thread and no event loop, no connection and no engine, so that its forks inherit nothing
that breaks when it is copied. The worker sends a byte with a descriptor, the end of a line to the
new process; we answer with lines of JSON: that we are ready, each fork, each end of a process.
It ends when the worker does.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import NoReturn

from prefect.logging.configuration import setup_logging

from cct_ops.stack.process_guard import ended_children, wake_up_pair
from cct_ops.worker import child
from cct_ops.worker.preload import Flows, preload, prepare


def main() -> int:
    """Load, then serve."""
    began = time.monotonic()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker
    worker = socket.socket(fileno=int(sys.argv[1]))
    sys.argv = sys.argv[:1]
    setup_logging()
    prepare()
    flows = preload(Path.cwd())
    gc.collect()
    gc.freeze()  # else the collector of each fork would copy pages by looking at them
    _report(worker, ready=True, seconds=time.monotonic() - began)
    return _serve(worker, flows)


def _serve(worker: socket.socket, flows: Flows) -> int:
    wake, waker = wake_up_pair()
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        readable, _, _ = select.select([worker, wake], [], [])
        if wake in readable:
            wake.recv(4096)
            for pid, code in ended_children():
                _report(worker, pid=pid, exit_code=code)
        if worker in readable:
            asked, lines, _, _ = socket.recv_fds(worker, 1, 1)
            if not asked:
                return 0
            for line in lines:
                pid = os.fork()
                if pid == 0:
                    _become_a_process(worker, wake, waker)
                    _live_and_end(socket.socket(fileno=line), flows)
                os.close(line)
                _report(worker, pid=pid)


def _become_a_process(*inherited: socket.socket) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for end in inherited:
        end.close()


def _live_and_end(line: socket.socket, flows: Flows) -> NoReturn:
    """
    Live, and end with the exit code that Python would have given, but at once.

    Python would take apart what was imported, and to that end copy nearly all that is shared: three
    times what a run copies in its life. As in ``multiprocessing``, all registered exit handlers are
    called.
    """
    code: object = 1
    try:
        code = child.live(line, flows)
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = -signal.SIGINT
    except BaseException:  # noqa: BLE001 -- nobody is above us
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 -- see above
    atexit._run_exitfuncs()  # noqa: SLF001 -- see above
    if not isinstance(code, int | None):
        sys.stderr.write(f"{code}\n")
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    os._exit(code or 0)


def _report(worker: socket.socket, **fact: object) -> None:
    try:
        worker.sendall(json.dumps(fact).encode() + b"\n")
    except BrokenPipeError:
        sys.exit(0)  # the worker is gone, and with it our purpose


if __name__ == "__main__":
    sys.exit(main())

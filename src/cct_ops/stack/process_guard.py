"""
Run one program so that nothing of it can be left behind.

``python -m cct_ops.stack.process_guard [options] -- program arguments``

The program is stopped when our stdin ends or has any line (the owner let go, or died) and on
SIGTERM or SIGINT: first its own stop signal, after the deadline SIGKILL, then everything that
it started. SIGQUIT skips the deadline. This process stays small on purpose: it must never fail.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import pwd
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_ORPHAN_SECONDS = 2.0  # at most, for what it started, between SIGTERM and SIGKILL
_ON_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none is lost."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signum: signal.Signals) -> None:
    """
    Receive a signal when the parent dies.

    To be called after any change of user, which clears the setting. The kernel means the thread
    that forked us, so a parent that uses this must fork from its main thread.
    """
    _prctl(_PR_SET_PDEATHSIG, signum)


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return  # elsewhere the pipes alone must do; only kill -9 of a guard itself is not covered
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")


def wake_up_pair() -> tuple[socket.socket, socket.socket]:
    """Return a socket that has the number of each signal that comes, and its other end."""
    wake, waker = socket.socketpair()
    for end in (wake, waker):
        end.setblocking(False)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    return wake, waker


def ended_children() -> Iterator[tuple[int, int]]:
    """Yield each child that has ended, with its exit code; does not wait."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            yield ended[0], os.waitstatus_to_exitcode(ended[1])


def main() -> int:
    """Run the program of the command line to its end; give its exit code, as a shell would."""
    parser = argparse.ArgumentParser(prog="process-guard")
    parser.add_argument("--stop-signal", type=int, default=signal.SIGTERM)
    parser.add_argument("--stop-seconds", type=float, default=10.0)
    parser.add_argument("--user", default=None)
    parser.add_argument("--orphans-finish", action="store_true")
    parser.add_argument("program", nargs="+")
    options = parser.parse_args()

    adopt_orphans()
    wake, _waker = wake_up_pair()
    for signum in (*_ON_STOP, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(signum, _noted)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the owner may have had some of them blocked

    guard = _Guard(_fork(options.program, options.user), wake, options.stop_signal)
    guard.hold(options.stop_seconds)
    if guard.stopping or not options.orphans_finish:
        guard.end_orphans(min(_ORPHAN_SECONDS, options.stop_seconds))
    return guard.exit_code


class _Guard:
    """The program's process and what has become of it."""

    def __init__(self, pid: int, wake: socket.socket, stop_signal: int) -> None:
        self.stopping = False
        self.exit_code = 0
        self._pid = pid
        self._wake = wake
        self._stop_signal = stop_signal
        self._ended = False

    def hold(self, stop_seconds: float) -> None:
        """Wait for the program's end, and bring it about when asked to."""
        deadline: float | None = None
        while not self._ended:
            signals, owner_gone = self._next(deadline)
            asked = owner_gone or not signals.isdisjoint(_ON_STOP)
            if asked and not self.stopping:
                self.stopping = True
                deadline = time.monotonic() + stop_seconds
                self._send(self._stop_signal)
            if signal.SIGQUIT in signals or (deadline and time.monotonic() >= deadline):
                self.stopping = True
                deadline = None
                self._send(signal.SIGKILL)
            self._reap()

    def end_orphans(self, seconds: float) -> None:
        """Stop what the program left behind: politely, then by force, until nothing is left."""
        import psutil  # only now: it would double the time to start

        me = psutil.Process()
        deadline = time.monotonic() + seconds
        warned = set[int]()
        while left := me.children(recursive=True):
            late = time.monotonic() >= deadline
            for process in left:
                if late or process.pid not in warned:
                    warned.add(process.pid)
                    _kill(process.pid, signal.SIGKILL if late else signal.SIGTERM)
            time.sleep(0.02)
            self._reap()

    def _next(self, deadline: float | None) -> tuple[set[int], bool]:
        """Wait for a signal, the end of stdin or the deadline."""
        watched: list[socket.socket | int] = [self._wake]
        if not self.stopping:
            watched.append(0)
        seconds = None if deadline is None else max(0.0, deadline - time.monotonic())
        readable, _, _ = select.select(watched, [], [], seconds)
        signals = set(self._wake.recv(4096)) if self._wake in readable else set()
        return signals, 0 in readable

    def _send(self, signum: int) -> None:
        _kill(self._pid, signum)

    def _reap(self) -> None:
        for pid, code in ended_children():
            if pid == self._pid:
                self._ended = True
                self.exit_code = code if code >= 0 else 128 - code


def _fork(program: list[str], user: str | None) -> int:
    guard = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.set_wakeup_fd(-1)
        # Signals ignored by us or by who started us (a background job of `sh` ignores SIGINT)
        # would stay ignored over the exec, and the part could not be stopped in its own way.
        for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(signum, signal.SIG_DFL)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, 256)  # among them the lock of the data folder
        if user is not None:
            account = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        die_with_parent(signal.SIGKILL)
        if os.getppid() == guard:
            os.execvp(program[0], program)  # noqa: S606 - no shell is the point
    except (OSError, KeyError) as exc:
        os.write(2, f"cannot run {program[0]}: {exc}\n".encode())
    os._exit(127)


def _kill(pid: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)


def _noted(_signum: int, _frame: object) -> None:
    """Do nothing: the signal's number is already in the wake-up socket."""


if __name__ == "__main__":
    sys.exit(main())

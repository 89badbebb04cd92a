"""The front of a stack: starts the supervisor, follows it, and lets go of it in the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from cct_ops.errors import OpsError
from cct_ops.settings import Settings
from cct_ops.stack import environment
from cct_ops.stack.assembly import Assembly, assemble
from cct_ops.stack.config import StackConfig, problem_with_cct
from cct_ops.stack.lock import locked
from cct_ops.stack.part import Event, Plan
from cct_ops.stack.process_guard import die_with_parent
from cct_ops.stack.progress_display import ProgressDisplay
from cct_ops.stack.supervisor import CANNOT_START
from cct_ops.typed import COMMAND

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MAKE_LINK = "from cct_ops.cli import app; app(['board', 'link', '--role', 'admin'])"
_GUARD_SECONDS = 30.0  # what guards get to stop their parts when the supervisor was killed

OnEvent = Callable[[Event], None]
Assembler = Callable[[StackConfig, int], Assembly]


class StackFailed(OpsError):
    """The stack could not start, or its supervisor died; the message names what to look at."""


class Supervised:
    """A supervisor process seen from its owner."""

    def __init__(self, plan: Plan, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._settled = threading.Event()  # up, or never to be
        self._is_up = False
        self._asked = False
        self._failures: list[str] = []
        self._guards: dict[int, psutil.Process] = {}
        plan.logs.mkdir(parents=True, exist_ok=True)
        self._log = plan.logs / "supervisor.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cct_ops.stack.supervisor"],
                stdin=subprocess.PIPE,
                bufsize=0,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the front, which asks for an orderly stop
                pass_fds=() if plan.lock_fd is None else (plan.lock_fd,),
            )
        self._write(plan.model_dump_json().encode() + b"\n")
        self._reader = threading.Thread(target=self._follow, name="stack-events", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    def wait_until_up(self) -> bool:
        """Wait; False if it was asked to stop meanwhile. Raises StackFailed."""
        self._settled.wait()
        if not self._is_up:
            self.wait()
        return self._is_up and not self._asked

    def wait(self) -> None:
        """Wait until it has ended, and everything that it started; raises StackFailed."""
        self._reader.join()
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        if code not in {0, CANNOT_START}:
            self._end_guards()
            died = f"the supervisor died (exit code {code}); everything was stopped"
            self._failures = [f"{died}. See {self._log}, then start again"]
        if self._failures:
            raise StackFailed("\n".join(self._failures))

    def ask_to_stop(self, *, again: bool = True) -> None:
        """Ask for an orderly stop; asked again, for one without grace. Safe in a handler."""
        if not self._asked:
            self._asked = True
            self._write(b"stop\n")
        elif again and self._process.poll() is None:
            self._process.terminate()

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - PIPE was asked for
        if self._process.stdin.closed:
            return  # it has ended, and wait() has reported how
        with contextlib.suppress(BrokenPipeError):  # it died: wait() will report it
            while line:
                line = line[os.write(self._process.stdin.fileno(), line) :]

    def _follow(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - PIPE was asked for
        try:
            for line in self._process.stdout:
                self._take(Event.model_validate_json(line))
        finally:
            self._settled.set()  # no report will come any more

    def _take(self, event: Event) -> None:
        if event.pid and event.pid not in self._guards:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._guards[event.pid] = psutil.Process(event.pid)
        if event.kind == "failed":
            self._failures.append(event.message)
        if event.kind == "up":
            self._is_up = True
            self._settled.set()
        self._on_event(event)

    def _end_guards(self) -> None:
        """A guard stops its part when the supervisor dies: see that it happens."""
        left = [guard for guard in self._guards.values() if guard.is_running()]
        _, late = psutil.wait_procs(left, timeout=_GUARD_SECONDS)
        for guard in late:
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in (*guard.children(recursive=True), guard):
                    process.kill()


@dataclass(frozen=True)
class Running:
    """A stack that is up: where its parts are, and the environment to talk to them."""

    urls: Mapping[str, str]
    env: Mapping[str, str]
    data: Path
    own_key: Path | None  # the file with the Alertmanager hook's key; None: it came from outside
    supervisor: Supervised
    commands: str = ""  # how our commands are typed, and where


@contextlib.contextmanager
def running(
    config: StackConfig, *, on_event: OnEvent = lambda _event: None, assembler: Assembler = assemble
) -> Iterator[Running]:
    """
    Run a stack for the length of a ``with`` block.

    Raises BadConfiguration before anything starts, StackFailed when a part cannot start.
    """
    with _started(config, on_event, assembler) as stack:
        stack.supervisor.wait_until_up()
        yield stack


def up(config: StackConfig, *, assembler: Assembler = assemble) -> int:
    """
    Run a stack until Ctrl-C, SIGTERM or the end of our parent; return the exit code.

    A stack that ignores hang-ups when it starts, as under ``nohup``, outlives parent and terminal.
    """
    stays = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    if not stays:
        die_with_parent(signal.SIGTERM)
    display = ProgressDisplay()
    try:
        timeout_seconds = Settings.load().request_timeout_seconds
        with (
            display,
            _started(config, display.show, assembler) as stack,
            _signals_stop(stack.supervisor, display, hang_up=not stays),
        ):
            if stack.supervisor.wait_until_up():
                display.show_running(
                    {**stack.urls, **way_in(stack)},
                    config.data,
                    own_key=stack.own_key,
                    commands=stack.commands,
                )
                _ask_for_cct(stack.urls["cct"], timeout_seconds, display)
            stack.supervisor.wait()
    except OpsError as error:
        display.show_error(str(error))
        return 1
    except KeyboardInterrupt:  # before there was anything to stop
        return 0
    return 0


@contextlib.contextmanager
def _started(config: StackConfig, on_event: OnEvent, assembler: Assembler) -> Iterator[Running]:
    with locked(config.data, ", or choose another folder with --data") as lock_fd:
        assembly = assembler(config, lock_fd)
        with environment.kept(config.data, assembly.env):
            supervisor = Supervised(assembly.plan, on_event)
            try:
                yield Running(
                    assembly.urls,
                    assembly.env,
                    config.data,
                    assembly.own_key,
                    supervisor,
                    f"{assembly.env.get(COMMAND, 'cct-ops')} ..., in {config.project}",
                )
            finally:
                supervisor.ask_to_stop(again=False)
                supervisor.wait()


def way_in(stack: Running) -> dict[str, str]:
    """Return the link that lets whoever started the stack in on its board, once."""
    if "board" not in stack.urls:
        return {}
    # In a process of its own: this one shall not carry for ever what it takes to reach the ledger.
    making = subprocess.run(  # noqa: S603 -- our own command
        [sys.executable, "-c", _MAKE_LINK],
        env=stack.env,
        capture_output=True,
        text=True,
        check=False,
    )
    return {"board": making.stdout.strip()} if making.returncode == 0 else {}


def _ask_for_cct(url: str, timeout_seconds: float, display: ProgressDisplay) -> None:
    """Show it if CCT does not answer; in a thread, because Ctrl-C must not wait for answers."""

    def ask() -> None:
        why = problem_with_cct(url, timeout_seconds)
        if why is not None:
            display.show_unreachable_cct(why)

    threading.Thread(target=ask, name="ask-for-cct", daemon=True).start()


@contextlib.contextmanager
def _signals_stop(
    supervisor: Supervised, display: ProgressDisplay, *, hang_up: bool
) -> Iterator[None]:
    def stop(signum: int, _frame: FrameType | None) -> None:
        reasons.append(signal.Signals(signum))
        supervisor.ask_to_stop()

    reasons: list[signal.Signals] = []
    signals = [each for each in _STOP_SIGNALS if hang_up or each is not signal.SIGHUP]
    # set in any case: a background job of a non-interactive shell begins with SIGINT ignored
    before = {signum: signal.signal(signum, stop) for signum in signals}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        if reasons:
            display.show_stopped(reasons[0])

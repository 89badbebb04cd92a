"""The display of `cct-ops up`: progress while it starts, a table at the end, and troubles later."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cct_ops.stack import prefect_server
from cct_ops.stack.part import Event

_SENDERS = {
    signal.SIGINT: " (Ctrl-C)",
    signal.SIGHUP: ": its terminal was closed; start it with nohup to keep it",
    signal.SIGTERM: ": asked to end, or the shell that started it has ended",
}


_ENDLESS = 1_000


class ProgressDisplay:
    """A live list on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        # What is copied from here must not be broken into lines where nobody has a screen.
        width = None if sys.stdout.isatty() else _ENDLESS
        self._console = console or Console(width=width)
        self._starting: dict[str, Spinner] = {}
        self._live: Live | None = None
        self._is_up = False

    def __enter__(self) -> ProgressDisplay:
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, event: Event) -> None:
        """Show one event of the supervisor."""
        match event.kind:
            case "starting" if not self._is_up:
                self._starting[event.part] = Spinner("dots", Text(event.part))
                self._refresh()
            case "ready":
                self._starting.pop(event.part, None)
                again = " again" if self._is_up else ""
                self._line("✓", "green", f"{event.part:<12} {event.seconds:5.1f} s{again}")
            case "up":
                self._is_up = True
            case "died":
                self._line("!", "yellow", f"{event.part} {event.message}")
            case "degraded":
                self._line("✗", "bold red", f"DEGRADED: {event.part} {event.message}")
            case "stopping":
                self._starting.clear()
                self._line("·", "dim", f"stopping {event.part}")
            case _:
                pass

    def show_running(
        self, urls: Mapping[str, str], data: Path, *, own_key: Path | None, commands: str
    ) -> None:
        """Show where everything is, and last the way in: the board, by a link if there is one."""
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        table.add_row("Prefect UI", urls["prefect"])
        table.add_row("its login", f"what is in {prefect_server.file_of(data)}")
        table.add_row("alert hook", urls["hook"])
        table.add_row("its bearer key", str(own_key or "as set in CCT_OPS_ALERTMANAGER_KEY"))
        table.add_row("CCT", urls["cct"])
        if urls.get("metrics"):
            table.add_row("metrics", f"for Prometheus, on the ports {urls['metrics']}")
        table.add_row("commands", commands)
        table.add_row("data", str(data))
        table.add_row("logs", str(data / "logs"))
        self._console.print()
        self._console.print(table)
        self._console.print("\nUp. Ctrl-C stops everything.")
        if "board" in urls:
            self._show_way_in(urls)
        self._flush()

    def _show_way_in(self, urls: Mapping[str, str]) -> None:
        signed_in = "/links/" in urls["board"]
        words = "signed in; the link is good once, for 15 minutes" if signed_in else "the board"
        self._console.print(f"\nOpen this ({words}):\n")
        self._console.print(f"  {urls['board']}", soft_wrap=True)
        if "sandbox" in urls:
            self._console.print(
                "\nCCT is a sandbox of this stack: Sandbox, in the board's menu, breaks something"
                " in it,\nand you see the whole incident within a minute.",
                soft_wrap=True,
            )

    def show_unreachable_cct(self, why: str) -> None:
        """Show that CCT does not answer, which keeps no alert from being taken in."""
        effect = "Alerts are taken in; playbooks cannot look until it does."
        self._line("!", "yellow", f"CCT does not answer ({why}). {effect}")

    def show_stopped(self, signum: signal.Signals) -> None:
        """Show which signal ended the stack: a background job's log is all that is left of it."""
        self._line("·", "dim", f"stopped by {signum.name}{_SENDERS.get(signum, '')}")

    def show_error(self, message: str) -> None:
        """Show what went wrong, on stderr."""
        errors = Console(stderr=True, soft_wrap=True)
        errors.print(Text.assemble(("cct-ops up: ", "bold red"), message))

    def _line(self, mark: str, style: str, words: str) -> None:
        self._console.print(Text.assemble((mark, style), " ", words), soft_wrap=True)
        self._refresh()
        self._flush()

    def _refresh(self) -> None:
        if self._live is not None:
            grid = Table.grid()
            for spinner in self._starting.values():
                grid.add_row(spinner)
            self._live.update(grid)

    def _flush(self) -> None:
        if self._console.file is sys.stdout:
            sys.stdout.flush()

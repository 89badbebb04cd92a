"""One row for each job, and one line of totals that decides about the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from evaluation.soak.load import Tally


@dataclass(frozen=True)
class Row:
    """The counts of one job; ``runs`` are Prefect's, or those asked for where it has no Prefect."""

    job: str
    sent: int
    accepted: int
    runs: int
    lost: int
    doubled: int
    p50_ms: float
    p99_ms: float
    note: str = ""

    @classmethod
    def of(
        cls, job: str, tally: Tally, *, runs: int, lost: int, doubled: int, note: str = ""
    ) -> Row:
        """Return the row of a job with this load."""
        p50, p99 = tally.percentile(0.5), tally.percentile(0.99)
        return cls(job, tally.sent, tally.accepted, runs, lost, doubled, p50, p99, note)


def show(rows: Sequence[Row], console: Console | None = None) -> bool:
    """Print the table and its totals; return True if nothing was lost and nothing doubled."""
    table = Table("job", "sent", "accepted", "runs", "lost", "doubled", "p50", "p99")
    for row in rows:
        numbers = (row.sent, row.accepted, row.runs, row.lost, row.doubled)
        times = (f"{row.p50_ms:.0f} ms", f"{row.p99_ms:.0f} ms")
        table.add_row(row.job, *(f"{number:,}" for number in numbers), *times)
    printed = console or Console(soft_wrap=True)
    printed.print(table)
    for row in rows:
        printed.print(f"{row.job}: {row.note}", highlight=False)
    lost, doubled = sum(row.lost for row in rows), sum(row.doubled for row in rows)
    printed.print(
        f"total: sent {sum(row.sent for row in rows)}, accepted {sum(r.accepted for r in rows)},"
        f" runs {sum(row.runs for row in rows)}, lost {lost}, doubled {doubled}",
        highlight=False,
    )
    return lost == 0 and doubled == 0

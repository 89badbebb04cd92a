"""
``python -m evaluation.first_paint``: how soon Now is on the screen, and news on it, after years.

Two boards run side by side on one PostgreSQL, one on an empty ledger and one on a long history.
Debian's Chromium loads the page of each in turns. It ends with 1 where a goal is missed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import sqlalchemy as sa
from cyclopts import App, Parameter
from playwright.sync_api import Browser, Page
from pydantic import SecretStr

from cct_ops.child_process import ended
from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.people import sign_ins
from cct_ops.models.role import Role
from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.chromium import CHROMIUM, chromium

MOST_PAINT_MS = 200
MOST_NEWS_SECONDS = 2
_STOP_SECONDS = 20.0
_PATIENCE_MS = 120_000  # what takes longer is broken, and not slow
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"

# What is closed came in every 20 seconds, what is open every 5; each was decided by a run, and a
# tenth of what was concluded is a P0.
_HISTORY = """
set local session_replication_role = replica;
create temporary table story on commit drop as
select md5('i' || n)::uuid as incident, md5('r' || n)::uuid as run, n, n > :closed as is_open,
    clock_timestamp() - interval '1 second' * case when n > :closed then (:closed + :open - n) * 5
        else :open * 5 + (:closed - n) * 20 end as at
from generate_series(1, :closed + :open) as n;
insert into incidents (id, source, key, episode, state, closed_as, labels, annotations, starts_at,
    opened_at, last_seen_at, closed_at)
select incident, 'alertmanager', 'k' || n, 1, case when is_open then 'open' else 'closed' end,
    case when not is_open then 'resolved' end,
    jsonb_build_object('alertname', 'Generated' || n % 50, 'route', '/r' || n % 40, 'severity',
        (array['critical', 'error', 'warning', 'warning', 'warning', 'info'])[1 + n % 6]),
    '{"summary": "Something is wrong with it, and has been for a while"}', at, at, at,
    case when not is_open then at + interval '10 minutes' end
from story;
insert into dispatches (incident_id, purpose, state, rule, playbook, flow_run_id, created_at,
    finished_at)
select incident, 'remediate', 'sent', 'r', 'auto-rollback', run, at, at from story;
insert into decisions (run_id, incident_id, playbook, target, mode, verdict, reason, headline,
    severity, evidence, plan, plan_digest, decided_at)
select run, incident, 'auto-rollback', '/r' || n % 40, 'auto', 'permitted', '-',
    'Auto-rollback pulled the canary.', case when n % 10 = 0 then 'P0' else 'P1' end, '[]', '{}',
    '-', at
from story;
insert into resolutions (run_id, incident_id, playbook, target, outcome, reason, finished_at)
select run, incident, 'auto-rollback', '/r' || n % 40, 'resolved', 'It holds.', at
from story where not is_open;
"""
_NEWS = """
insert into incidents (source, key, episode, state, labels, annotations, starts_at, opened_at)
values ('alertmanager', :name, 1, 'open',
    jsonb_build_object('alertname', cast(:name as text), 'severity', 'critical'), '{}',
    clock_timestamp(), clock_timestamp())
"""

app = App(help=__doc__, result_action="return_value")


class Taken(NamedTuple):
    """What a board took: milliseconds until each paint, seconds until each piece of news."""

    paints: list[float]
    news: list[float]

    def __str__(self) -> str:
        return (
            f"first paint {statistics.median(self.paints):.0f} ms in the median,"
            f" {max(self.paints):.0f} at most; news after {statistics.median(self.news):.2f} s,"
            f" {max(self.news):.2f} at most"
        )


@app.default
def main(
    *,
    closed: Annotated[int, Parameter(help="Incidents that are over.")] = 1_000_000,
    still_open: Annotated[int, Parameter(name="--open", help="Incidents that are not.")] = 20_000,
    turns: Annotated[int, Parameter(help="Of each board.")] = 40,
) -> int:
    """Take about five minutes on an idle machine; smaller numbers are faster."""
    if CHROMIUM is None:
        _say("first paint: there is no Chromium: install Debian's package chromium.")
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="first-paint-") as place,
        EmbeddedPostgres(Path(place)) as server,
    ):
        # Each on a database of its own; a board asks nothing of Prefect to show Now.
        empty, long = (SecretStr(server.url(name)) for name in ("prefect", "cct_ops"))
        for url in (empty, long):
            migrate(url)
        fill(long, closed=closed, still_open=still_open)
        taken = measure((empty, long), turns)
    _say(f"empty board: {taken[0]}")
    _say(f"{still_open} open and {closed} closed: {taken[1]}")
    _say(f"goals: {MOST_PAINT_MS} ms in the median, {MOST_NEWS_SECONDS} s at most")
    paint = statistics.median(taken[1].paints)
    return int(paint > MOST_PAINT_MS or max(taken[1].news) > MOST_NEWS_SECONDS)


def fill(url: SecretStr, *, closed: int, still_open: int) -> None:
    """Write a history of incidents, all with the run that they led to."""
    engine = connect(url)
    with engine.begin() as tx:
        for statement in filter(str.strip, _HISTORY.split(";")):
            tx.execute(sa.text(statement), {"closed": closed, "open": still_open})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as now:
        now.execute(sa.text("vacuum analyze"))
    engine.dispose()


def measure(ledgers: Sequence[SecretStr], turns: int) -> list[Taken]:
    """Load each board as often, in alternation, and after each let one alert more come in."""
    taken = [Taken([], []) for _ in ledgers]
    with ExitStack() as kept:
        browser = kept.enter_context(chromium())
        boards = [(url, kept.enter_context(board(url))) for url in ledgers]
        pages = [signed_in(browser, *each) for each in boards]
        for page in pages:
            page.goto("/now")  # what a browser keeps of a site it has by now
        for turn in range(turns):
            for number, (url, page) in enumerate(zip(ledgers, pages, strict=True)):
                page.goto("/now")
                taken[number].paints.append(painted(page))
                taken[number].news.append(news(url, page, f"News {turn}"))
    return taken


def painted(page: Page) -> float:
    """Return the milliseconds from asking for a page until something of it was on the screen."""
    # Waiting in the page itself would take what its policy forbids to scripts.
    while (at := page.evaluate(_PAINT)) is None:
        page.wait_for_timeout(5)
    return float(at)


def news(url: SecretStr, page: Page, name: str) -> float:
    """Measure the seconds from the row of an incident until an open page shows it."""
    page.locator("#live[data-state=on]").wait_for()
    engine = connect(url)
    with engine.begin() as tx:
        tx.execute(sa.text(_NEWS), {"name": name})
    engine.dispose()
    began = time.perf_counter()
    page.get_by_text(name, exact=True).first.wait_for()
    return time.perf_counter() - began


@contextmanager
def board(url: SecretStr) -> Iterator[str]:
    """Run one as a process, and yield its address."""
    env = os.environ | {
        "CCT_OPS_DATABASE_URL": url.get_secret_value(),
        "CCT_OPS_BOARD_PORT": "0",
        "PREFECT_API_URL": "http://127.0.0.1:9/api",  # nobody
    }
    command = (sys.executable, "-m", "cct_ops.board")
    with (
        subprocess.Popen(  # noqa: S603 -- ours
            command, env=env, stdout=subprocess.PIPE, text=True
        ) as process,
        ended(process, _STOP_SECONDS),
    ):
        said = process.stdout.readline() if process.stdout else ""
        yield said.removeprefix("board: ").strip()


def signed_in(browser: Browser, url: SecretStr, address: str) -> Page:
    """Return a page of somebody who has come in by a link."""
    engine = connect(url)
    token = sign_ins.make_link(engine, "Anna Ito", Role.ADMIN, "evaluation")
    engine.dispose()
    page = browser.new_context(base_url=address).new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(f"/links/{token}")
    page.get_by_role("button").click()
    page.wait_for_url("**/now")
    return page


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(app())

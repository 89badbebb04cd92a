"""
The report on incidents: reckoned from the ledger, checked, and shown as tables.

What reckons it takes seconds and much memory to import, so that happens only where it is used.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from cct_ops.errors import BadConfiguration
from cct_ops.models.base import counted
from cct_ops.models.incident_report import IncidentReportDiagnosis
from cct_ops.models.run import Evidence
from cct_ops.models.since import passed
from cct_ops.reports.render import escape, fenced, render
from cct_ops.typed import typed
from tasks.connections import ledger
from tasks.showing import showing

MOST_IDS = 3  # side by side: the table of cases has a line for each
MOST_ROWS = 500
_FIRST = ("incidents", "acknowledged", "verified fixes", "undone", "came back within 24 h")

Table = list[dict[str, str]]


class Reckoned(NamedTuple):
    """A report, ready to be shown."""

    diagnosis: IncidentReportDiagnosis
    numbers: Table
    playbooks: Table
    cases: Table
    all_cases: int
    text: str
    since: str


@task(cache_policy=NO_CACHE, persist_result=False)
def reckon_incidents(since: str) -> Reckoned:
    """
    Reckon the numbers of that time, and check what they are made of.

    Raises ``BadConfiguration`` when the time has no such beginning.
    """
    from cct_ops.record.report import checks, facts, figures, tables, words
    from cct_ops.record.report.model import Group

    try:
        begin = passed(since, datetime.now(UTC))
    except ValueError as error:
        raise BadConfiguration(f"since {error}.") from None
    sound, left_out = checks.checked(facts.read(ledger(), begin))
    found = figures.reckon(sound, left_out)
    first = [found.total[name] for name in (*_FIRST, figures.SAVED)]
    evidence = tuple(
        Evidence.of(figure.name, words.value(figure), f"behind it: {len(figure.ids)}")
        for figure in first
    )
    sentence, html, csv = words.first_sentence(found), *_commands(since)
    return Reckoned(
        diagnosis=IncidentReportDiagnosis.of(sentence, evidence, len(left_out)),
        numbers=_escaped(tables.numbers(found, MOST_IDS)),
        playbooks=_escaped(tables.playbooks(found)),
        cases=_escaped(tables.cases(sound, MOST_ROWS)),
        all_cases=len(sound.cases),
        text=render(
            "figures.md.j2",
            sentence=sentence,
            groups=[(each, found.total.group(each)) for each in Group],
            value=words.value,
            left_out=left_out[:MOST_ROWS],
            more_left_out=max(0, len(left_out) - MOST_ROWS),
            meanings=words.MEANINGS,
            commands=fenced(f"{html}\n{csv}"),
        ),
        since=since,
    )


def publish_incidents(reckoned: Reckoned) -> None:
    """Show the numbers, the playbooks, and the incidents and runs behind them, as artifacts."""
    every = f"all of them: {_commands(reckoned.since)[-1]}"
    shown, there = (
        len(reckoned.cases),
        counted(reckoned.all_cases, "incident or run", "incidents and runs"),
    )
    said = f"The newest {shown} of the {there}" if shown < reckoned.all_cases else f"The {there}"
    with showing("The report on incidents"):
        create_table_artifact(
            key="incident-report-numbers",
            table=reckoned.numbers,
            description=f"{reckoned.diagnosis.headline} Which incidents and runs count in a number:"
            f" search incident-report-cases for its name; {every}",
        )
        create_table_artifact(
            key="incident-report-playbooks",
            table=reckoned.playbooks,
            description="The same by playbook; each incident is in one row, and in the last.",
        )
        create_table_artifact(
            key="incident-report-cases",
            table=reckoned.cases,
            description=f"{said} behind the numbers; {every}",
        )
        create_markdown_artifact(
            key="incident-report-text",
            markdown=reckoned.text,
            description=reckoned.diagnosis.headline,
        )


def _commands(since: str) -> tuple[str, str]:
    """Return how a person gets the same with the incidents behind each number."""
    return (
        typed("report", "--since", since, "--html", "report.html"),
        typed("report", "--since", since, "--csv", "report.csv"),
    )


def _escaped(table: Table) -> Table:
    """Return a table in which text of others is text: the UI reads its cells as Markdown."""
    return [{name: escape(cell) for name, cell in row.items()} for row in table]

"""
A report on a long history is made in little time and room.

As part of the suite the history is short and nothing is measured. ``REPORT_INCIDENTS=100000``
makes it long and holds the whole command to a minute and to one GiB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.conftest import ROOT

SHORT, EVERY_SECONDS = 2_000, 25
SIZE = int(os.environ.get("REPORT_INCIDENTS", str(SHORT)))
MOST_SECONDS, MOST_BYTES = 60, 1 << 30

# One incident in 25 seconds, of which in ten one is blocked, seven are fixed, one is undone and one
# needs nothing. What has one target and one playbook comes 5,000 seconds apart.
HISTORY = """
create temporary table story on commit drop as
select n, md5('i' || n)::uuid as incident, md5('r' || n)::uuid as run,
    md5('p' || n)::uuid as permit, '/t' || n % 100 as target, n % 10 as kind,
    (array['auto-rollback', 'canary-issue', 'rate-limiting', 'schema-validation', 'chaos-failure',
        'exemption-failure', 'exemption-cleanup', 'exemption-weekly-report'])[n % 8 + 1]
        as playbook,
    clock_timestamp() - interval '1 hour' - (:size - n) * :every * interval '1 second' as at
from generate_series(1, :size) as n;
insert into incidents (id, source, key, episode, state, labels, annotations, starts_at, opened_at)
select incident, 'alertmanager', 'k' || n, 1, 'open', '{"alertname": "Generated"}', '{}', at, at
from story;
insert into dispatches (incident_id, purpose, state, rule, playbook, flow_run_id, finished_at)
select incident, 'remediate', 'sent', 'r', playbook, run, at + interval '1 second' from story;
insert into run_reads (run_id, cct, key, began_at, own)
select run, 'c', 'k' || i, at + i * interval '2 seconds', true
from story, generate_series(1, 3) as i;
insert into decisions (run_id, incident_id, playbook, target, mode, verdict, reason, guard,
    headline, severity, evidence, plan, plan_digest, decided_at)
select run, incident, playbook, target, 'auto',
    case kind when 0 then 'Blocked' when 9 then 'Nothing to do' else 'permitted' end, '-',
    case kind when 0 then 'hold' end, '-', 'P1', '[]', '{}', '-', at + interval '9 seconds'
from story;
insert into permits (id, kind, run_id, incident_id, playbook, target, plan_digest, calls,
    fencing_token, issued_at, expires_at)
select permit, 'change', run, incident, playbook, target, '-', '[]', n,
    at + interval '9 seconds', at
from story where kind between 1 and 8;
insert into actions (permit_id, position, call, state, intended_at, confirmed_at)
select permit, 0, '{}', 'confirmed', at + interval '10 seconds', at + interval '11 seconds'
from story where kind between 1 and 8;
insert into verifications (run_id, verdict, reason, samples, verified_at)
select run, case kind when 8 then 'broken' else 'holds' end, '-', 1, at + interval '60 seconds'
from story where kind between 1 and 8;
insert into resolutions (run_id, incident_id, playbook, target, outcome, reason, finished_at)
select run, incident, playbook, target,
    case kind when 0 then 'Blocked' when 8 then 'Undone' when 9 then 'Nothing to do'
        else 'Resolved' end, '-', at + interval '61 seconds'
from story;
insert into approvals (run_id, incident_id, playbook, target, plan, plan_digest, state_digest,
    headline, severity, evidence, why, persons, form_accepted, state, requested_at, expires_at,
    decided_at)
select run, incident, playbook, target, '{}', '-', '-', '-', 'P1', '[]', '-', 1, false, 'approved',
    at + interval '3 seconds', at + interval '1 hour', at + interval '8 seconds'
from story where kind = 1;
insert into temporary_changes (run_id, permit_id, playbook, target, call, revert, before, owner,
    reason, state, created_at, until, ended_at)
select run, permit, playbook, target, '{}', '{}', '-', 'anna', '-', 'reverted', at,
    at + interval '1 hour', at + interval '1 hour' from story where kind = 2;
"""


@pytest.fixture
def history(engine: sa.Engine) -> None:
    """A history that nothing was logged of: the log is not what is looked at here."""
    with engine.begin() as tx:
        tx.execute(sa.text("set local session_replication_role = replica"))
        for statement in HISTORY.split(";\n"):
            if statement.strip():
                given = {"size": SIZE, "every": EVERY_SECONDS}
                query = sa.text(statement)
                tx.execute(query, {name: given[name] for name in query.compile().params})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("analyze"))


@pytest.mark.timeout(900)
def test_a_report_on_a_long_history(
    history: None, ledger_url: SecretStr, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = os.environ | {"CCT_OPS_DATABASE_URL": ledger_url.get_secret_value()}
    program_file = Path(sys.executable).with_name("cct-ops")
    command = [str(program_file), "report", "--since", "366d", "--json"]
    out, most, began = tmp_path / "report.json", 0, time.monotonic()
    with (
        out.open("w") as written,
        subprocess.Popen(command, env=environment, cwd=ROOT, stdout=written) as program,
    ):
        while program.poll() is None:
            most = max(most, _bytes(program.pid))
            time.sleep(0.05)
    took = time.monotonic() - began
    assert program.returncode == 0
    figures = {each["name"]: each for each in json.loads(out.read_text())["sections"][0]["figures"]}
    tenth = SIZE // 10
    assert {name: figures[name]["value"] for name in EXPECTED} == {
        name: number * tenth if number else 0 for name, number in EXPECTED.items()
    }
    assert figures["came back within 24 h"]["value"] == 7 * (SIZE - 200) // 10
    assert figures["to verified fix, median"]["value"] == 60
    assert all(len(figures[name]["ids"]) == figures[name]["value"] for name in EXPECTED)
    if SIZE > SHORT:
        with capsys.disabled():
            sys.stdout.write(f"\n{SIZE} incidents: {took:.1f} s, {most / 2**20:.0f} MiB\n")
        assert took < MOST_SECONDS
        assert most < MOST_BYTES


EXPECTED = {
    "incidents": 10,
    "acknowledged": 10,
    "without a run": 0,
    "attempts": 8,
    "verified fixes": 7,
    "undone": 1,
    "came back within 1 h": 0,
    "blocked by hold": 1,
    "approved": 1,
    "made": 1,
}


def _bytes(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return 0

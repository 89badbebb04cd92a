"""
``python -m evaluation.large_log``: what `cct-ops audit verify` takes on a large ledger.

A ledger gets as many rows as there are to be leaves, two thirds deliveries and one third decisions,
through the triggers, and the log makes leaves of them, signs them and shows them to a witness. Then
the command verifies everything, in a process of its own whose memory is measured. It ends with 1
where that takes more than the goal, or finds something.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
from cyclopts import App, Parameter
from pydantic import SecretStr

from cct_ops.config.policy import AuditPolicy, WitnessPlace
from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.record import log
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.keys import keep_key
from cct_ops.stack.postgres import EmbeddedPostgres
from cct_ops.variables import harmless

MOST_MIB = 1024
_PIECE = 60_000
_WITNESS = Path("witness.jsonl")

_ROWS = (
    """
    insert into deliveries (id, source, status, body_sha256)
    select gen_random_uuid(), 'alertmanager', 'accepted',
        encode(sha256(gen_random_uuid()::text::bytea), 'hex')
    from generate_series(1, :rows * 2 / 3)
    """,
    """
    insert into decisions
        (run_id, playbook, target, mode, verdict, reason, headline, severity, evidence, plan,
        plan_digest)
    select gen_random_uuid(), 'auto-rollback', '/daily-summary', 'auto', 'permitted', 'the SLO',
        'The canary was pulled.', 'P1',
        json_build_array(json_build_object('text', repeat('e', 300))),
        json_build_object('steps', repeat('p', 500), 'number', n), md5(n::text)
    from generate_series(1, :rows / 3) n
    """,
)

app = App(help="Measure what verifying a large ledger takes.")


@app.default
def main(
    *, leaves: Annotated[int, Parameter(help="In the log that is verified.")] = 1_000_000
) -> int:
    """Take about ten minutes with a million leaves."""
    with (
        tempfile.TemporaryDirectory(prefix="large-log-") as place,
        EmbeddedPostgres(Path(place) / "postgres") as server,
    ):
        folder, url = Path(place) / "record", SecretStr(server.url("cct_ops"))
        migrate(url)
        keep_key(folder)
        made = fill(url, folder, leaves)
        environment = {
            "CCT_OPS_DATABASE_URL": url.get_secret_value(),
            "CCT_OPS_RECORD_PATH": str(folder),
        }
        began = time.monotonic()
        program = Path(sys.executable).with_name("cct-ops")
        verifying = subprocess.Popen(  # noqa: S603 -- a program of ours
            [program, "audit", "verify"], env={**harmless(os.environ), **environment}
        )
        _, status, used = os.wait4(verifying.pid, 0)
        took, peak = time.monotonic() - began, used.ru_maxrss / 1024
    sys.stdout.write(
        f"{made} leaves verified in {took:.0f} s; {peak:.0f} MiB at most (goal: {MOST_MIB})\n"
    )
    return int(status != 0 or peak > MOST_MIB)


def fill(url: SecretStr, folder: Path, leaves: int) -> int:
    """Let so many rows be written and logged; returns how many there are."""
    engine = connect(url)
    audit = AuditPolicy(witnesses=(WitnessPlace(file=_WITNESS),))
    while (made := log.size(engine)) < leaves:
        with engine.begin() as tx:
            for statement in _ROWS:
                tx.execute(sa.text(statement), {"rows": min(_PIECE, leaves - made + 2)})
        Recorder(engine, folder, audit)()
    engine.dispose()
    return made


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))

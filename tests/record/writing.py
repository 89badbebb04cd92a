"""``python -m tests.record.writing URL``: writes rows and makes leaves of them until killed."""

from __future__ import annotations

import sys
import threading
from uuid import uuid4

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from cct_ops.ledger.gate import switches
from cct_ops.ledger.intake import deliveries
from cct_ops.record.sequencer import sequence
from tests.ledger.history import a_run, decided


def write(engine: sa.Engine) -> None:
    """Let things happen without an end."""
    while True:
        deliveries.record(engine, "alertmanager", uuid4().bytes, [])
        switches.stop(engine, "a drill", "ada")
        decided(engine, a_run())
        switches.resume(engine, "the drill is over", "ada")


def make_leaves(engine: sa.Engine) -> None:
    """Do what the controller does, without a pause."""
    while True:
        sequence(engine)


def main() -> None:
    """Begin, say so, and go on."""
    engine = connect(SecretStr(sys.argv[1]))
    sequence(engine)
    for work in (write, write, make_leaves, make_leaves):
        threading.Thread(target=work, args=(engine,), daemon=True).start()
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()

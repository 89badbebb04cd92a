"""What is wrong now: read by what is open alone, the most urgent first, whoever has it."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from cct_ops.config import contacts
from cct_ops.ledger.people import acknowledgements
from cct_ops.models.run import Severity
from cct_ops.record import standing
from cct_ops.record.standing import Wanted
from tests.conftest import ROOT
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, decided

WORDS = contacts.read(Path(ROOT / "deployments" / "contacts.yaml")).severities
CLOSED, OPEN = 20_000, 400

_MANY = sa.text("""
    insert into incidents (source, key, episode, state, closed_as, closed_at, labels, annotations,
        starts_at, opened_at)
    select 'alertmanager', state || number, 1, state, case state when 'closed' then 'resolved' end,
        case state when 'closed' then now() end,
        json_build_object('severity', 'warning', 'alertname', number), '{}', now(),
        now() - make_interval(secs => number)
    from generate_series(1, :number) number, (values (:state)) as of_state(state)
""")
_LOOKED_AT = sa.text("""
    select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables
    where relname = 'incidents'
""")


def test_what_is_closed_is_not_looked_at(engine: sa.Engine) -> None:
    """However much there ever was: a look costs what is open."""
    with engine.begin() as tx:
        tx.execute(_MANY, {"number": CLOSED, "state": "closed"})
        tx.execute(_MANY, {"number": OPEN, "state": "open"})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("vacuum analyze incidents"))

    with engine.connect() as connection:
        found = standing.urgent(connection, WORDS, 12)
        looked_at = connection.execute(_LOOKED_AT).scalar_one()

    assert (len(found.shown), found.total, found.unclaimed) == (12, OPEN, OPEN)
    assert looked_at < 12 * OPEN < CLOSED


def test_a_playbook_s_word_for_the_worst_counts_beside_the_alert_s(engine: sa.Engine) -> None:
    """It stands first, and once."""
    opened(engine, severity="error")
    concluded = opened(engine, severity="warning")
    decided(engine, a_run(incident_id=concluded), severity=Severity.P0)

    found = standing.urgent(engine, WORDS, 12)

    assert [each.severity for each in found.shown] == ["P0", "P1"]
    assert found.shown[0].id == concluded
    assert found.total == 2


def test_who_has_an_incident_is_said_and_what_nobody_has_is_found(engine: sa.Engine) -> None:
    taken, free = opened(engine), opened(engine)
    acknowledgements.record(engine, taken, "Anna Ito", "a proof")

    everything = standing.urgent(engine, WORDS, 12)
    unclaimed = standing.urgent(engine, WORDS, 12, Wanted(unclaimed=True))

    holders = {each.id: each.holder and each.holder.person for each in everything.shown}
    assert holders == {taken: "Anna Ito", free: None}
    assert everything.unclaimed == 1
    assert [each.id for each in unclaimed.shown] == [free]


def test_a_severity_that_nobody_knows_is_none(engine: sa.Engine) -> None:
    opened(engine)

    assert standing.urgent(engine, WORDS, 12, Wanted(severity="P9")).shown == ()

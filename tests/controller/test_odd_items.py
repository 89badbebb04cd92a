"""Nothing in Prefect or the ledger stops a loop: it is set aside with its reason, and reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from cct_ops.controller import approvals, changes, p0_incidents, takeovers, unhandled
from cct_ops.controller.crashed_runs import Reaper
from cct_ops.controller.handlers import Notification, Remediation
from cct_ops.controller.loop import Controller, Lane
from cct_ops.controller.runs import Runs
from cct_ops.errors import Rejected, Unavailable
from cct_ops.ledger import schema, set_aside
from cct_ops.ledger.gate import leases
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people.pages import newest
from cct_ops.ledger.record import account
from cct_ops.ledger.set_aside import OneByOne
from cct_ops.models.run import Outcome, Severity
from cct_ops.people.notifier import Notifier
from cct_ops.people.paging import Pager
from cct_ops.sandbox.control import SandboxControl
from cct_ops.settings import Settings
from tests.approvals.parts import CONTACTS, asked, new_run
from tests.controller.crash_harness import POLICY, START_SECONDS, api, deploy
from tests.controller.running import Playbook, dispatch, routes_to, state
from tests.controller.test_loop import at_work
from tests.ledger.alerts import opened
from tests.stack.polling import eventually

ODD: list[dict[str, Any]] = [
    {"incident_id": "INC-1234"},
    {"incident_id": 7, "target": None},
    {"incident_id": [], "target": {"a": [1]}},
    {"target": "x" * 50_000, "run_id": "no run", "change_id": 3.5},
    {},
]


@pytest.fixture
def playbook(prefect_api_url: str) -> Playbook:
    """A playbook of this test's own."""
    return Playbook(prefect_api_url, f"odd-{uuid4().hex[:8]}")


@pytest.fixture(autouse=True)
def server(prefect_api_url: str) -> Iterator[None]:
    """The server that sweeps talk to."""
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        yield


def reaper(engine: sa.Engine) -> Reaper:
    """One that takes for dead what has not begun at once."""
    return Reaper(engine, Notifier(engine), POLICY, START_SECONDS)


def pending(playbook: Playbook, deployment: str, parameters: object, tags: list[str]) -> UUID:
    """Leave a run Pending, as a worker does that dies; its parameters were never checked."""
    run = api(
        playbook, "POST", f"/deployments/{deployment}/create_flow_run",
        {"parameters": parameters, "tags": tags, "enforce_parameter_schema": False},
    )  # fmt: skip
    new_state = {"state": {"type": "PENDING"}, "force": True}
    api(playbook, "POST", f"/flow_runs/{run['id']}/set_state", new_state)
    return UUID(run["id"])


def test_no_parameter_or_tag_of_a_dead_run_stops_the_reaper(
    engine: sa.Engine, playbook: Playbook
) -> None:
    """Each gets its account, and so does the one behind them."""
    deployment = deploy(playbook, "playbook")
    tags = ["incident:INC-1234", "incident:", "incident:" + "9" * 300, "incident:1", "target:"]
    runs = [
        pending(playbook, deployment, parameters, tags[: index + 1])
        for index, parameters in enumerate([*ODD, {"target": "/daily-summary"}])
    ]
    sweep = reaper(engine)

    def settled() -> bool:
        sweep()
        return all(account.of_run(engine, each).outcome is Outcome.FAILED for each in runs)

    eventually(settled)
    assert set_aside.listed(engine) == []


def test_a_dead_run_that_cannot_be_settled_holds_up_no_other(
    engine: sa.Engine, playbook: Playbook
) -> None:
    """Its row holds what is no record; people are notified once, and it is tried again later."""
    deployment = deploy(playbook, "playbook")
    bad, good = (pending(playbook, deployment, {}, []) for _ in range(2))
    with engine.begin() as tx:
        tx.execute(
            sa.text("alter table resolutions drop constraint if exists ck_resolutions_outcome")
        )
        tx.execute(
            sa.text(
                "insert into resolutions (run_id, playbook, target, outcome, reason)"
                " values (:run, 'odd', '', 'no outcome', '')"
            ),
            {"run": bad},
        )
    sweep = reaper(engine)

    def settled() -> bool:
        sweep()
        return account.of_run(engine, good).outcome is Outcome.FAILED

    def only_the_bad_is_left() -> bool:
        sweep()
        return leases.unsettled(engine) == [bad]

    eventually(settled)
    eventually(only_the_bad_is_left)
    (found,) = set_aside.listed(engine)
    assert (found.part, found.item, found.failures) == ("runs that died", str(bad), 1)
    assert "no outcome" in found.reason


def test_odd_labels_of_an_incident_are_dead_lettered_and_those_behind_go_on(
    engine: sa.Engine, playbook: Playbook, prefect_api_url: str
) -> None:
    playbook.deploy()
    odd = []
    for value in ("'null'", "'\"text\"'", "'[1, 2]'", '\'{"route": {"a": 1}}\'', "'7'"):
        odd.append(opened(engine))
        with engine.begin() as tx:
            changed = sa.update(incidents).where(incidents.c.id == odd[-1])
            tx.execute(changed.values(labels=sa.text(f"{value}::jsonb")))
    good = opened(engine)
    routes = routes_to(playbook.name)

    with Runs() as runs:
        lanes = [
            Lane(outbox.REMEDIATE, 1, Remediation(engine, routes, runs)),
            Lane(outbox.NOTICE, 1, Notification(engine, Notifier(engine), routes, lambda _: None)),
        ]
        with at_work(Controller(engine, lanes, poll_seconds=0.05)):
            eventually(lambda: state(engine, good) == "sent", seconds=30)
            eventually(
                lambda: all(state(engine, each) in {"dead-lettered", "notified"} for each in odd)
            )

    assert {row.note is not None for each in odd if (row := dispatch(engine, each))} == {True}


def test_a_request_for_approval_that_cannot_be_read_holds_up_no_other(
    engine: sa.Engine, playbook: Playbook
) -> None:
    bad, good = (asked(engine, new_run(), seconds=-1) for _ in range(2))
    with engine.begin() as tx:
        tx.execute(
            sa.text("update approvals set plan = '[]', expires_at = '2000-01-01' where id = :id"),
            {"id": bad.id},
        )

    assert approvals.sweep(engine) == 1

    assert account.of_run(engine, good.run_id).outcome is Outcome.VOID
    assert [each.item for each in set_aside.listed(engine)] == [str(bad.id)]


def test_a_severe_incident_whose_labels_are_odd_keeps_no_page_from_the_others(
    engine: sa.Engine,
) -> None:
    bad, good = (opened(engine, severity="critical") for _ in range(2))
    with engine.begin() as tx:
        changed = sa.update(incidents).where(incidents.c.id == bad)
        tx.execute(changed.values(annotations=sa.text("'[\"no object\"]'::jsonb")))
        tx.execute(sa.text("update dispatches set state = 'notified'"))
    severe = CONTACTS.model_copy(update={"severities": {Severity.P0: ("critical",)}})

    p0_incidents.page_about_new(Pager(engine, severe))

    assert [each.page.topic_id for each in newest(engine, 9)] == [good]
    assert [each.item for each in set_aside.listed(engine)] == [str(bad)]


def test_people_are_notified_once_of_all_that_is_set_aside(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    notifier = Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents"))
    for number in range(3):
        set_aside.put(engine, "runs that died", f"run {number}", "ValueError: a\0b\ud800")
    set_aside.put(engine, "runs that died", "run 0", "again")

    assert [unhandled.report_items(engine, notifier) for _ in range(2)] == [3, 0]

    (message,) = sandbox.slack_messages()
    assert "3 things could not be dealt with" in message.body["text"]
    assert "run 2" in str(message.body)
    assert len(newest(engine, 9)) == 1


def test_what_works_again_is_forgotten_and_what_passes_is_only_tried_again(
    engine: sa.Engine,
) -> None:
    """An error of ours that says that nobody answers is about no item."""
    border, failing = OneByOne(engine, "things"), [True]

    def work(item: str) -> None:
        if item == "silent":
            raise Unavailable("No answer.")
        if failing[0] and item == "odd":
            raise Rejected("No.")

    assert border.each(["odd", "silent", "good"], str, work) == 1
    assert [(each.item, each.reason) for each in set_aside.listed(engine)] == [("odd", "No.")]
    assert border.each(["odd", "good"], str, work) == 1  # it is left alone for a minute

    failing[0] = False
    with engine.begin() as tx:
        tx.execute(sa.update(schema.set_aside).values(next_attempt_at=sa.text("clock_timestamp()")))
    assert border.each(["odd", "good"], str, work) == 2
    assert set_aside.listed(engine) == []


@pytest.mark.parametrize(
    ("part", "sweep"),
    [
        (
            "temporary changes that are due",
            lambda engine: changes.sweep(engine, Settings.load(), Notifier(engine)),
        ),
        (
            "temporary changes that are overdue",
            lambda engine: changes.sweep(engine, Settings.load(), Notifier(engine)),
        ),
        ("requests for approval", approvals.sweep),
        ("suspended runs that ask for nothing", approvals.sweep),
        ("notices of takeovers", lambda engine: takeovers.sweep(engine, Notifier(engine))),
        ("takeovers", lambda engine: takeovers.sweep(engine, Notifier(engine))),
    ],
)
def test_the_last_that_is_gone_is_forgotten_by_its_sweep(
    engine: sa.Engine, part: str, sweep: Callable[[sa.Engine], object]
) -> None:
    """Else the doctor would name it until the next one comes."""
    set_aside.border.cache_clear()
    set_aside.put(engine, part, str(uuid4()), "It was odd, and somebody has seen to it.")

    sweep(engine)

    assert set_aside.listed(engine) == []


def test_what_is_gone_is_not_set_aside_any_more(engine: sa.Engine) -> None:
    border = OneByOne(engine, "things")

    def fail(_: str) -> None:
        raise httpx.HTTPStatusError("no", request=httpx.Request("GET", "http://x"),
                                    response=httpx.Response(404))  # fmt: skip

    border.each(["odd"], str, fail)
    assert len(set_aside.listed(engine)) == 1

    border.each([], str, fail)
    assert set_aside.listed(engine) == []

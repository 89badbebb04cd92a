"""What a program reads and does: the same as people on the pages, by its own name."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.board.api.operations import ALL
from cct_ops.ledger.gate import approvals, switches
from cct_ops.ledger.gate.approvals import ApprovalState
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.deliveries import Incoming
from cct_ops.ledger.people import acknowledgements
from cct_ops.models.role import Role
from tests.approvals.parts import asked
from tests.board.api.conftest import PATH, Programs
from tests.board.conftest import weakened
from tests.ledger.alerts import opened

READS = [each.path for each in ALL if each.method == "get" and "{" not in each.path]
WRITES = [each for each in ALL if each.method == "post"]


@pytest.mark.parametrize("path", READS)
def test_everything_can_be_read_with_nothing_in_the_ledger(program: Programs, path: str) -> None:
    answer = program().get(path)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"


def test_what_is_on_the_board_is_in_the_api(program: Programs, engine: sa.Engine) -> None:
    incident = opened(engine, severity="critical", alertname="CheckoutDown", route="/checkout")
    approval, change = asked(engine), weakened(engine)
    deliveries.record_all(
        engine, [Incoming("alertmanager", b"{}", None, "version: is missing", admitted_by="k")]
    )
    reader = program(Role.VIEWER)

    now = reader.get("/now").json()
    assert (now["open_incidents"], now["by_severity"]) == (1, {"P0": 1})
    assert now["automation_on"] is True
    (listed,) = reader.get("/incidents?severity=P0&who=nobody").json()["items"]
    assert (listed["id"], listed["what"], listed["holder"]) == (str(incident), "CheckoutDown", None)
    assert listed["page"].endswith(f"/incidents/{incident}")
    account = reader.get(f"/incidents/{incident}").json()["account"]
    assert account["labels"]["alertname"] == "CheckoutDown"
    assert account["entries"]
    (waiting,) = reader.get("/approvals").json()["items"]
    assert waiting["request"]["id"] == str(approval.id)
    plan = reader.get(f"/approvals/{approval.id}").json()
    assert plan["request"]["plan_digest"] == approval.plan_digest
    (weak,) = reader.get("/changes").json()["items"]
    assert (weak["id"], weak["owner"]) == (str(change.id), "Chen Wei")
    (unread,) = reader.get("/inbox?show=waiting&limit=1").json()["items"]
    assert unread["became"] == "quarantined: version: is missing" or unread["incident_id"]


def test_every_moment_is_one_of_rfc_3339_in_utc(program: Programs, engine: sa.Engine) -> None:
    """Whatever the ledger's time zone is."""
    opened(engine)
    weakened(engine)
    with engine.begin() as tx:
        name = tx.scalar(sa.text("select current_database()"))
        tx.execute(sa.text(f"alter database \"{name}\" set timezone to 'Asia/Kathmandu'"))
    engine.dispose()
    reader = program()

    text = "".join(reader.get(path).text for path in ("/incidents", "/changes", "/now", "/me"))

    moments = re.findall(r'"(\d{4}-\d\d-\d\dT[^"]*)"', text)
    assert len(moments) >= 8
    assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}(\.\d+)?Z", each) for each in moments), moments


def test_what_a_program_does_is_on_record_by_its_name(program: Programs, engine: sa.Engine) -> None:
    incident, others = opened(engine), [opened(engine), opened(engine)]
    chatops = program(Role.RESPONDER)

    assert chatops.post(f"/incidents/{incident}/acknowledge").status_code == 200
    assert (
        chatops.post("/incidents/acknowledge", {"ids": [str(each) for each in others]})
        .json()["done"]
        .startswith("You have 2 incidents more")
    )
    assert chatops.post("/switches/stop", {"reason": "what is going on?"}).status_code == 200

    held = acknowledgements.holders(engine, [incident, *others])
    assert {each.person for each in held.values()} == {"chatops (token)"}
    assert re.fullmatch(r"by the API token [\w-]{36}, made by root", held[incident].proof)
    last = switches.last(engine)
    assert last is not None
    assert (last.stopped, last.person) == (True, "chatops (token), by the API")
    assert chatops.get(f"/incidents/{incident}").json()["holder"]["person"] == "chatops (token)"


def test_letting_go_on_ends_the_stop_that_was_seen(program: Programs, engine: sa.Engine) -> None:
    chatops = program(Role.APPROVER)
    chatops.post("/switches/stop", {"reason": "first"})
    seen = chatops.get("/switches").json()["last"]["at"]
    chatops.post("/switches/stop", {"reason": "second"})

    late = chatops.post("/switches/resume", {"reason": "over", "stopped_at": seen})
    seen = chatops.get("/switches").json()["last"]["at"]
    good = chatops.post("/switches/resume", {"reason": "over", "stopped_at": seen})

    assert (late.status_code, good.status_code) == (409, 200)
    assert "second" in late.json()["detail"]
    assert chatops.get("/switches").json()["automation_on"] is True


def test_a_target_is_held_and_released(program: Programs) -> None:
    chatops = program(Role.RESPONDER)
    body = {"target": "/daily-summary", "hours": 2, "reason": "we are at it"}

    assert chatops.post("/switches/hold", body).status_code == 200
    (hold,) = chatops.get("/switches").json()["holds"]
    assert (hold["target"], hold["person"]) == ("/daily-summary", "chatops (token), by the API")
    assert chatops.post("/switches/release", {"target": "/daily-summary"}).status_code == 200
    assert chatops.get("/switches").json()["holds"] == []
    assert chatops.post("/switches/hold", body | {"target": "/none"}).status_code == 409
    wrong = chatops.post("/switches/hold", body | {"hours": 3})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "body.hours"


def test_a_program_says_no_and_never_yes(program: Programs, engine: sa.Engine) -> None:
    """Whatever its role: whoever types into a chat may be anybody."""
    approval = asked(engine, form_accepted=True)
    admin = program(Role.ADMIN)

    assert [each.path for each in ALL if each.path.endswith("/approve")] == []
    assert admin.post(f"/approvals/{approval.id}/approve").status_code == 404
    assert (
        admin.get(f"/approvals/{approval.id}")
        .json()["answer_at"]
        .endswith(f"/approvals/{approval.id}")
    )
    no = {"note": "not now", "plan_digest": "0" * 64}
    other = admin.post(f"/approvals/{approval.id}/decline", no)
    assert (other.status_code, "The plan is not" in other.json()["detail"]) == (409, True)
    no["plan_digest"] = approval.plan_digest
    assert admin.post(f"/approvals/{approval.id}/decline", no).status_code == 200

    found = approvals.find(engine, approval.id)
    assert found is not None
    assert (found.state, found.approver) == (ApprovalState.DECLINED, "chatops (token)")


@pytest.mark.parametrize("operation", WRITES, ids=lambda each: each.name)
def test_a_role_below_is_refused_by_name(program: Programs, operation: object) -> None:
    each = next(one for one in WRITES if one is operation)
    below = list(Role)[list(Role).index(each.needs) - 1]
    path = re.sub(r"\{\w+\}", str(uuid4()), each.path)

    answer = program(below, "below").post(path, {})

    assert answer.status_code == 403
    assert answer.json()["detail"].startswith(f"This takes a token of the role {each.needs}")


def test_what_goes_wrong_is_a_problem_with_its_field(program: Programs) -> None:
    chatops = program()
    asks = {
        "/incidents?limit=0": "query.limit",
        "/incidents?limits=3": "query.limits",
        "/incidents?cursor=x": "query.cursor",
        "/incidents?state=closed&severity=P0": "query.severity",
        "/incidents?state=open&state=all": "query.state",
        "/incidents?since=yesterday": "query.since",
        "/incidents?since=0001-01-01T00:00:00Z": "query.since",
        "/inbox?about=%00": "query.about",
        "/inbox?about=x&cursor=x": "query.cursor",
    }

    for path, field in asks.items():
        answer = chatops.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (
            422,
            "application/problem+json",
        ), path
        problem = answer.json()
        assert (problem["status"], problem["type"]) == (422, "urn:cct-ops:problem:invalid")
        assert [each["field"] for each in problem["errors"]] == [field], path


def test_a_body_that_is_none_is_refused(program: Programs, engine: sa.Engine) -> None:
    chatops = program()
    given = {"Authorization": f"Bearer {chatops.token}", "Content-Type": "application/json"}
    path = f"{PATH}/switches/stop"
    bodies = {b"{": 400, b"": 400, b"\xff": 400, b"[" * 60000: 400, b"null": 422, b"x" * 70000: 413}
    bodies |= {b'{"reason": "a\\u0000b"}': 422, b'{"reason": "  "}': 422, b'{"reason": NaN}': 400}
    bodies |= {b'{"reason": "\\ud800"}': 400}

    for body, status in bodies.items():
        answer = chatops.http.post(path, content=body, headers=given)
        assert answer.status_code == status, (body[:40], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    form = chatops.http.post(
        path, data={"reason": "x"}, headers={"Authorization": given["Authorization"]}
    )

    assert form.status_code == 415
    assert switches.last(engine) is None


def test_what_is_not_there_is_a_problem_too(program: Programs) -> None:
    chatops = program()

    for path in ("/nowhere", "/../now", f"/incidents/{uuid4()}", "/incidents/x", "/playbooks/x"):
        assert chatops.get(path).status_code == 404, path
    wrong = chatops.http.put(f"{PATH}/now", headers={"Authorization": f"Bearer {chatops.token}"})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    assert chatops.get("/switches/stop").headers["allow"] == "POST"


def test_what_has_not_changed_is_not_sent_again(program: Programs, engine: sa.Engine) -> None:
    chatops = program()
    opened(engine)
    for path in ("/incidents", "/now", "/switches", "/openapi.json"):
        first = chatops.get(path)
        again = chatops.get(path, **{"If-None-Match": f'"x", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b""), path
        assert again.headers["etag"] == first.headers["etag"]
    tag = chatops.get("/incidents").headers["etag"]

    opened(engine)

    assert chatops.get("/incidents", **{"If-None-Match": tag}).status_code == 200


def test_a_list_goes_on_where_it_was_whatever_came_since(
    program: Programs, engine: sa.Engine
) -> None:
    """Also among those of the same moment."""
    ids = [str(opened(engine, alertname=f"A{number}")) for number in range(7)]
    with engine.begin() as tx:
        tx.execute(sa.text("update incidents set opened_at = :at"), {"at": datetime.now(UTC)})
    chatops = program()
    seen, path = [], "/incidents?limit=2"
    while path:
        part = chatops.get(path).json()
        seen += [each["id"] for each in part["items"]]
        path = f"/incidents?limit=2&cursor={part['next']}" if part["next"] else ""
        opened(engine)

    assert seen == sorted(ids, reverse=True)

    of_inbox, path = [], "/inbox?limit=3"
    while path:
        part = chatops.get(path).json()
        of_inbox += [each["incident_id"] for each in part["items"]]
        path = f"/inbox?limit=3&cursor={part['next']}" if part["next"] else ""
    assert len(of_inbox) == len(set(of_inbox)) == 11


def test_people_are_asked_things_noted_and_alerts_muted(
    program: Programs, engine: sa.Engine
) -> None:
    incident, chatops = opened(engine), program(Role.RESPONDER)
    path = f"/incidents/{incident}"

    noted = chatops.post(f"{path}/note", {"note": "It began with\nrelease 48"}, key="n")
    assert noted.status_code == 200
    unknown = chatops.post(f"{path}/assign", {"person": "nobody at all"})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "body.person")
    declared = {"targets": ["/daily-summary"], "hours": 0.5, "reason": "an upgrade"}
    assert chatops.post("/switches/maintenance", declared, key="m").status_code == 200
    wrong = chatops.post("/switches/maintenance", declared | {"targets": ["/no such"]})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "body.targets")
    muted = {"matchers": 'alertname="X"', "hours": 2, "reason": "known"}
    assert chatops.post("/switches/silence", muted).status_code == 200
    wrong = chatops.post("/switches/silence", muted | {"matchers": "x x x"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "body.matchers")
    assert chatops.post(f"{path}/takeover", {}).status_code == 422

    switches_now = chatops.get("/switches").json()
    (window,), (silence,) = switches_now["declared"], switches_now["silences"]
    assert (window["targets"], silence["matchers"]) == (["/daily-summary"], 'alertname="X"')
    assert window["person"] == "chatops (token), by the API"
    for ended in (f"maintenance/{window['id']}", f"silence/{silence['id']}"):
        assert chatops.post(f"/switches/{ended}/end").status_code == 200
        assert chatops.post(f"/switches/{ended}/end").status_code == 409
    said = [each["text"] for each in chatops.get(path).json()["account"]["entries"]]
    assert any("release 48" in each for each in said), said

"""What came from whom it should come from is kept, whatever it is."""

from __future__ import annotations

import contextlib
import gzip
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.ledger.intake.tables import deliveries
from tests.gateway.conftest import Doors
from tests.gateway.signing import OTHER_SECRET, SOURCES, firing, sign


def test_a_packed_body_is_kept_and_not_unpacked(doors: Doors) -> None:
    """What is small here may be anything there."""
    for name in ("json", "github"):
        packed = gzip.compress(firing(1, kind=name))
        answer = doors.send(name, packed, content_encoding="gzip")
        assert (answer.status_code, answer.json()["status"]) == (202, "quarantined")


ODD_BODIES = {
    "empty": (b"", {}),
    "UTF-16": ("\ufeff{}".encode("utf-16-le"), {}),
    "latin-1": ('{"state": "\xe9"}'.encode("latin-1"), {"content_type": "application/json"}),
    "another charset": (b"\x93\xfa", {"content_type": "application/json; charset=shift_jis"}),
    "many parts": (b"--x\r\n\r\n{}", {"content_type": "multipart/form-data; boundary=x"}),
    "XML": (b"<alert/>", {"content_type": "application/xml"}),
    "nothing said": (b"\x00\xff", {"content_type": ""}),
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("odd", ODD_BODIES)
def test_what_is_authentic_is_kept_whatever_it_is(doors: Doors, name: str, odd: str) -> None:
    """It was sent once perhaps; a row with the reason is what a person can look at."""
    body, headers = ODD_BODIES[odd]
    answer = doors.send(name, body, **headers)

    assert (answer.status_code, answer.json()["status"]) == (202, "quarantined")
    with doors.engine.connect() as connection:
        row = sa.select(deliveries).where(deliveries.c.id == answer.json()["delivery_id"])
        kept = connection.execute(row).one()
    assert (kept.body, kept.admitted_by) == (body, str(doors.folder / "key"))
    assert kept.note


def test_a_mark_of_the_byte_order_is_no_part_of_the_document(doors: Doors) -> None:
    for name in SOURCES:
        answer = doors.send(name, b"\xef\xbb\xbf" + firing(400, kind=name))
        assert answer.json()["status"] == "accepted"


FORM = "application/x-www-form-urlencoded"


def test_github_sends_a_form_unless_it_is_set_otherwise(doors: Doors) -> None:
    """Signed as it is, and saying the same as the JSON inside of it."""
    plain = firing(500, kind="github").replace(b"lint", "l+i & n%t \N{EURO SIGN}".encode())
    form = urlencode({"payload": plain.decode()}).encode()
    answers = [
        doors.send("github", form, content_type=FORM, x_github_delivery="form"),
        doors.send("github", form, content_type="", x_github_delivery="unsaid"),
        doors.send("github", plain, x_github_delivery="plain"),
    ]

    assert [each.json()["status"] for each in answers] == ["accepted"] * 3
    assert len({tuple(each.json()["incidents"]) for each in answers}) == 1
    forged = sign("github", plain, at=datetime.now(UTC)) | {"content-type": FORM}
    assert doors.gateway.sender.post("/hooks/github", content=form, headers=forged).is_client_error
    # A command line says `form` of all that it sends.
    called_form = doors.send("github", plain, content_type=FORM, x_github_delivery="called")
    assert called_form.json()["incidents"] == answers[0].json()["incidents"]
    for broken in (b"payload=%FF", b"payload=x&payload=y", b"other=1", b"payload=", b"{}"):
        kept = doors.send("github", broken, content_type=FORM)
        assert (kept.status_code, kept.json()["status"]) == (202, "quarantined")


def test_what_is_too_large_is_kept_in_part_of_whom_is_known_by_then(doors: Doors) -> None:
    """A token is known before the body; of a signature over it nothing is known without it."""
    large, before = b"x" * (1024 * 1024 + 1), doors.stored()
    for name in ("signed", "json", "cloudevents"):
        # The connection may end while there is more to come.
        with contextlib.suppress(httpx.TransportError):
            assert doors.send(name, large).status_code == 413
    assert doors.stored() == before + 2
    with doors.engine.connect() as connection:
        row = sa.select(deliveries).where(deliveries.c.body == b"x" * 4096)
        kept = connection.execute(row).all()
    assert {each.status for each in kept} == {"quarantined"}
    said = (doors.folder / "log").read_text()
    assert "refused a request for signed: the body is too large" in said


@pytest.mark.parametrize("name", SOURCES)
def test_a_sender_that_puts_is_taken_in_like_one_that_posts(doors: Doors, name: str) -> None:
    """Grafana's contact point lets one choose; what it sends is the same."""
    body = firing(600, kind=name)
    put = doors.send(name, body, method="PUT")

    assert (put.status_code, put.json()["status"]) == (202, "accepted")
    assert doors.send(name, body).json()["duplicate"]


def test_what_goes_to_no_door_leaves_a_line_in_the_log(doors: Doors) -> None:
    """A wrong address in a sender is found where one looks for it, and says nothing of its own."""
    ask = doors.gateway.sender.request
    assert ask("DELETE", "/hooks/github").status_code == 405
    assert ask("POST", "/hooks/github/").status_code == 404
    assert ask("POST", "/hooks/a%0Agateway: INFO all is well").status_code == 401
    assert ask("POST", "/hook/a%0Agateway: INFO all is well").status_code == 404

    said = (doors.folder / "log").read_text()
    assert "refused DELETE /hooks/github: Method Not Allowed" in said
    assert "refused POST /hooks/github/: Not Found" in said
    assert "\ngateway: INFO all is well" not in said


@pytest.mark.parametrize("name", ["grafana", "standard", "signed"])
def test_a_sender_whose_clock_is_wrong_is_refused_and_the_log_says_why(
    doors: Doors, name: str
) -> None:
    """The answer says nothing of it: whoever caught the body could be asking."""
    body = firing(700, kind=name)
    late = doors.send(name, body, timedelta(hours=1))
    forged = doors.send(name, body, timedelta(hours=1), secret=OTHER_SECRET)

    assert (late.status_code, late.text) == (forged.status_code, forged.text)
    said = (doors.folder / "log").read_text()
    lines = [line for line in said.splitlines() if f"request for {name}: not authorised" in line]
    assert any("signed with its key, but its time is 3" in line for line in lines)
    assert lines[-1].endswith("not authorised")

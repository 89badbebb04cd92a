"""GitHub's answers: each means one thing, and the token is in none of the messages."""

from __future__ import annotations

import io
import time
import zipfile

import httpx
import pytest
from pydantic import SecretStr

from cct_ops.clients import archive
from cct_ops.clients.github import GitHubReader
from cct_ops.clients.github_transport import GitHubTransport
from cct_ops.errors import (
    BadConfiguration,
    ContractBroken,
    OpsError,
    Rejected,
    Unavailable,
    Unsupported,
)
from tests.clients.parts import Wire

TOKEN = "ghp_never_shown"


def github(wire: httpx.BaseTransport) -> GitHubTransport:
    """A transport whose wire is scripted."""
    return GitHubTransport("http://github.test", "o/r", SecretStr(TOKEN), transport=wire)


def failure(wire: Wire, path: str = "pulls") -> OpsError:
    """Read once, and return the error after checking what holds for every error."""
    with github(httpx.MockTransport(wire)) as transport, pytest.raises(OpsError) as caught:
        transport.read(path)

    message = str(caught.value)
    assert TOKEN not in message
    assert message.endswith(".")
    assert message.isprintable()
    return caught.value


@pytest.mark.parametrize("status", [403, 429])
def test_a_used_up_rate_limit_is_worth_waiting_for(status: int) -> None:
    """The time is given as a moment in seconds since the epoch."""
    reset = str(int(time.time()) + 120)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}

    error = failure(Wire(status=status, content=b'{"message": "limit"}', headers=headers))

    assert isinstance(error, Unavailable)
    assert 100 < (error.retry_after_seconds or 0) <= 120


def test_the_secondary_limit_is_worth_waiting_for_too() -> None:
    error = failure(Wire(status=403, headers={"retry-after": "60", "x-ratelimit-remaining": "17"}))

    assert isinstance(error, Unavailable)
    assert error.retry_after_seconds == 60


def test_a_wait_is_capped() -> None:
    error = failure(Wire(status=429, headers={"retry-after": "999999"}))

    assert isinstance(error, Unavailable)
    assert error.retry_after_seconds == 3600


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "check GH_TOKEN"), (403, "allowed to do"), (404, "GITHUB_REPOSITORY"), (422, "no way")],
)
def test_a_refusal_says_what_to_check(status: int, advice: str) -> None:
    error = failure(Wire(status=status, content=b'{"message": "no way ghp_never_shown"}'))

    assert isinstance(error, Rejected)
    assert error.status == status
    assert advice in str(error)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_fault_of_github_is_worth_a_retry(status: int) -> None:
    assert isinstance(failure(Wire(status=status, content=b"<html>")), Unavailable)


def test_no_answer_is_worth_a_retry() -> None:
    assert isinstance(failure(Wire(failure=httpx.ReadTimeout)), Unavailable)


def test_what_is_not_json_is_not_the_contract() -> None:
    assert isinstance(failure(Wire(content=b"<html>")), ContractBroken)


def test_pages_that_lead_elsewhere_do_not_get_the_token() -> None:
    wire = Wire(content=b"[]", headers={"Link": '<http://evil.test/2>; rel="next"'})

    with (
        github(httpx.MockTransport(wire)) as transport,
        pytest.raises(ContractBroken, match="another host"),
    ):
        list(transport.pages("pulls"))

    assert len(wire.requests) == 1


def test_a_download_from_another_host_does_not_get_the_token() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "github.test":
            return httpx.Response(302, headers={"Location": "http://blobs.test/a"})
        return httpx.Response(200, content=b"12345")

    with github(httpx.MockTransport(answer)) as transport:
        assert transport.download("actions/artifacts/1/zip", 5) == b"12345"
        with pytest.raises(Rejected, match="more than 4 bytes"):
            transport.download("actions/artifacts/1/zip", 4)

    assert "authorization" in seen[0].headers
    assert "authorization" not in seen[1].headers


def test_a_long_log_is_cut_at_its_front_and_that_is_all_that_is_kept() -> None:
    wire = Wire(content=b"x" * 1000 + b"\nlast")

    with github(httpx.MockTransport(wire)) as transport:
        assert transport.tail("log", 5, 2000) == (b"\nlast", True)
        end, complete = transport.tail("log", 5, 500)

    assert len(end) == 5
    assert not complete


def test_a_repository_without_the_workflow_is_said_in_one_sentence() -> None:
    with (
        github(httpx.MockTransport(Wire(status=404))) as transport,
        pytest.raises(Unsupported, match=r"o/r has no workflow deploy\.yml"),
    ):
        GitHubReader(transport).workflow_runs("deploy.yml", 10)


@pytest.mark.parametrize("repository", ["cct", "o/r/x", "../x", "o/r?x", ""])
def test_a_repository_is_an_owner_and_a_name(repository: str) -> None:
    with pytest.raises(BadConfiguration, match="owner/name"):
        GitHubTransport("http://github.test", repository, SecretStr(TOKEN))


def test_a_token_that_no_header_can_carry_is_refused_without_showing_it() -> None:
    with pytest.raises(BadConfiguration) as caught:
        GitHubTransport("http://github.test", "o/r", SecretStr("secret\n"))

    assert "secret" not in str(caught.value)


def packed(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, each in files.items():
            made.writestr(name, each)
    return content.getvalue()


def test_an_archive_is_read_file_by_file() -> None:
    assert archive.files(packed({"a/b": b"1", "c": b"22"}), 3, "x") == {"a/b": b"1", "c": b"22"}


def test_a_zip_bomb_is_not_unpacked() -> None:
    """A million zeros are a thousand bytes in the zip."""
    bomb = packed({"a": b"0" * 1_000_000})

    assert len(bomb) < 2000
    with pytest.raises(Rejected, match="unpacks to more than 999999 bytes"):
        archive.files(bomb, 999_999, "x")


def test_many_small_files_are_refused_as_well() -> None:
    with pytest.raises(Rejected, match="holds 201 files"):
        archive.files(packed({str(n): b"" for n in range(201)}), 100, "x")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"<html>"])
def test_what_is_no_zip_is_not_the_contract(content: bytes) -> None:
    with pytest.raises(ContractBroken):
        archive.files(content, 100, "x")

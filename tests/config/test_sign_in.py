"""The file of who signs in on the board: what it may say, and what is said of what it may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cct_ops.config import sign_in as files
from cct_ops.errors import BadConfiguration
from cct_ops.models.role import Role

PEOPLE = "\n  people: [{account: s-1, name: Anna Ito, role: admin}]"


def written(path: Path, people: str = PEOPLE, issuer: str = "https://id.example") -> Path:
    """Write such a file."""
    path /= "board.yaml"
    path.write_text(
        f"sign_in:\n  issuer: {issuer}\n  client_id: board\n"
        f"  client_secret: {{env: BOARD_SECRET}}{people}\n"
    )
    return path


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ("", "nobody would get in"),
        ("\n  people: [{account: a, name: Anna}]", "nobody would get in"),
        ("\n  role_claim: groups", "go together"),
        ("\n  role_claim: groups\n  roles: {boss: [x]}", "roles.boss"),
        ("\n  account_claim: name" + PEOPLE, "display name, which people choose"),
        ("\n  scopes: email" + PEOPLE, "scopes must have openid"),
        (
            "\n  people: [{account: a, name: Anna, role: viewer}, {account: b, name: ANNA}]",
            "two people share",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_said(tmp_path: Path, people: str, words: str) -> None:
    path = written(tmp_path, people)
    with pytest.raises(BadConfiguration, match=re.escape(words)):
        files.read(path, named=True)


@pytest.mark.parametrize(
    "issuer",
    ["http://id.example", "https://u:p@id.example", "https://id.example?x=1", "id.example"],
)
def test_a_provider_that_could_be_overheard_is_refused(tmp_path: Path, issuer: str) -> None:
    path = written(tmp_path, issuer=issuer)
    with pytest.raises(BadConfiguration, match="must be an https:// address"):
        files.read(path, named=True)


def test_claims_may_stand_inside_others(tmp_path: Path) -> None:
    people = "\n  role_claim: realm_access.roles\n  roles: {responder: [on-call]}"
    path = written(tmp_path, people)
    known = files.read(path, named=True)
    assert known is not None

    assert known.role_of({"realm_access": {"roles": ["on-call"]}}) is Role.RESPONDER
    assert known.role_of({"realm_access.roles": "on-call"}) is Role.RESPONDER
    assert known.role_of({"realm_access": ["on-call"]}) is None

"""Who is on call is a file, and whatever is wrong with it is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from cct_ops.config import contacts
from cct_ops.config.contacts import Contacts, Fact
from cct_ops.config.sources import KeyReference
from cct_ops.errors import BadConfiguration
from cct_ops.models.run import Severity
from tests.config.refusing import refusal
from tests.conftest import ROOT
from tests.people.paging.conftest import env, people

ONE = "contacts: [{id: a, block: x/y}]\n"
URL = "https://hooks.example/T0/s3cret"


def test_the_deployed_file_is_right() -> None:
    """It names the runbook's three roles, in its order."""
    known = contacts.read(ROOT / "deployments" / "contacts.yaml")

    assert [contact.id for contact in known.contacts] == ["on-call", "lead", "product-owner"]
    assert known.severity_of({"severity": "P0"}) is Severity.P0
    assert known.severity_of({"severity": "error"}) is Severity.P1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contacts: []", ":1: contacts: "),
        ("contacts:\n  - id: a\n", ":2: contacts.0: say the one way to reach this contact"),
        ("contacts:\n  - {id: a, block: x/y, webhook: {env: E}}", ":2: contacts.0: say the one"),
        ("contacts:\n  - {id: a, block: no-name}", ":2: contacts.0.block: String should match"),
        (f"contacts:\n  - {{id: a, webhook: '{URL}'}}", ":2: contacts.0.webhook: "),
        ("contacts:\n  - {id: a, webhook: {env: E, file: F}}", "say where the key is"),
        (
            "contacts:\n  - {id: a, block: x/y}\n  - {id: a, block: x/z}",
            "two contacts are called a",
        ),
        (f"{ONE}severities: {{P9: [x]}}", ":2: severities.P9"),
        (f"{ONE}severities: {{P0: [x], P1: [X]}}", "x cannot mean two"),
        (f"{ONE}status_page: {{}}", ":2: status_page.url: Field required"),
        (
            f"{ONE}status_page: {{url: {{env: E}}, fields: {{title: x, state: x}}}}",
            ":2: status_page: x would be sent with two values",
        ),
        (
            "contacts: [{id: a, block: x/y}]\nstatus_page: {url: {env: E}, always: {title: x}}",
            ":2: status_page: title would be sent with two values",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_without_its_secret(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "contacts.yaml"
    refused = refusal(contacts.read, path, text)

    assert refused.startswith(f"{path}:")
    assert said in refused
    assert "s3cret" not in refused


def test_an_alert_says_its_severity_in_any_case_or_not_at_all() -> None:
    known = people(env("A"), severities={"P0": ["page"]})

    assert known.severity_of({"severity": "PAGE"}) is Severity.P0
    assert known.severity_of({"severity": "p0"}) is None
    assert known.severity_of({}) is None


@pytest.mark.parametrize(
    ("value", "said"), [("", "is not set"), ("s3cret", "not an http"), ("ftp://s3cret", "not an")]
)
def test_an_address_is_a_url_and_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("ADDRESS", value)

    with pytest.raises(BadConfiguration, match=said) as refused:
        contacts.address(KeyReference(env="ADDRESS"))
    assert "ADDRESS" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_an_address_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{URL}\n")

    found = contacts.address(KeyReference(file=tmp_path / "url"))
    assert found.get_secret_value() == URL
    with pytest.raises(BadConfiguration, match="cannot be read"):
        contacts.address(KeyReference(file=tmp_path / "nothing"))


def test_a_status_page_gets_our_facts_under_its_own_names() -> None:
    page = Contacts.model_validate(
        {
            "contacts": [{"id": "a", "block": "x/y"}],
            "status_page": {
                "url": {"env": "E"},
                "fields": {"title": "name", "state": "status", "resolved_at": "ended"},
                "inside": "incident",
                "states": {"investigating": "INVESTIGATING"},
                "always": {"notify": True},
            },
        }
    ).status_page
    assert page is not None
    facts: dict[Fact, str | None] = {
        fact: {"state": "investigating", "resolved_at": None}.get(fact.value, fact.value)
        for fact in Fact
    }

    assert page.body(facts) == {
        "notify": True,
        "incident": {"name": "title", "status": "INVESTIGATING", "ended": None},
    }
    assert page.body(facts | {Fact.STATE: "resolved"})["incident"] == {
        "name": "title",
        "status": "resolved",
        "ended": None,
    }


def test_contacts_are_frozen() -> None:
    known = people(env("A"))

    with pytest.raises(ValidationError, match="frozen"):
        known.contacts = ()  # type: ignore[misc]

"""Settings that nothing can be reckoned with are refused by name, before anything starts."""

from __future__ import annotations

import pytest

from cct_ops.errors import BadConfiguration
from cct_ops.settings import Settings

AMOUNTS = [
    f"CCT_OPS_{name.upper()}"
    for name, field in Settings.model_fields.items()
    if field.annotation in (float, int)
]


@pytest.mark.parametrize("variable", ["PER_MINUTE", "KEPT_FOR_WRITES"])
def test_some_requests_are_left_for_reads(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(f"CCT_OPS_REQUESTS_{variable}", {"PER_MINUTE": "5"}.get(variable, "30"))

    with pytest.raises(BadConfiguration, match="_KEPT_FOR_WRITES: Input should be less than CCT"):
        Settings.load()


@pytest.mark.parametrize("variable", AMOUNTS)
@pytest.mark.parametrize("odd", ["inf", "nan", "1e300", "9" * 400, "-1"])
def test_an_amount_must_be_one(monkeypatch: pytest.MonkeyPatch, variable: str, odd: str) -> None:
    monkeypatch.setenv(variable, odd)

    with pytest.raises(BadConfiguration) as caught:
        Settings.load()
    assert str(caught.value).startswith(
        f"Wrong setting in the environment: {variable}: Input should"
    )


def test_links_begin_where_the_listeners_are_or_where_people_reach_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, port in (("GATEWAY", 8080), ("BOARD", 8070)):
        links = getattr(Settings.load(), f"{name.lower()}_links")
        assert links() == f"http://127.0.0.1:{port}"
        monkeypatch.setenv(f"CCT_OPS_{name}_URL", "https://ops.example/")
        links = getattr(Settings.load(), f"{name.lower()}_links")
        assert links() == "https://ops.example"


def test_an_empty_name_of_a_database_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all databases: the ledger is missed when it is needed, and Redis may be none at all."""
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", " ")
    monkeypatch.setenv("CCT_OPS_REDIS_URL", "")
    settings = Settings.load()

    assert settings.redis_url is None
    with pytest.raises(BadConfiguration, match="There is no ledger"):
        settings.ledger_url()

"""The doctor's check of sign-in by OIDC."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.oidc.providers import CLIENT, lying
from tests.doctor.conftest import Doctor


def test_the_provider_is_looked_at(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """That there is none, that it is well, and each thing that is wrong, by name."""
    _, lines = doctor()
    assert lines["board"].startswith("- board")
    path = tmp_path / "board.yaml"
    monkeypatch.setenv("CCT_OPS_BOARD_PATH", str(path))
    code, lines = doctor()
    assert code == 1
    assert "board.yaml: cannot be read" in lines["board"]

    with lying() as liar:
        path.write_text(
            f"sign_in:\n  issuer: {liar.issuer}\n  client_id: {CLIENT}\n"
            "  client_secret: {env: OIDC_SECRET}\n"
            "  people: [{account: s-1, name: Anna Ito, role: admin}]\n"
        )
        code, lines = doctor()
        assert code == 1
        assert "is not in OIDC_SECRET: it is not set" in lines["board"]

        monkeypatch.setenv("OIDC_SECRET", "something")
        monkeypatch.setenv("CCT_OPS_BOARD_URL", "https://board.example")
        _, lines = doctor()
        assert lines["board"].startswith("✓ board")
        assert "https://board.example/sign-in/oidc/back" in lines["board"]

    code, lines = doctor()
    assert code == 1
    assert "does not answer" in lines["board"]

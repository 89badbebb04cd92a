"""Links that only some people could open are found before they are sent."""

from __future__ import annotations

import pytest

from cct_ops.doctor import links
from cct_ops.settings import Settings
from tests.doctor.conftest import Doctor


@pytest.mark.parametrize(
    ("host", "gateway", "prefect", "signs"),
    [
        ("127.0.0.1", None, None, "-"),
        ("0.0.0.0", None, None, "✗!"),  # noqa: S104 -- where somebody may listen
        ("::", "http://localhost:8080", "http://[::1]:4200", "✗!"),
        ("10.0.0.1", "http://0.0.0.0:8330", "http://[::]:4200", "✗✗"),
        ("0.0.0.0", "https://ops.example", "https://prefect.example", "✓✓"),  # noqa: S104
    ],
)
def test_links_that_people_elsewhere_cannot_open_are_found(
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    gateway: str | None,
    prefect: str | None,
    signs: str,
) -> None:
    monkeypatch.setenv("CCT_OPS_GATEWAY_HOST", host)
    for name, value in (("GATEWAY_URL", gateway), ("PREFECT_UI_URL", prefect)):
        if value is not None:
            monkeypatch.setenv(f"CCT_OPS_{name}", value)

    found = links.look(Settings.load())

    ours = [each for each in found if prefect is not None or "approvals" in each.seen]
    assert "".join(each.sign for each in ours) == signs[: len(ours)]
    assert "CCT_OPS_GATEWAY_URL" in found[0].fix or signs[0] == "✓"
    assert doctor()[1]["links"]

"""The post-incident-review playbook: one artifact, two new files, and nothing changed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from cct_ops.models.cct import Route
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from flows.auto_rollback import auto_rollback
from flows.post_incident_review import post_incident_review
from tasks.connections import settings
from tests.flows.run_assertions import artifacts_of, final, run_id_of


@pytest.fixture(autouse=True)
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the reviews go."""
    folder = tmp_path / "reviews"
    monkeypatch.setenv("CCT_OPS_REVIEWS_PATH", str(folder))
    settings.cache_clear()
    return folder


run = partial(final, post_incident_review)


def test_a_review_never_writes_over_an_earlier_one(sandbox: SandboxControl, reviews: Path) -> None:
    """People fill it in, so the second review of the same run is a file of its own."""
    sandbox.set_canary(Route.DAILY_SUMMARY, 0, enabled=False)
    reviewed = final(auto_rollback, Route.DAILY_SUMMARY, mode=Mode.OBSERVE)
    run_id = str(run_id_of(reviewed))
    before = sandbox.state()

    first, second = run(about=run_id), run(about=run_id)

    assert (first.name, first.type.value) == ("Written", "COMPLETED")
    files = sorted(reviews.glob("*.md"))
    assert len(files) == 2
    pages = [file.with_suffix(".html") for file in files]
    assert sorted(reviews.iterdir()) == sorted([*files, *pages])
    assert all("Recommended" in file.read_text() for file in files)
    assert str(files[1]) in f"{first.message}{second.message}"
    (shown,) = [
        str(each.data) for each in artifacts_of(first, "markdown") if "## 10" in str(each.data)
    ]
    assert "](data:image/svg+xml;base64," in shown
    assert "data:image" not in files[0].read_text()
    assert sandbox.state() == before


def test_what_cannot_be_reviewed_is_said() -> None:
    ended = run(about=str(uuid4()))

    assert ended.is_failed()
    assert "The ledger knows no" in (ended.message or "")

"""What our files show as an example can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from cct_ops.config import yaml_files
from cct_ops.config.sources import Sources
from cct_ops.controller.routes import read_routes
from tests.conftest import ROOT


def test_the_senders_that_are_only_shown_are_valid(tmp_path: Path) -> None:
    """All kinds that there are, and nobody need find out what was wrong with one."""
    text = (ROOT / "deployments" / "sources.yaml").read_text()
    _, _, shown = text.partition(
        "# Other kinds, as they would stand here; what to set at the sender: docs/senders.md.\n"
    )
    path = tmp_path / "sources.yaml"
    path.write_text("sources:\n" + re.sub(r"^# ?", "  ", shown, flags=re.MULTILINE))
    sources = yaml_files.load(path, Sources)

    assert {"grafana", "github", "pagerduty", "json"} <= {
        each.kind for each in sources.sources.values()
    }
    assert set(sources.doubts()) == {"sentry"}


def test_the_rules_that_are_only_shown_are_valid(tmp_path: Path) -> None:
    """Beside our own playbooks, which are asked whether they take what is given."""
    (tmp_path / "deployments").mkdir()
    for name in ("flows", "prefect.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = tmp_path / "deployments" / "routes.yaml"
    text = (ROOT / "deployments" / "routes.yaml").read_text()
    path.write_text(re.sub(r"^  # (?=- |  )", "  ", text, flags=re.MULTILINE))
    routes = read_routes(path)

    title = {"title": "CanaryRolledBack on /daily-summary"}
    assert routes.rule_for("pagerduty", title).name == "paged-for-a-canary"

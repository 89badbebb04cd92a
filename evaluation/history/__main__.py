"""``python -m evaluation.history``: write the made-up week, and what today's rules make of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from cct_ops.replay import history
from cct_ops.replay.engine import replay
from cct_ops.replay.result import Replayed
from cct_ops.replay.rules import RuleFiles, read_rules
from evaluation.history.telling import SOURCES
from evaluation.history.week import week

HERE = Path(__file__).parent
HISTORY = HERE / "week.jsonl"
EXPECTED = HERE / "expected.json"
DEPLOYMENTS = HERE.parent.parent / "deployments"
RULES = RuleFiles(SOURCES, DEPLOYMENTS / "routes.yaml", DEPLOYMENTS / "policy.yaml")


def replayed() -> Replayed:
    """Return what today's rules make of the history as it is recorded."""
    return replay(read_rules(RULES), history.read(HISTORY))


def shown(result: Replayed) -> str:
    """Return it as the text that is compared: what is alike is one line with its number."""
    alike = Counter(
        (each.source, each.alert, each.words, _given(each.parameters)) for each in result.fates
    )
    lines = [
        f"{source} {alert}: {words}{given}: {times}"
        for (source, alert, words, given), times in sorted(alike.items())
    ]
    content = {"fired": result.fired, "counts": dict(sorted(result.counts.items())), "fates": lines}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _given(parameters: object) -> str:
    return f" {json.dumps(parameters, sort_keys=True)}" if parameters else ""


if __name__ == "__main__":
    history.write(HISTORY, week().lines())
    EXPECTED.write_text(shown(replayed()))

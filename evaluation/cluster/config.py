"""The files and variables that the parts of the cluster are given, as a team would write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from cct_ops.record.keys import keep_key
from cct_ops.stack.postgres import keep_secret
from evaluation.cluster.network import Host
from evaluation.cluster.proxy import GATEWAY_PORT, PREFECT_PORT

KEY = "the-key-of-the-cluster-0123456789abcdef"
AUTH = "prefect:the-password-of-the-cluster"
REDIS_PORT = 6379
CCT_PORT = 8090
SLACK_PORT = 8091
SANDBOX_PORT = 8092
LEASE_SECONDS = 45

_SOURCES = {
    "sources": {
        "alertmanager": {
            "kind": "alertmanager",
            "keys": [{"env": "CCT_OPS_ALERTMANAGER_KEY"}],
            "repeat_interval_seconds": 14400,
            "group_interval_seconds": 300,
        }
    }
}
_ROUTES = {
    "grouping": {"incidents": 1_000_000},
    "rules": [
        {
            "name": "canary-rolled-back",
            "match": ['alertname="CanaryRolledBack"'],
            "playbook": "auto-rollback",
            "mode": "auto",
            "parameters": {"target": {"label": "route", "type": "route"}},
        },
        {
            "name": "canary-needs-a-person",
            "match": ['alertname="CanaryNeedsAPerson"'],
            "playbook": "auto-rollback",
            "mode": "approve",
            "parameters": {"target": {"label": "route", "type": "route"}},
        },
        {
            "name": "rate-limited",
            "match": ['alertname="RateLimited"'],
            "playbook": "rate-limiting",
            "mode": "auto",
            "parameters": {
                "target": {"label": "limit", "type": "string", "pattern": "[A-Za-z]+"},
                "fix": {"value": "raise"},
                "lasts_minutes": {"value": 1},
            },
        },
        {"name": "rest", "notify": True},
    ],
}
# The faults are what is tried here; guards would keep most runs from changing anything.
_POLICY = {
    "playbooks": {
        "auto-rollback": {"ceiling": "auto", "targets": ["/*"]},
        "rate-limiting": {"ceiling": "auto", "targets": ["*"]},
    },
    "guards": {
        "cool_down_minutes": 0,
        "failed_attempts": 1000,
        "recurring_fixes": {"count": 1000, "within_hours": 1},
        "backoff": {"first_minutes": 0, "longest_minutes": 0},
        "actions_per_hour": 10_000,
        "storm": {"incidents": 1_000_000, "within_minutes": 1},
    },
    "autonomy": {"recurs_within_hours": 0},
}


def common(folder: Path, front: Host, cct: Host, ledger: str) -> dict[str, str]:
    """Write the files, and return what every part of ours is given."""
    for name, content in (("sources", _SOURCES), ("routes", _ROUTES), ("policy", _POLICY)):
        (folder / f"{name}.yaml").write_text(json.dumps(content))
    keep_key(folder / "record")
    approvals = folder / "keys" / "approvals"
    keep_secret(approvals)
    slack = f"http://{front.address}:{SLACK_PORT}/slack"
    return {
        "CCT_URL": f"http://{cct.address}:{CCT_PORT}",
        "X_API_KEY": "sandbox-key",
        "SLACK_WEBHOOK_URL": f"{slack}/incidents",
        "CCT_OPS_WEBHOOK_ON_CALL": f"{slack}/on-call",
        "CCT_OPS_WEBHOOK_LEAD": f"{slack}/lead",
        "CCT_OPS_WEBHOOK_PRODUCT_OWNER": f"{slack}/product-owner",
        "CCT_OPS_DATABASE_URL": ledger,
        "CCT_OPS_ALERTMANAGER_KEY": KEY,
        "CCT_OPS_SOURCES_PATH": str(folder / "sources.yaml"),
        "CCT_OPS_ROUTES_PATH": str(folder / "routes.yaml"),
        "CCT_OPS_POLICY_PATH": str(folder / "policy.yaml"),
        "CCT_OPS_RECORD_PATH": str(folder / "record"),
        "CCT_OPS_APPROVAL_KEY_FILE": str(approvals),
        "CCT_OPS_GATEWAY_URL": f"http://{front.address}:{GATEWAY_PORT}",
        "CCT_OPS_WATCH_SECONDS": "5",
        "CCT_OPS_MIN_SAMPLES": "5",
        "CCT_OPS_SETTLE_SECONDS": "2",
        "CCT_OPS_LEASE_SECONDS": str(LEASE_SECONDS),
        "CCT_OPS_REQUESTS_PER_MINUTE": "600",
        "CCT_OPS_WORKER_GRACE_SECONDS": "600",  # as in the manifests
        "PREFECT_API_URL": f"http://{front.address}:{PREFECT_PORT}/api",
        "PREFECT_API_AUTH_STRING": AUTH,
        "NO_PROXY": "*",
    }


def of_servers(front: Host, database: str) -> Mapping[str, str]:
    """Return what Prefect's servers are given besides."""
    return {
        "PREFECT_API_DATABASE_CONNECTION_URL": database,
        "PREFECT_SERVER_API_AUTH_STRING": AUTH,
        "CCT_OPS_REDIS_URL": f"redis://{front.address}:{REDIS_PORT}/0",
        "PREFECT_UI_URL": f"http://{front.address}:{PREFECT_PORT}",
    }

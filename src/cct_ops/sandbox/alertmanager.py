"""The messages that an Alertmanager which watches this CCT sends: one alert begins, and ends."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_NEVER = "0001-01-01T00:00:00Z"


def message(
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    began_at: datetime,
    ended_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the very body that it posts to a webhook for one alert."""
    status = "firing" if ended_at is None else "resolved"
    alert = {
        "status": status,
        "labels": dict(labels),
        "annotations": dict(annotations),
        "startsAt": began_at.isoformat(),
        "endsAt": _NEVER if ended_at is None else ended_at.isoformat(),
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16],
    }
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "cct-ops",
        "groupLabels": dict(labels),
        "commonLabels": dict(labels),
        "commonAnnotations": dict(annotations),
        "externalURL": "http://alertmanager.example",
        "alerts": [alert],
    }

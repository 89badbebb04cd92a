"""An Alertmanager of this machine that sends its alerts to one hook."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from cct_ops.stack.config import HOST


def installed() -> str | None:
    """Return the program, by Debian's name or its own, if there is one."""
    return shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


def configured(
    program: str, folder: Path, port: int, hook: str, key: str, route: Mapping[str, str]
) -> list[str]:
    """Configure an Alertmanager that sends each alert to the hook; return its command line."""
    authorization = {"authorization": {"credentials": key}}
    webhook = {"url": hook, "max_alerts": 0, "http_config": authorization}
    config = {
        "route": {"receiver": "cct-ops", "group_by": ["..."], **route},
        "receivers": [{"name": "cct-ops", "webhook_configs": [webhook]}],
    }
    path = folder / "alertmanager.yml"
    path.touch(mode=0o600)  # it holds the key
    path.write_text(json.dumps(config))  # JSON is YAML
    return [
        program,
        f"--config.file={path}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
        "--cluster.listen-address=",
    ]

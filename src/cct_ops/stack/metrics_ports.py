"""Where the parts of a stack show Prometheus their metrics."""

from __future__ import annotations

from collections.abc import Mapping

from cct_ops.addresses import listen
from cct_ops.stack.config import HOST, check_port

# Beside the port that OpenTelemetry uses for the same.
METRICS_PORTS = {
    "CCT_OPS_METRICS_PORT": 9464,
    "CCT_OPS_CONTROLLER_METRICS_PORT": 9465,
    "CCT_OPS_WORKER_METRICS_PORT": 9466,
}


def metrics_ports(given: Mapping[str, str], *, isolated: bool) -> dict[str, str]:
    """
    Return the ports by the variables that set them; "0" is none.

    One that nobody set is the usual one where that is free, and none in an isolated stack. Raises
    ``BadConfiguration`` for one that was set and is taken.
    """
    host = given.get("CCT_OPS_METRICS_HOST") or HOST
    ports = {}
    for name, usual in METRICS_PORTS.items():
        wanted = given.get(name)
        if wanted and wanted.isdecimal() and wanted != "0":
            check_port(host, int(wanted), "metrics", name)
        ports[name] = wanted or ("0" if isolated or not _is_free(host, usual) else str(usual))
    return ports


def _is_free(host: str, port: int) -> bool:
    try:
        listen(host, port).close()
    except OSError:
        return False
    return True

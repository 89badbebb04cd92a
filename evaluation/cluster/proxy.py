"""
The configurations of nginx, in front of gateways and Prefect's servers, and as doors of a sandbox.

The sandbox plays CCT and Slack. Each has a door of its own, so that one can be paused, slowed and
cut off while the other answers, and while the sandbox still says what was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.cluster.network import Host

GATEWAY_PORT = 8080
PREFECT_PORT = 4200

_HEAD = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 20m;
  proxy_http_version 1.1;
"""
_CONFIG = """\
  proxy_connect_timeout 1s;
  map $http_upgrade $upgrade {{ default upgrade; '' ''; }}
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $upgrade;
  upstream gateways {{ {gateways} keepalive 32; }}
  upstream prefects {{ {prefects} keepalive 32; }}
  server {{
    listen {address}:{gateway_port};
    location / {{
      proxy_pass http://gateways;
      # A gateway knows a delivery that it gets once more, so another one may be asked at once.
      proxy_next_upstream error timeout http_502 http_503 http_504 non_idempotent;
      proxy_read_timeout 5s;
    }}
  }}
  server {{
    listen {address}:{prefect_port};
    location / {{
      proxy_pass http://prefects;
      proxy_next_upstream error timeout;
      proxy_read_timeout 90s;
    }}
  }}
}}
"""


_DOOR = """\
  proxy_set_header Host $http_host;
  proxy_set_header Connection '';
  server {{
    listen {address}:{port};
    location / {{
      proxy_pass http://{target};
      proxy_read_timeout 1h;
      # What came before a pause is done after it, though its sender may have given up.
      proxy_ignore_client_abort on;
    }}
  }}
}}
"""


def configuration(
    front: Host, gateways: Sequence[Host], prefects: Sequence[Host], folder: Path
) -> str:
    """Return it; a server that does not answer is left alone for five seconds."""
    return _HEAD.format(folder=folder) + _CONFIG.format(
        address=front.address,
        gateway_port=GATEWAY_PORT,
        prefect_port=PREFECT_PORT,
        gateways=_servers(gateways, GATEWAY_PORT),
        prefects=_servers(prefects, PREFECT_PORT),
    )


def door(host: Host, port: int, target: str, folder: Path) -> str:
    """Return that of a door, which hands everything on to one other server."""
    return _HEAD.format(folder=folder) + _DOOR.format(
        address=host.address, port=port, target=target
    )


def _servers(hosts: Sequence[Host], port: int) -> str:
    return " ".join(f"server {host.address}:{port} max_fails=1 fail_timeout=5s;" for host in hosts)

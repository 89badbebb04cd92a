"""The real parts of a stack, how they find each other, and in which order they start."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cct_ops.addresses import reached_at
from cct_ops.errors import BadConfiguration
from cct_ops.stack import own_sandbox, prefect_server
from cct_ops.stack.config import HOST, StackConfig, check_cct_url, check_port
from cct_ops.stack.host_part import DATABASE as _PREFECT, OWN_PACE, USUAL
from cct_ops.stack.metrics_ports import METRICS_PORTS, metrics_ports
from cct_ops.stack.part import Answers, Ends, Part, Plan, Prints
from cct_ops.stack.postgres import READY_LINE, EmbeddedPostgres, keep_secret
from cct_ops.stack.process import Program
from cct_ops.typed import COMMAND, program_for

_LEDGER = "CCT_OPS_DATABASE_URL"
_LEASES = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
# of another Prefect that the user works with: they would lead the parts astray
_FOREIGN = (
    *("PREFECT_API_KEY", "PREFECT_PROFILE", prefect_server.CLIENT, prefect_server.SERVER),
    own_sandbox.ADDRESS,  # with it a CCT that is not ours could be broken from the board
)


# what proves who approved: no part but the gateway is given these
_GATEWAY_ONLY = ("CCT_OPS_APPROVAL_KEY_FILE", "CCT_OPS_SLACK_SIGNING_SECRET")


@dataclass(frozen=True)
class Assembly:
    """A stack ready to start: its plan, and what its users need to know."""

    plan: Plan
    env: Mapping[str, str]
    urls: Mapping[str, str]
    own_key: Path | None  # where the Alertmanager hook's key is, unless it came from outside


def assemble(config: StackConfig, lock_fd: int) -> Assembly:
    """Check what can be checked, make what must exist, and lay out the parts."""
    given = config.environment
    own_cct = not given.get("CCT_URL")
    gateway_host = given.get("CCT_OPS_GATEWAY_HOST") or HOST
    check_port(HOST, config.prefect_port, "the Prefect UI", "--prefect-port")
    check_port(gateway_host, config.gateway_port, "the gateway", "--gateway-port")
    board_host = given.get("CCT_OPS_BOARD_HOST") or HOST
    check_port(board_host, config.board_port, "the board", "--board-port")
    if own_cct:
        check_port(HOST, config.sandbox_port, "the sandbox", "--sandbox-port")
    else:
        check_cct_url(given["CCT_URL"])
        if not given.get("X_API_KEY"):
            raise BadConfiguration("X_API_KEY is not set: set it to the key of the CCT at CCT_URL")

    taken = (config.prefect_port, config.gateway_port, config.board_port)
    ports = (*taken, config.sandbox_port) if own_cct else taken
    if len(set(ports)) < len(ports):
        raise BadConfiguration(f"the ports {ports} must differ: choose others")

    cluster = _cluster(config, given)
    ui = f"http://{HOST}:{config.prefect_port}"
    gateway = reached_at(gateway_host, config.gateway_port)
    public_ui = given.get("CCT_OPS_PREFECT_UI_URL", "").rstrip("/") or ui
    # a company's HTTP proxy must not be asked for what runs on this very machine
    proxied = given.get("no_proxy") or given.get("NO_PROXY")
    no_proxy = ",".join(filter(None, (proxied, HOST, "localhost", "::1")))
    env = {
        **{name: value for name, value in given.items() if name not in (*_FOREIGN, *_GATEWAY_ONLY)},
        "CCT_URL": given.get("CCT_URL") or f"http://{HOST}:{config.sandbox_port}",
        "X_API_KEY": given.get("X_API_KEY") or own_sandbox.API_KEY,
        "CCT_OPS_GATEWAY_HOST": gateway_host,
        "CCT_OPS_GATEWAY_PORT": str(config.gateway_port),
        "CCT_OPS_BOARD_HOST": board_host,
        "CCT_OPS_BOARD_PORT": str(config.board_port),
        "PREFECT_API_URL": f"{ui}/api",
        prefect_server.CLIENT: prefect_server.auth_string(config.data),
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
        "PREFECT_UI_URL": public_ui,
        COMMAND: given.get(COMMAND)
        or program_for(config.project, config.data, config.usual_data(config.project).absolute()),
        "PREFECT_HOME": str(config.data / "prefect"),
        **USUAL,
        # in memory, where Prefect keeps them, a killed server would lose them and cancel their runs
        _LEASES: given.get(_LEASES) or "prefect.server.concurrency.lease_storage.filesystem",
        **{name: given[name] for name in OWN_PACE if name in given},
        "CCT_OPS_WORKER_GRACE_SECONDS": "0",  # whoever types Ctrl-C has a stack that stops
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }
    leases = config.data / "prefect" / "concurrency_leases"
    leases.mkdir(mode=0o700, parents=True, exist_ok=True)  # Prefect would let others read it
    if cluster is not None:
        env |= {_LEDGER: cluster.url("cct_ops"), _PREFECT: cluster.asyncpg_url("prefect")}
    if own_cct:
        env = own_sandbox.variables(env, isolated=config.isolated) | env
    env |= metrics_ports(given, isolated=config.isolated)
    env["CCT_OPS_RECORD_PATH"] = _record(given.get("CCT_OPS_RECORD_PATH"), config.data)
    own_key = None
    if not env.get("CCT_OPS_ALERTMANAGER_KEY"):
        own_key = config.data / "keys" / "alertmanager"
        env["CCT_OPS_ALERTMANAGER_KEY"] = keep_secret(own_key)
    urls = {
        "prefect": ui,
        "gateway": gateway,
        "hook": f"{gateway}/hooks/alertmanager",
        "board": given.get("CCT_OPS_BOARD_URL", "").rstrip("/")
        or reached_at(board_host, config.board_port),
        "cct": env["CCT_URL"],
        **({"sandbox": env["CCT_URL"]} if own_cct else {}),
        "metrics": ", ".join(env[name] for name in METRICS_PORTS if env[name] != "0"),
    }
    parts = _service_parts(
        config,
        env,
        own_cct=own_cct,
        own_database=cluster is not None,
        first=cluster is not None and not cluster.exists,
    )
    if cluster is not None:
        parts = _database_parts(cluster, env) + parts
    plan = Plan(
        parts=parts,
        logs=config.data / "logs",
        status=config.data / "status.json",
        lock_fd=lock_fd,
        restarts=config.restarts,
    )
    return Assembly(plan, env, urls, own_key)


def _approving(config: StackConfig) -> dict[str, str]:
    """Return the gateway's own variables: the key of approvers' links, made on first use."""
    given = {name: config.environment.get(name, "") for name in _GATEWAY_ONLY}
    path = config.data / "keys" / "approvals"
    if not given["CCT_OPS_APPROVAL_KEY_FILE"]:
        keep_secret(path)
        given["CCT_OPS_APPROVAL_KEY_FILE"] = str(path)
    return {name: value for name, value in given.items() if value}


def _record(given: str | None, data: Path) -> str:
    """Return the folder of the transparency log's key, which is made on first use."""
    from cct_ops.record.keys import keep_key

    folder = Path(given) if given else data / "record"
    keep_key(folder)
    return str(folder)


def _cluster(config: StackConfig, given: Mapping[str, str]) -> EmbeddedPostgres | None:
    """Return the embedded PostgreSQL, unless both databases are somewhere else."""
    elsewhere = [name for name in (_LEDGER, _PREFECT) if given.get(name)]
    if len(elsewhere) == 1:
        raise BadConfiguration(
            f"{elsewhere[0]} is set alone: set {_LEDGER} and {_PREFECT} to use your PostgreSQL "
            "for both, or neither to use the embedded one"
        )
    return None if elsewhere else EmbeddedPostgres(config.data / "postgres")


def _database_parts(cluster: EmbeddedPostgres, env: Mapping[str, str]) -> tuple[Part, ...]:
    server = Part(
        name="postgres",
        program=cluster.program(),
        ready=Prints(text=READY_LINE),
        after=() if cluster.exists else ("initdb",),
    )
    if cluster.exists:
        return (server,)
    return (Part(name="initdb", program=cluster.creation(env), ready=Ends()), server)


def _service_parts(
    config: StackConfig, env: Mapping[str, str], *, own_cct: bool, own_database: bool, first: bool
) -> tuple[Part, ...]:
    def program(
        *arguments: str,
        stop_seconds: float = 10.0,
        orphans: bool = False,
        own: Mapping[str, str] | None = None,
        prefect: bool = True,
    ) -> Program:
        # who has no business with Prefect is not given the way into it
        shared = {
            name: value for name, value in env.items() if prefect or name != prefect_server.CLIENT
        }
        return Program(
            argv=(sys.executable, *arguments),
            env={**shared, **(own or {})},
            cwd=config.project,
            stop_seconds=stop_seconds,
            orphans_finish=orphans,
        )

    database = ("postgres",) if own_database else ()
    port = str(config.prefect_port)
    server = program(
        *("-m", "cct_ops.stack.prefect_server", "--host", HOST, "--port", port),
        own=prefect_server.server_env(env[prefect_server.CLIENT], env["PREFECT_UI_URL"]),
    )
    # A run that waits since last time needs its deployment as it is now; at first there is none.
    worker_after = ("prefect", "ledger") if first else ("deployments",)
    worker = ["-m", "prefect", "worker", "start", "--type", "warm"]
    worker += ["--pool", "cct-ops", "--name", "cct-ops"]
    gateway = reached_at(env["CCT_OPS_GATEWAY_HOST"], config.gateway_port)
    parts = [
        Part(
            name="prefect",
            program=server,
            ready=Answers(url=f"{env['PREFECT_API_URL']}/health"),
            after=database,
        ),
        Part(
            name="ledger",
            program=program("-m", "cct_ops.ledger", prefect=False),
            ready=Ends(),
            after=database,
        ),
        Part(
            name="deployments",
            program=program("deployments/apply.py"),
            ready=Ends(),
            after=("prefect", "ledger"),
        ),
        Part(
            name="worker",
            # a playbook in the middle of a change is not cut off because its worker died
            program=program(*worker, stop_seconds=15.0, orphans=True),
            ready=Prints(text="started!"),
            after=(*worker_after, *(("sandbox",) if own_cct else ())),
        ),
        Part(
            name="gateway",
            program=program("-m", "cct_ops.gateway", own=_approving(config), prefect=False),
            ready=Answers(url=f"{gateway}/healthz"),
            after=("ledger",),
        ),
        Part(
            name="board",
            program=program(
                *("-m", "cct_ops.board"),
                own={own_sandbox.ADDRESS: env["CCT_URL"]} if own_cct else None,
            ),
            ready=Answers(
                url=f"{reached_at(env['CCT_OPS_BOARD_HOST'], config.board_port)}/healthz"
            ),
            after=("ledger",),
        ),
        Part(
            name="controller",
            program=program("-m", "cct_ops.controller"),
            ready=Prints(text="controller: ready"),
            after=("deployments",),
        ),
    ]
    if own_cct:
        sandbox = program(
            "-m", "cct_ops.sandbox", "--port", str(config.sandbox_port), prefect=False
        )
        ready = Answers(url=f"{env['CCT_URL']}/api/v1/data/health")
        parts.append(Part(name="sandbox", program=sandbox, ready=ready))
    return tuple(parts)

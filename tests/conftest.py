"""
The real parts that tests run against: one PostgreSQL, one Prefect server, one sandbox.

Each is a process that is started once, when the first test asks for it. Every test gets a ledger of
its own, as a copy of a migrated template.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from cct_ops.ledger.engine import connect, migrate
from cct_ops.sandbox.control import SandboxControl, start_sandbox
from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from cct_ops.variables import OURS, harmless
from tests import left_runs
from tests.dearest import Dearest
from tests.plain import HTTP
from tests.starts import sitecustomize as starts_of_python

ROOT = Path(__file__).parent.parent
API_KEY = "sandbox-key"
ROOM_BYTES = 4 << 30  # for the databases of four workers; containers have much less there

# What the shell says of real systems, and of ways to them, is none of the tests' business.
for name in set(os.environ) - harmless(os.environ).keys():
    if name.upper().startswith(OURS) or name.upper().endswith("_PROXY"):
        del os.environ[name]

# Nothing that the tests start is behind TLS: clients, and Prefect's most of all, then need not load
# the authorities of the whole web again and again. What this file holds is an authority of nothing.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("nobody.pem"))

# Else each of the processes that are started, and each worker, would compile all of our code anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
starts = str(Path(starts_of_python.__file__).parent)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (starts, os.environ.get("PYTHONPATH"))))

# What a day decides is decided once: the processes of one run may see midnight between them.
os.environ.setdefault("CLAIMS_DAY", datetime.now(UTC).date().isoformat())

# A background job of a non-interactive shell begins with SIGINT ignored, and so do its children. A
# worker, which stops by that signal, would have to be killed.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# These wait for minutes and for whole stacks. What begins last must not be what takes longest.
FIRST = (
    "tests/claims/test_under_faults.py",
    "tests/flows/test_crowd.py",
    "tests/end_to_end/test_outages.py",
    "tests/end_to_end/test_approval.py",
    "tests/end_to_end/test_deaths.py",
    "tests/end_to_end/test_playbooks.py",
    "tests/end_to_end/test_pauses.py",
    "tests/end_to_end/test_forms_in_prefect.py",
    "tests/end_to_end/test_monitoring.py",
    "tests/end_to_end/test_traces.py",
    "tests/end_to_end/test_rehearsal.py",
    "tests/flows/test_every_way.py",
    "tests/flows/test_kills_everywhere.py",
    "tests/commands/test_new_playbook.py",
    "tests/worker/test_crashes.py",
    "tests/flows/test_game_day.py",
    "tests/rehearsal/test_rehearsal.py",
    "tests/demo/test_demo.py",
    "tests/flows/test_recover.py",
    "tests/flows/test_kills_of_upkeep.py",
    "tests/gateway/test_operating.py",
    "tests/flows/test_auto_rollback.py",
    "tests/flows/test_endings.py",
    "tests/flows/test_revert_change.py",
    "tests/worker/test_runs.py",
    "tests/worker/test_compatibility.py",
    "tests/controller/test_failures.py",
    "tests/deployments/test_apply.py",
    "tests/people/paging/test_process.py",
    "tests/flows/test_secrets.py",
)

OWN_FILES = pytest.StashKey[Path]()
SHARED_PREFECT = pytest.StashKey[str]()
ONE_STACK = {each for each in FIRST if each.startswith("tests/end_to_end/")}


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """
    Keep the files of this session in a folder of its own.

    Those of all sessions are in one by default, which each new session closes to other users:
    PostgreSQL, which does not run as root, would lose what it works in.
    """
    config.pluginmanager.register(Dearest())
    if os.geteuid() == 0 and config.option.basetemp is None and not hasattr(config, "workerinput"):
        config.option.basetemp = tempfile.mkdtemp(prefix="cct-ops-files-")
        config.stash[OWN_FILES] = Path(config.option.basetemp)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep them only where something failed."""
    own = session.config.stash.get(OWN_FILES, None)
    if own is not None and exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        shutil.rmtree(own, ignore_errors=True)


def pytest_collection_finish() -> None:
    """What all tests have imported is no garbage."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin first, and leave the others in the order that chance gave."""
    places = {ROOT / file: place for place, file in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(FIRST)))


class ByPart(LoadFileScheduling):  # type: ignore[misc]  # it ships no types
    """A file stays on one worker, and so do the files that share a stack."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "one stack" if file in ONE_STACK else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Most tests wait for real parts: four at a time keep two cores busy. A file needs no other."""
    files = [each for each in config.args if Path(each.partition("::")[0]).is_file()]
    return 4 if len(config.args) > 1 or not files else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByPart | None:
    """Hand out tests by part where they are handed out by file."""
    return ByPart(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """
    One PostgreSQL, with a migrated ledger to copy from.

    In memory a ledger of a test's own costs a sixth of what it costs on a disk.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cct-ops-tests-", dir=_in_memory()) as folder,
        EmbeddedPostgres(Path(folder)) as server,
    ):
        url = SecretStr(server.url("cct_ops"))
        migrate(url)
        connect(url).dispose()  # a template must have no connection
        with administrator(server) as connection:
            # Nobody guesses a random password: to stretch it costs each connection two milliseconds
            password = sa.make_url(server.url("postgres")).password
            connection.execute("SET scram_iterations = 1")
            connection.execute(f"ALTER ROLE CURRENT_USER PASSWORD '{password}'".encode())
            yield server


@cache
def administrator(postgres: EmbeddedPostgres) -> psycopg.Connection:
    """Return the one connection that makes and drops ledgers: to open it costs as much as those."""
    return psycopg.connect(postgres.url("postgres").replace("+psycopg", ""), autocommit=True)


@contextmanager
def new_ledger(postgres: EmbeddedPostgres, template: str = "cct_ops") -> Iterator[SecretStr]:
    """Make an empty ledger, at the newest schema by default, and drop it in the end."""
    name = f"ledger_{uuid4().hex}"
    copy = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"  # a fifth cheaper
    administrator(postgres).execute(copy.encode())
    url = SecretStr(postgres.url(name))
    yield url
    connect(url).dispose()
    administrator(postgres).execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def ledger_url(postgres: EmbeddedPostgres) -> Iterator[SecretStr]:
    """A ledger of this test's own, empty and at the newest schema."""
    with new_ledger(postgres) as url:
        yield url


@pytest.fixture
def engine(ledger_url: SecretStr) -> sa.Engine:
    """A connection to this test's ledger."""
    return connect(ledger_url)


@pytest.fixture(scope="session")
def prefect_api_url(
    request: pytest.FixtureRequest,
    postgres: EmbeddedPostgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """
    One real Prefect server on that PostgreSQL.

    Nothing reads its own record of task runs and of events, which takes a third of its time.
    """
    home, port = tmp_path_factory.mktemp("prefect"), free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = os.environ | {
        "PREFECT_HOME": str(home),
        "PREFECT_API_DATABASE_CONNECTION_URL": postgres.asyncpg_url("prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "5",
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",  # a block registers itself when saved
    }
    command = [sys.executable, "-m", "cct_ops.stack.prefect_server", "--port", str(port)]
    with (
        (home / "server.log").open("wb") as log,
        subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as server,
    ):
        try:
            _wait_until_answers(f"{url}/health", seconds=150)
            request.session.stash[SHARED_PREFECT] = url
            yield url
        finally:
            os.killpg(server.pid, signal.SIGKILL)


@pytest.fixture(autouse=True, scope="module")
def no_run_outlives_its_file(request: pytest.FixtureRequest) -> Iterator[None]:
    """What tests leave under way in Prefect is nobody's business in the next file."""
    yield
    if url := request.session.stash.get(SHARED_PREFECT, None):
        left_runs.forget(url)


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxControl]:
    """One sandbox for all tests."""
    with start_sandbox(api_key=API_KEY) as control:
        yield control


@pytest.fixture
def sandbox(sandbox_process: SandboxControl) -> SandboxControl:
    """The sandbox as new: the runbook dialect, without limits unless the test asks for them."""
    sandbox_process.reset(dialect="runbook", limits=False)
    return sandbox_process


def _in_memory() -> Path | None:
    memory = Path("/dev/shm")  # noqa: S108 -- a folder of its own is made in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_BYTES
    return memory if roomy else None


def _wait_until_answers(url: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if HTTP.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not answer within {seconds:g} s")

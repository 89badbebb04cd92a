"""The embedded PostgreSQL: kept data, kept secrets, and no process left."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from cct_ops.errors import BadConfiguration
from cct_ops.stack.postgres import DATABASES, EmbeddedPostgres, _let_through
from tests.conftest import ROOT
from tests.stack.polling import all_gone, eventually, marked


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cluster in it: initdb is the slow part, so once for all tests here."""
    folder = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(folder):
        return folder


def connect(server: EmbeddedPostgres, database: str = "cct_ops") -> psycopg.Connection:
    return psycopg.connect(server.url(database).replace("+psycopg", ""), autocommit=True)


def value(server: EmbeddedPostgres, query: str) -> object:
    with connect(server) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def processes_of(folder: Path) -> list[psutil.Process]:
    servers = marked(str(folder))
    return servers + [child for server in servers for child in server.children(recursive=True)]


@pytest.mark.parametrize("database", DATABASES)
def test_both_databases_are_there_with_trigrams(folder: Path, database: str) -> None:
    with EmbeddedPostgres(folder) as server, connect(server, database) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")


def test_data_outlives_the_server(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server, connect(server) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    with EmbeddedPostgres(folder) as server:
        assert value(server, "SELECT answer FROM kept") == 42


def test_writes_are_durable_and_connections_plenty(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        assert value(server, "SHOW fsync") == "on"
        assert value(server, "SHOW max_connections") == "400"


def test_nothing_is_left_running_after_the_block(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        running = processes_of(folder)
        assert running

    assert all_gone(running)


def test_an_open_connection_does_not_hold_up_the_stop(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        connection = connect(server)
        running = processes_of(folder)

    assert all_gone(running)
    connection.close()


def test_a_wrong_password_is_refused(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        password = (folder / "password").read_text()
        url = server.url("cct_ops").replace("+psycopg", "").replace(password, "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url)


def test_the_password_is_in_no_command_line_and_for_its_owner_only(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        file = folder / "password"

        assert file.stat().st_mode & 0o777 == 0o600
        assert marked(file.read_text()) == []


def test_a_killed_server_starts_again_with_its_data(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        with connect(server) as connection:
            connection.execute("CREATE TABLE survived AS SELECT 'yes' AS answer")
        running = processes_of(folder)
        for process in marked(str(folder)):
            process.kill()
        eventually(lambda: all_gone(running))
    assert (folder / "data" / "postmaster.pid").exists()

    with EmbeddedPostgres(folder) as server:
        assert value(server, "SELECT answer FROM survived") == "yes"


def test_a_pid_file_that_names_a_stranger_is_no_obstacle(folder: Path) -> None:
    pid_file = folder / "data" / "postmaster.pid"
    pid_file.write_text(f"{psutil.Process().pid}\n{folder}/data\n0\n5432\n\n127.0.0.1\n\nready\n")

    with EmbeddedPostgres(folder) as server:
        assert value(server, "SELECT 1") == 1


def test_the_death_of_its_owner_stops_it(folder: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from cct_ops.stack.postgres import EmbeddedPostgres\n"
        "with EmbeddedPostgres(Path(sys.argv[1])):\n    print('up', flush=True)\n    time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        running = processes_of(folder)
        owner.kill()

    eventually(lambda: all_gone(running))


def test_one_folder_serves_one_server(folder: Path) -> None:
    with EmbeddedPostgres(folder), pytest.raises(BadConfiguration, match="already in use by"):
        EmbeddedPostgres(folder).__enter__()


def test_another_session_of_tests_leaves_the_files_of_this_one_open_to_it(tmp_path: Path) -> None:
    """A new session closes the folder that pytest's sessions share; this one's are elsewhere."""
    folders = (tmp_path, *tmp_path.parents)
    _let_through(tmp_path / "any")
    session = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0")
    of_files = str(ROOT / "tests" / "config" / "test_yaml_files.py")
    subprocess.run([sys.executable, *session, of_files], cwd=ROOT, capture_output=True, check=True)

    closed = [folder for folder in folders if not folder.stat().st_mode & stat.S_IXOTH]
    assert closed == []

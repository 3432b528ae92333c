"""Private PostgreSQL and Redis from nothing, the roles, production's first start: real servers in a folder of their own."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config.local import database_roles, keys, packages, postgres, processes, redis_server
from config.local.instance import Instance, remove_folders

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = packages.find(Instance(ROOT, "test"))

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        PROGRAMS.postgres is None or PROGRAMS.redis is None, reason="no server programs on this machine"
    ),
]


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "config").mkdir()
    (checkout / "config/sql").symlink_to(ROOT / "config/sql")
    made = Instance(checkout, "test")
    made.make_folders()
    yield made
    processes.stop_all(made, ("redis", "postgres"))
    remove_folders(made)


@pytest.fixture(scope="module")
def cluster(instance: Instance) -> postgres.Cluster:
    return postgres.start(instance, PROGRAMS.need_postgres())


def run_init(cluster: postgres.Cluster, folder: Path) -> subprocess.CompletedProcess[str]:
    connection = {"PGHOST": str(cluster.socket_folder), "PENUMBRA_SECRETS": str(folder)}
    path = {"PATH": f"{cluster.programs.bin}:{os.environ['PATH']}", "PENUMBRA_SQL": str(ROOT / "config/sql")}
    command = ["bash", str(ROOT / "docker/postgres/init.sh")]
    return subprocess.run(
        command, env={**cluster.env, **connection, **path}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def secrets_folder(tmp_path: Path) -> Path:
    for name in ("superuser", "owner", "web", "worker", "ledger", "sealer"):
        (tmp_path / f"db_{name}").write_text(secrets.token_hex(32) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("db_web", "", "db_web is missing or empty"),
        ("db_owner", "changeme\n", "db_owner is shorter than 32"),
        ("db_ledger", None, "two roles share a password"),
        ("db_ledger", "without the end of a line", "two roles share a password"),
    ],
)
def test_production_does_not_initialise_with_a_weak_or_repeated_password(
    cluster: postgres.Cluster, secrets_folder: Path, name: str, content: str | None, words: str
) -> None:
    shared = (secrets_folder / "db_web").read_text()
    if content == "without the end of a line":
        content = shared.strip()
    (secrets_folder / name).write_text(shared if content is None else content)
    answer = run_init(cluster, secrets_folder)
    assert answer.returncode == 1
    assert words in answer.stderr


def test_production_initialises_a_database_that_the_web_role_enters_and_cannot_change(
    cluster: postgres.Cluster, secrets_folder: Path
) -> None:
    answer = run_init(cluster, secrets_folder)
    assert answer.returncode == 0, answer.stderr
    password = (secrets_folder / "db_web").read_text().strip()
    with sign_in(cluster, "web", password) as web:
        assert web.execute("SELECT postgis_lib_version()").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            web.execute("CREATE TABLE public.mine (id int)")


def test_bootstrap_changes_passwords_and_nothing_else_when_run_again(
    cluster: postgres.Cluster, instance: Instance
) -> None:
    first = keys.make_keys(instance.var / "secrets.env", {})
    database_roles.bootstrap(cluster, first)
    second = {**first, "PENUMBRA_DB_PASSWORD_WEB": secrets.token_hex(32)}
    database_roles.bootstrap(cluster, second)
    with pytest.raises(psycopg.OperationalError):
        sign_in(cluster, "web", first["PENUMBRA_DB_PASSWORD_WEB"])
    sign_in(cluster, "web", second["PENUMBRA_DB_PASSWORD_WEB"]).close()
    with sign_in(cluster, "owner", first["PENUMBRA_DB_PASSWORD_OWNER"]) as owner:
        owner.autocommit = True
        owner.execute(f"CREATE DATABASE from_template TEMPLATE {database_roles.TEMPLATE}")
        owner.execute("SET ROLE penumbra_ledger")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("CREATE ROLE somebody")


def test_no_role_of_ours_is_superuser_or_passes_row_security(
    cluster: postgres.Cluster, instance: Instance
) -> None:
    made = keys.make_keys(instance.var / "secrets.env", {})
    database_roles.bootstrap(cluster, made)
    with sign_in(cluster, "owner", made["PENUMBRA_DB_PASSWORD_OWNER"]) as owner:
        rows = owner.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'penumbra%'"
            " AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication)"
        ).fetchall()
    assert {name for (name,) in rows} == {
        f"penumbra_{role}" for role in ("owner", "web", "worker", "ledger", "sealer")
    }


def test_a_failed_statement_leaves_neither_its_text_nor_its_values_in_the_servers_log(
    cluster: postgres.Cluster, instance: Instance
) -> None:
    made = keys.make_keys(instance.var / "secrets.env", {})
    database_roles.bootstrap(cluster, made)
    with sign_in(cluster, "owner", made["PENUMBRA_DB_PASSWORD_OWNER"]) as owner:
        owner.execute("CREATE TEMP TABLE cells (cell_row int PRIMARY KEY)")
        owner.execute("INSERT INTO cells VALUES (987123)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            owner.execute("INSERT INTO cells VALUES (%s)", [987123])
    log = (instance.log / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "987123" not in log


def test_the_private_servers_listen_on_no_port(cluster: postgres.Cluster, instance: Instance) -> None:
    socket = redis_server.start(instance, PROGRAMS.need_redis())
    with redis.Redis(unix_socket_path=str(socket)) as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("save") == {"save": ""}
    listening = subprocess.run(
        [*_administrator(cluster), "SHOW listen_addresses"], capture_output=True, check=True
    )
    assert listening.stdout.strip() == b""


def test_a_server_that_was_killed_comes_back_with_its_data(
    cluster: postgres.Cluster, instance: Instance
) -> None:
    made = keys.make_keys(instance.var / "secrets.env", {})
    database_roles.bootstrap(cluster, made)
    record = processes.read_record(instance, "postgres")
    assert record is not None
    os.kill(record.pid, 9)
    again = postgres.start(instance, PROGRAMS.need_postgres())
    sign_in(again, "web", made["PENUMBRA_DB_PASSWORD_WEB"]).close()
    after = processes.read_record(instance, "postgres")
    assert after is not None
    assert after.pid != record.pid


def sign_in(cluster: postgres.Cluster, role: str, password: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(cluster.socket_folder), dbname="penumbra", user=f"penumbra_{role}", password=password
    )


def _administrator(cluster: postgres.Cluster) -> list[str]:
    socket = str(cluster.socket_folder)
    return [str(cluster.programs.bin / "psql"), "-X", "-At", "-h", socket, "-U", "postgres", "-c"]

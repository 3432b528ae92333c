"""config.local: names of packages, paths of sockets, who is who among processes, pins with their reasons."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from config.local import contract, daemons, down, keys, lock, packages, servers, stages, summary, unpacked, up
from config.local.instance import Instance, choose_socket_folder
from config.local.processes import (
    Process,
    Record,
    is_alive,
    keep_running,
    listens,
    read_began,
    read_record,
    stop,
)
from config.local.report import EXIT_USAGE, Trouble

ROOT = Path(__file__).resolve().parents[2]
BOOKWORM = ["postgresql-15", "postgresql-15-postgis-3", "postgresql-15-postgis-3-scripts", "redis-server"]
TWO_VERSIONS = [*BOOKWORM, "postgresql-17", "postgresql-17-postgis-3"]


class TestPackages:
    def test_the_newest_postgis_is_chosen(self) -> None:
        assert packages.choose_postgis(TWO_VERSIONS) == 17

    def test_an_installed_server_gets_its_own_postgis(self) -> None:
        assert packages.choose_postgis(TWO_VERSIONS, installed=[15]) == 15

    def test_an_existing_cluster_is_opened_by_its_own_version_or_not_at_all(self) -> None:
        assert packages.choose_postgis(TWO_VERSIONS, installed=[17], wanted=15) == 15
        assert packages.choose_postgis(TWO_VERSIONS, wanted=16) is None

    def test_a_release_without_postgis_has_no_choice(self) -> None:
        assert packages.choose_postgis(["postgresql-15", "redis-server"]) is None

    def test_valkey_stands_in_only_where_there_is_no_redis(self) -> None:
        assert packages.choose_redis(["valkey-server", "redis-server"]) == "redis-server"
        assert packages.choose_redis(["valkey-server"]) == "valkey-server"
        assert packages.choose_redis(["redis-tools"]) is None

    def test_the_query_compiler_is_not_unpacked(self) -> None:
        printed = (
            "'http://mirror/l/libgeos_3.deb' libgeos-c1v5_3.11.1-1_amd64.deb 81000 SHA256:00\n"
            "'http://mirror/l/libllvm14.deb' libllvm14_1%3a14_amd64.deb 21000000 SHA256:00\n"
            "'http://mirror/p/perl-base.deb' perl-modules-5.36_5.36_all.deb 1 SHA256:00\n"
            "Reading package lists..."
        )
        assert unpacked.choose_files(printed) == ["libgeos-c1v5"]


class TestSockets:
    def test_a_short_path_is_kept(self) -> None:
        assert choose_socket_folder(Path("/a/var/redis"), Path("/run/p"), "redis.sock") == Path(
            "/a/var/redis"
        )

    def test_a_path_too_long_for_a_socket_gives_way_to_the_short_one(self) -> None:
        deep = Path("/home") / ("d" * 90)
        assert choose_socket_folder(deep, Path("/run/p"), "redis.sock") == Path("/run/p")

    def test_length_is_counted_in_bytes_not_in_letters(self) -> None:
        accented = Path("/home") / ("é" * 48)
        assert len(str(accented / "s")) < 100 < len(os.fsencode(accented / "s"))
        assert choose_socket_folder(accented, Path("/run/p"), "s") == Path("/run/p")

    def test_a_folder_with_blanks_survives_in_the_urls(self) -> None:
        assert contract.write_database_url(Path("/my data/x")) == "postgresql:///penumbra?host=/my%20data/x"
        cache, broker = contract.write_redis_urls(Path("/my data/r.sock"))
        assert cache == "unix:///my%20data/r.sock?db=0"
        assert broker == "redis+socket:///my%20data/r.sock?virtual_host=1"


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    made = Instance(tmp_path, "test")
    made.make_folders()
    return made


def sleeper(instance: Instance, seconds: int = 60) -> Process:
    command = [sys.executable, "-c", f"import time; time.sleep({seconds})"]
    return Process("sleeper", command, "time.sleep", dict(os.environ), instance.root)


class TestProcesses:
    def test_the_start_time_is_read_past_a_name_with_brackets(self) -> None:
        fields = " ".join(str(number) for number in range(3, 53))
        assert read_began(f"12 (a (b) c) {fields}") == "22"

    def test_a_running_process_is_kept_and_a_changed_one_started_again(self, instance: Instance) -> None:
        def ready() -> bool:
            return True

        assert keep_running(instance, sleeper(instance), ready)
        assert not keep_running(instance, sleeper(instance), ready)
        assert keep_running(instance, sleeper(instance, seconds=61), ready)
        record = read_record(instance, "sleeper")
        assert record is not None
        assert stop(instance, record)
        assert not stop(instance, record)

    def test_a_stranger_with_the_pid_of_a_dead_process_is_left_alone(self, instance: Instance) -> None:
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
            began = read_began(Path(f"/proc/{stranger.pid}/stat").read_text())
            for reused in (
                Record("worker", stranger.pid, str(int(began) - 1), "time.sleep", "", 15, 1.0),
                Record("worker", stranger.pid, began, "celery", "", 15, 1.0),
            ):
                assert not is_alive(reused)
                assert not stop(instance, reused)
                assert stranger.poll() is None
            stranger.kill()

    def test_a_process_that_ends_at_once_is_a_trouble_that_names_its_log(self, instance: Instance) -> None:
        broken = Process("broken", [sys.executable, "-c", "raise SystemExit(7)"], "raise", {}, instance.root)
        with pytest.raises(Trouble, match="broken ended with code 7") as trouble:
            keep_running(instance, broken, lambda: False)
        assert str(instance.log / "broken.log") in trouble.value.mend

    def test_the_servers_stop_after_every_process_that_speaks_to_them(self) -> None:
        there = contract.Servers("postgresql:///penumbra", "unix:///r.sock", "redis+socket:///r.sock")
        ready = servers.Ready(Instance(ROOT, "test"), {}, there, ())
        ours = [process.name for process, _ in daemons.describe(ready, 8000, [])]
        assert sorted(down.ORDER[: len(ours)]) == sorted(ours)
        assert down.ORDER[len(ours) :] == servers.ORDER

    def test_only_the_process_that_listens_itself_holds_a_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(server.getsockname()) as client:
                assert listens(os.getpid(), port)
                assert not listens(os.getpid(), client.getsockname()[1])
            assert not listens(os.getppid(), port)
        assert not listens(os.getpid(), port)

    def test_the_remembered_port_is_taken_again_and_a_busy_one_is_not(self) -> None:
        assert daemons.choose_port(8044, lambda port: True) == 8044
        assert daemons.choose_port(8044, lambda port: port not in {8044, 8000}) == 8001
        with pytest.raises(Trouble, match="no port"):
            daemons.choose_port(None, lambda port: False)

    def test_a_port_that_somebody_took_in_the_meantime_is_told_with_its_mend(
        self, instance: Instance
    ) -> None:
        with socket.create_server((daemons.HOST, 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(Trouble, match=f"has taken port {port}") as trouble:
                daemons.refuse_taken(instance, port)
            assert "make up" in trouble.value.mend
        daemons.refuse_taken(instance, port)

    def test_the_web_server_may_hold_its_own_port(self, instance: Instance) -> None:
        web = replace(sleeper(instance), name="web")
        keep_running(instance, web, lambda: True)
        with socket.create_server((daemons.HOST, 0)) as held:
            daemons.refuse_taken(instance, held.getsockname()[1])
        record = read_record(instance, "web")
        assert record is not None
        stop(instance, record)


class TestKeys:
    def test_keys_are_made_once_and_for_the_owner_only(self, tmp_path: Path) -> None:
        file = tmp_path / "secrets.env"
        made = keys.make_keys(file, {})
        assert keys.make_keys(file, {}) == made
        assert len(set(made.values())) == len(keys.PASSWORDS) + len(keys.KEYS)
        assert file.stat().st_mode & 0o777 == 0o600

    def test_a_given_key_is_used_and_never_written(self, tmp_path: Path) -> None:
        file = tmp_path / "secrets.env"
        made = keys.make_keys(file, {"PENUMBRA_SECRET_KEY": "given by the caller"})
        assert made["PENUMBRA_SECRET_KEY"] == "given by the caller"
        assert "given by the caller" not in file.read_text()

    @pytest.mark.parametrize(
        ("role", "own"),
        [("web", {"WEB", "LEDGER"}), ("worker", {"WORKER", "LEDGER"}), ("sealer", {"SEALER", "LEDGER"})],
    )
    def test_a_process_is_told_the_passwords_of_its_own_roles_only(
        self, instance: Instance, role: str, own: set[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PENUMBRA_DB_PASSWORD_OWNER", "from the shell")
        made = keys.make_keys(instance.var / "secrets.env", {})
        told = contract.write_environment(instance, made, contract.Servers("a", "b", "c"), role)
        assert {name for name in told if "DB_PASSWORD" in name} == {
            f"PENUMBRA_DB_PASSWORD_{name}" for name in own
        }
        assert "PENUMBRA_DB_PASSWORD_OWNER" not in contract.with_caller(told)

    def test_exports_of_an_earlier_shell_are_not_taken_for_given_servers(self) -> None:
        shell = {"HOME": "/home/a", "DATABASE_URL": "ours", contract.EXPORTED: "DATABASE_URL REDIS_URL"}
        contract.forget_exports(shell)
        assert shell == {"HOME": "/home/a"}


class TestStages:
    def test_words_are_filled_from_what_earlier_stages_named(self) -> None:
        assert stages.fill(("ingest", "{catalog}"), {"catalog": "/c.json"}) == ["ingest", "/c.json"]
        with pytest.raises(Trouble, match="ingest needs 'catalog'"):
            stages.fill(("ingest", "{catalog}"), {})

    def test_the_answer_is_the_whole_output_or_its_last_line(self) -> None:
        assert stages.read_answer('{\n "a": 1\n}\n') == {"a": 1}
        assert stages.read_answer('Applying 0001... OK\n{"a": 1}\n') == {"a": 1}
        assert stages.read_answer("nothing to say\n") is None

    def test_a_missing_catalogue_is_told_before_anything_starts(self, tmp_path: Path) -> None:
        labels = tmp_path / "labels.csv"
        labels.touch()
        with pytest.raises(Trouble, match=r"CATALOG=.*no such file") as trouble:
            up.check_inputs(tmp_path / "absent.json", labels)
        assert trouble.value.code == EXIT_USAGE
        with pytest.raises(Trouble, match="go together"):
            up.check_inputs(None, labels)

    def test_relative_paths_begin_at_the_callers_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "c.json").touch()
        monkeypatch.chdir(tmp_path)
        assert up.check_inputs(Path("c.json"), Path("c.json")) == (tmp_path / "c.json", tmp_path / "c.json")

    def test_figures_are_told_without_names_of_files(self) -> None:
        answer = {
            "catalog": "/secret/c.json",
            "refused": {"crs_missing": 2},
            "auc": 0.91234567,
            "ids": [1, 2],
        }
        told = list(summary.flatten(answer))
        assert told == [("refused.crs_missing", "2"), ("auc", "0.9123"), ("ids", "1"), ("ids", "2")]


class TestPins:
    def test_every_direct_dependency_is_pinned_with_its_reason(self) -> None:
        for name in lock.LOCKS:
            pinned = (ROOT / f"{name}.txt").read_text()
            for package, reason in lock.read_reasons((ROOT / f"{name}.in").read_text()).items():
                assert f"# direct: {reason}\n{package}" in pinned, f"{package} in {name}.txt: run `make lock`"

    def test_a_dependency_without_a_reason_is_refused(self) -> None:
        with pytest.raises(Trouble, match="no reason"):
            lock.read_reasons("numpy~=2.2\n")

    def test_no_file_of_pins_names_the_host_of_a_registry(self) -> None:
        for name in lock.LOCKS:
            assert "://" not in (ROOT / f"{name}.txt").read_text()


def test_a_word_that_is_no_text_ends_a_command_with_the_cause_and_no_trace() -> None:
    words = [sys.executable, str(ROOT / "manage.py"), "issue_token", os.fsdecode(b"caf\xe9")]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == EXIT_USAGE
    assert done.stderr.startswith(b"manage.py: error: word 2 ")
    assert len(done.stderr.splitlines()) == 1

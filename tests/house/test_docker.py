"""docker/: what can be known of the production files without a container: settings, secrets, networks, logs, libraries."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.gdal_libraries import find_library
from tests.house.source import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker/compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DATABASE_ROLES = {
    "migrate": "owner",
    "web": "web",
    "worker": "worker",
    "beat": "worker",
    "sealer": "sealer",
}
OUTWARD = {"proxy", "worker", "sealer"}
ON_EVERY_DEBIAN = re.compile(
    r"(ld-linux|libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|libstdc\+\+|libz)[-.]"
)
PACKAGE_OF = {"libexpat.so.1": "libexpat1"}
SAY_AND_START = "import django; django.setup(); from django.conf import settings as s; print(s.DATABASES['default']['USER'])"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """docker/ in a checkout with a blank in its name, with fresh secrets."""
    docker = tmp_path_factory.mktemp("a checkout") / "docker"
    docker.mkdir()
    shutil.copy(ROOT / "docker/make-secrets", docker)
    subprocess.run([str(docker / "make-secrets")], check=True, capture_output=True)
    return docker


def read_environment(service: dict[str, Any], secrets: Path) -> dict[str, str]:
    """What the service's process is told, with PENUMBRA_HOST set and the other variables of the shell left out."""
    told = {}
    for name, value in service["environment"].items():
        text = re.sub(r"\$\{PENUMBRA_HOST:\?[^}]*\}", "penumbra.example.org", value)
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        told[name] = text.replace("/run/secrets", str(secrets))
    return told


def test_secrets_are_random_closed_to_others_and_kept(folder: Path) -> None:
    made = {path.name: path.read_text() for path in (folder / "secrets").iterdir()}
    assert set(made) == set(COMPOSE["secrets"])
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    subprocess.run([str(folder / "make-secrets")], check=True, capture_output=True)
    assert made == {path.name: path.read_text() for path in (folder / "secrets").iterdir()}


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_service_starts_under_production_settings_with_the_secrets_it_names_and_no_others(
    folder: Path, name: str
) -> None:
    service = OURS[name]
    told = read_environment(service, folder / "secrets")
    files = {Path(value).name for value in told.values() if value.startswith(str(folder))}
    assert files == set(service["secrets"])
    answer = subprocess.run(
        [sys.executable, "-c", SAY_AND_START],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **told},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout.split() == [f"penumbra_{DATABASE_ROLES[name]}"], answer.stderr


def test_only_the_proxy_the_worker_and_the_sealer_reach_the_world() -> None:
    inside = {name for name, network in COMPOSE["networks"].items() if (network or {}).get("internal")}
    assert {
        name for name, service in SERVICES.items() if set(service.get("networks", [])) - inside
    } == OUTWARD
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}


def test_no_log_grows_without_end() -> None:
    assert {
        name for name, service in SERVICES.items() if service.get("logging") != {"driver": "local"}
    } == set()


def test_the_proxys_log_of_faults_leaves_the_request_out_and_slow_requests_wait_in_the_proxy() -> None:
    words = (ROOT / "docker/Caddyfile").read_text(encoding="utf-8").split()
    pairs = set(pairwise(words))
    assert {
        ("request", "delete"),
        ("request_buffers", "4MB"),
        ("response_buffers", "8MB"),
        ("read_body", "60s"),
        ("read_header", "10s"),
    } <= pairs


def test_the_sealer_makes_a_key_where_there_is_none_and_takes_one_of_any_name(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$@" >>"$TOLD"\n')
    program.chmod(0o755)
    key, told = tmp_path / "key", tmp_path / "told"
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "TOLD": str(told),
        "PENUMBRA_LEDGER_KEY_FILE": str(key),
        "PENUMBRA_ALLOWED_HOSTS": "penumbra.example.org",
    }
    command = ["sh", "-c", SERVICES["sealer"]["command"].replace("$$", "$")]
    subprocess.run(command, env=env, check=True)
    seal = "manage.py seal_ledger --watch"
    assert told.read_text().splitlines() == ["manage.py make_ledger_key penumbra.example.org/ledger", seal]
    key.touch()
    told.unlink()
    subprocess.run(command, env=env, check=True)
    assert told.read_text().splitlines() == [seal]


def test_the_image_has_each_library_that_the_wheels_do_not_bring() -> None:
    library = find_library("gdal")
    listed = subprocess.run(["ldd", library], capture_output=True, text=True, check=True).stdout
    brought = {path.name for path in Path(library).parent.iterdir()}
    names = {Path(line.split()[0]).name for line in listed.splitlines()} - brought - {"linux-vdso.so.1"}
    missing = [name for name in sorted(names) if not ON_EVERY_DEBIAN.match(name)]
    installed = (ROOT / "docker/Dockerfile").read_text(encoding="utf-8")
    assert [name for name in missing if PACKAGE_OF.get(name, name) not in installed] == []

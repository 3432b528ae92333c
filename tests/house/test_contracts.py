"""The arrows of the architecture, held by import-linter, and the tables that the contracts must not lose."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.house.source import ROOT, list_modules, name_of

PROGRAM = Path(sys.executable).with_name("lint-imports")
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


def test_every_import_contract_holds() -> None:
    run = subprocess.run([PROGRAM, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    assert f"{len(CONTRACTS)} kept, 0 broken" in run.stdout


def test_the_contracts_that_the_architecture_promises_are_there() -> None:
    assert set(CONTRACTS) >= {
        "packages",
        "rooms",
        "one-door",
        "views-know-no-rows",
        "pure",
        "light-http",
        "one-bell",
    }


def test_only_the_door_and_the_services_may_import_the_vault() -> None:
    door = CONTRACTS["one-door"]
    assert door["protected_modules"] == ["monitor.vault"]
    assert set(door["allowed_importers"]) == {"monitor.privacy.door", "monitor.services"}
    assert door["ignore_imports"] == ["monitor.apps -> monitor.vault.fence"]


def test_every_package_of_monitor_stands_in_the_order_of_rooms() -> None:
    layers = " ".join(CONTRACTS["rooms"]["layers"])
    known = set(layers.replace("|", " ").replace("(", " ").replace(")", " ").split())
    rooms = {path.parent.relative_to(ROOT / "monitor").as_posix() for path in list_modules("monitor")} - {"."}
    tops = {room.partition("/")[0] for room in rooms} - {"privacy", "management"}
    assert tops <= known, "a room without a place in pyproject's contract `rooms`"
    for part in ("privacy.door", "privacy.scope", "privacy.released", "privacy.coarsen", "privacy.policy"):
        assert part in known
    privacy = {
        name_of(path).removeprefix("monitor/privacy/").removesuffix(".py").partition("/")[0]
        for path in list_modules("monitor")
        if "monitor/privacy/" in name_of(path) and path.name != "__init__.py"
    }
    assert {f"privacy.{part}" for part in privacy} <= known


def test_every_pure_room_is_in_the_contract_of_pure_rooms() -> None:
    pure = CONTRACTS["pure"]
    assert set(pure["source_modules"]) == {
        "monitor.detection",
        "monitor.imagery",
        "monitor.field",
        "monitor.grid",
        "monitor.tiles",
        "monitor.privacy.policy",
        "monitor.privacy.posture",
        "monitor.privacy.certificate",
        "monitor.privacy.coarsen",
        "monitor.privacy.intervals",
        "monitor.privacy.exits",
        "monitor.privacy.released",
        "monitor.privacy.released_audit",
        "monitor.privacy.released_files",
        "monitor.privacy.ground",
        "monitor.privacy.hiding",
        "monitor.privacy.harvest",
        "monitor.privacy.pieces",
        "monitor.privacy.shown",
    }
    assert {"django", "rest_framework", "celery", "psycopg"} <= set(pure["forbidden_modules"])
    assert not pure.get("allow_indirect_imports")

"""Room: config.local. Debian packages without root: downloaded by apt, unpacked under var/debian, never installed.

Libraries that the machine has already are not brought again: two copies of libc in one process do not work.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from pathlib import Path

from .instance import Instance
from .report import EXIT_MACHINE, Trouble, read_output, run, say

# Brought by dependencies and not needed: the compiler for queries (we switch jit off) and files for TLS and mail.
_UNNEEDED = re.compile(
    r"^(libllvm\d|libz3-|ssl-cert|postgresql-common|postgresql-client-common|perl|libperl|netbase|sensible-utils|ucf)"
)
_PACKAGE_FILE = re.compile(r"^'(?P<url>[^']+)' (?P<file>\S+) ")


def root_folder(instance: Instance) -> Path:
    """The root under which packages are unpacked; shared by both instances."""
    return instance.var / "debian/root"


def write_apt_options(instance: Instance) -> list[str]:
    """Options by which apt keeps its lists and its cache under var/ and asks for no rights."""
    state, cache = instance.var / "debian/lists", instance.var / "debian/cache"
    for folder in (state / "partial", cache / "archives/partial"):
        folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State::Lists": state,
        "Dir::Cache": cache,
        "APT::Sandbox::User": "root",  # no change of user, which only root may do
        "Debug::NoLocking": "1",
        "APT::Update::Post-Invoke": "",
        "APT::Update::Post-Invoke-Success": "",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def library_folders(root: Path) -> list[Path]:
    """Where unpacked libraries lie: Debian's folder of this architecture, and the plain one."""
    triplet = read_output(["dpkg-architecture", "-qDEB_HOST_MULTIARCH"]) or f"{platform.machine()}-linux-gnu"
    return [root / "usr/lib" / triplet.strip(), root / "lib" / triplet.strip(), root / "usr/lib"]


def write_environment(root: Path) -> dict[str, str]:
    """How unpacked servers find their libraries and PROJ its database. Not for Python, whose wheels bring their own."""
    return {
        "LD_LIBRARY_PATH": ":".join(str(folder) for folder in library_folders(root)),
        "PROJ_DATA": str(root / "usr/share/proj"),
        "PROJ_LIB": str(root / "usr/share/proj"),  # the name before PROJ 9.1
        "GDAL_DATA": str(root / "usr/share/gdal"),
    }


def choose_files(printed: str) -> list[str]:
    """Names of the packages to bring, from `apt-get install --reinstall --print-uris`; the unneeded ones left out."""
    files = [match["file"] for line in printed.splitlines() if (match := _PACKAGE_FILE.match(line))]
    return [name for file in files if not _UNNEEDED.match(name := file.split("_", 1)[0])]


def unpack(instance: Instance, apt: Sequence[str], names: Sequence[str], log: Path, mend: str) -> None:
    """Download packages with all they need that the machine lacks, and unpack them."""
    with_tools = [
        *names,
        *(f"{name}-tools".replace("-server", "") for name in names if name.endswith("-server")),
    ]
    scripts = [f"{name}-scripts" for name in names if name.endswith("-postgis-3")]
    plan = ["apt-get", *apt, "install", "--reinstall", "--print-uris", "-qq", "-y", "--no-install-recommends"]
    printed = read_output([*plan, *with_tools, *scripts])
    if printed is None:
        raise Trouble(
            f"apt cannot say what {' '.join(names)} need",
            f"run: apt-get --print-uris install {' '.join(names)}",
            EXIT_MACHINE,
        )
    download(instance, apt, choose_files(printed), log, mend)
    _link_extensions(root_folder(instance))


def download(instance: Instance, apt: Sequence[str], packages: Sequence[str], log: Path, mend: str) -> None:
    """Download these packages, checked by apt against its signed lists, and unpack them under var/debian."""
    archives = instance.var / "debian/archives"
    archives.mkdir(parents=True, exist_ok=True)
    what = f"downloading {len(packages)} packages"
    run(
        ["apt-get", *apt, "download", *packages],
        log=log,
        what=what,
        mend=mend,
        cwd=archives,
        code=EXIT_MACHINE,
    )
    root = root_folder(instance)
    root.mkdir(parents=True, exist_ok=True)
    for archive in sorted(archives.glob("*.deb")):
        run(
            ["dpkg", "-x", str(archive), str(root)],
            log=log,
            what=f"unpacking {archive.name}",
            code=EXIT_MACHINE,
        )
        archive.unlink()
    say(f"   {len(packages)} packages unpacked in {root}")


def _link_extensions(root: Path) -> None:
    """Name PostGIS's control file as the server looks for it; an installed package does this with an alternative."""
    for control in root.glob("usr/share/postgresql/*/extension/postgis-*.control"):
        link = control.with_name("postgis.control")
        link.unlink(missing_ok=True)
        link.symlink_to(control.name)

"""Room: config.local. `up`: from a bare machine to a running Penumbra with its first scenes seen, in named, timed stages.

Every stage finds out for itself whether it has anything to do: running `up` again changes nothing. The report
var/reports/up.json is written after each stage, so that a failed run leaves one too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import contract, daemons, environment, locks, servers, stages, summary
from .instance import Instance
from .report import EXIT_USAGE, Trouble, say, stage
from .stages import AFTER_PROCESSES, BEFORE_PROCESSES, Stage


class Report:
    """What `up` did: seconds per stage, and the answer of each stage that has one."""

    def __init__(self, file: Path, url: str = "") -> None:
        self.file = file
        self.url = url
        self.seconds: dict[str, float] = {}
        self.answers: dict[str, Any] = {}
        self.failure: dict[str, str] | None = None

    def write(self) -> None:
        """Write it whole or not at all. Readable by the owner only: answers may name files."""
        total = round(sum(self.seconds.values()), 2)
        content = {
            "url": self.url,
            "seconds": {**self.seconds, "total": total},
            "stages": self.answers,
            "failure": self.failure,
        }
        partial = self.file.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(content, indent=2) + "\n")
        partial.replace(self.file)


def bring_up(root: Path, catalog: Path | None, labels: Path | None, imagery: Path | None = None) -> int:
    """All stages; 0. The first that fails ends it with `Trouble`, after the report is written."""
    catalog, labels = check_inputs(catalog, labels)
    if imagery is not None and not imagery.is_dir():
        raise Trouble(
            f"IMAGERY={imagery}: there is no such folder",
            f"give a path that exists, from {Path.cwd()}",
            EXIT_USAGE,
        )
    instance = Instance(root, "live")
    instance.make_folders()
    report = Report(instance.folder / "reports/up.json")
    with locks.refuse_second(instance.run / "up.lock", "bringing Penumbra up"):
        try:
            _go_through(instance, report, catalog, labels, imagery and imagery.resolve())
        except Trouble as trouble:
            report.failure = {
                "stage": next(reversed(report.seconds), ""),
                "cause": trouble.cause,
                "mend": trouble.mend,
            }
            raise
        finally:
            report.write()
    summary.show(report.file, instance.folder / "demo.json")
    return 0


def check_inputs(catalog: Path | None, labels: Path | None) -> tuple[Path | None, Path | None]:
    """Both paths made absolute, relative ones from the caller's folder. `Trouble` if one is absent."""
    if (catalog is None) != (labels is None):
        raise Trouble(
            "CATALOG and LABELS go together", "make up CATALOG=catalog.json LABELS=labels.csv", EXIT_USAGE
        )
    for name, file in (("CATALOG", catalog), ("LABELS", labels)):
        if file is not None and not file.is_file():
            raise Trouble(
                f"{name}={file}: there is no such file",
                f"give a path that exists, from {Path.cwd()}",
                EXIT_USAGE,
            )
    return catalog and catalog.resolve(), labels and labels.resolve()


def _go_through(
    instance: Instance, report: Report, catalog: Path | None, labels: Path | None, imagery: Path | None
) -> None:
    root = instance.root
    with stage("environment", report.seconds):
        python = environment.provide(root)
    with stage("servers", report.seconds):
        ready = servers.start(instance)
    port = daemons.provide_port(instance)
    report.url = f"http://{daemons.HOST}:{port}"
    roots = daemons.remember_roots(instance, catalog.parent if catalog else None, imagery)
    facts = {"url": report.url, "log_name": f"penumbra-{instance.mark}.localhost/ledger"}
    facts.update(
        {name: str(file) for name, file in (("catalog", catalog), ("labels", labels)) if file is not None}
    )

    def carry_out(django: Stage) -> None:
        ours = contract.write_environment(instance, ready.keys, ready.servers, django.role, roots)
        env = environment.with_path(root, contract.with_caller(ours))
        with stage(django.name, report.seconds):
            answer = stages.carry_out(django, python, root, instance.log / f"{django.name}.log", env, facts)
        if django.answers:
            report.answers[django.name] = answer
        report.write()

    for django in BEFORE_PROCESSES:
        carry_out(django)
    with stage("processes", report.seconds):
        daemons.start_all(ready, port, roots)
    for django in AFTER_PROCESSES:
        carry_out(django)
    say(f"== up in {sum(report.seconds.values()):.0f} s")

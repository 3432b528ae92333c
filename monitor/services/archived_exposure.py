"""Who has seen a site in archived months: the auditor's question, put by whoever runs the service, on the record.

The API refuses it, because the lines are in files. Runs as the owner of the tables, by a command. No place leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts.deciders import make_decider
from accounts.ledger.archived import Archive, find_archived, list_archives
from accounts.ledger.comparing import compare_archive
from accounts.ledger.entry import Entry
from accounts.ledger.exporting import list_log_keys
from accounts.ledger.keyed import keyed_reference
from accounts.ledger.log_connection import connect_to_log, read_own_keys
from accounts.ledger.proof.note import VerifierKey
from accounts.ledger.vouching import NotVouchedFor, check_vouched
from accounts.ledger.writer import recorded
from accounts.models import User
from accounts.roles import Role
from monitor.models import Alert, Inspection
from monitor.privacy.policy import POLICY_VERSION
from monitor.vault.archived_exposure import read_archived_exposure
from monitor.vault.exposure import Exposure


class QuestionRefused(ValueError):
    """This cannot be asked, or not so; the text names the cause."""


@dataclass(frozen=True, slots=True)
class ArchivedExposure:
    """What the archives say. until: before when; missing: archives that were not given, so that more may have been seen."""

    rows: Sequence[Exposure]
    until: datetime
    missing: Sequence[Archive]


def ask_archives(
    alert_id: UUID,
    files: Sequence[Path],
    by: User,
    since: datetime | None,
    until: datetime | None,
    trusted: Sequence[VerifierKey] = (),
) -> ArchivedExposure:
    """Who was shown the site of an alert in archived months, by these archives.

    by: the auditor for whom it is asked. trusted: public keys of the log that were not read from the database, by default
    those of the key file; one of them must vouch for what the database says of the archives. Raises QuestionRefused,
    LedgerUnavailable, OSError, psycopg.Error.
    """
    if by.role != Role.AUDITOR.value or not by.is_active:
        raise QuestionRefused(
            "Only for an auditor with an open account may this be asked: name theirs with --by."
        )
    if since and until and until <= since:
        raise QuestionRefused("This time ends before it begins: --until must be later than --since.")
    viewer = make_decider(by)
    entry = Entry(
        viewer,
        "read.exposure",
        "read_archived_exposure",
        viewer.request_id,
        policy_version=POLICY_VERSION,
        objects=[alert_id],
    )
    with recorded(entry):
        return _answer(alert_id, files, since, until, trusted or read_own_keys())


def _answer(
    alert_id: UUID,
    files: Sequence[Path],
    since: datetime | None,
    until: datetime | None,
    trusted: Sequence[VerifierKey],
) -> ArchivedExposure:
    alert = Alert.objects.filter(id=alert_id).first()
    if alert is None:
        raise QuestionRefused("There is no alert of this id.")
    with closing(connect_to_log()) as log:
        end = find_archived(log, since)
        if end is None:
            raise QuestionRefused(
                "No month of this time was archived: ask the service, /api/v1/audit/exposure."
            )
        archives = list_archives(log)
        try:
            for archive in archives:
                check_vouched(log, archive.size, trusted)
        except NotVouchedFor as error:
            raise QuestionRefused(f"{error} Nothing was looked at.") from error
        keys = [*trusted, *list_log_keys(log)]
        for file in files:
            for damage in compare_archive(log, file, keys):
                raise QuestionRefused(f"{damage.text}. Nothing was looked at.")
        given = {_digest(file) for file in files}
        missing = [archive for archive in archives if archive.digest not in given]
    inspections = Inspection.objects.filter(alert_id=alert_id).values_list("id", flat=True)
    references = [keyed_reference(identifier) for identifier in (alert_id, *inspections)]
    before = min(end, until) if until else end
    rows = read_archived_exposure(alert_id, alert.region_id, references, _read_bodies(files), since, before)
    return ArchivedExposure(rows, before, missing)


def _digest(file: Path) -> bytes:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").digest()


def _read_bodies(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        with file.open("rb") as stream:
            for line in stream:
                value = json.loads(line)
                if "body" in value:
                    yield value["body"]

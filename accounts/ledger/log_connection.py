"""A connection for those who seal, check or export the log: as the role of this process, outside Django's transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import psycopg
from django.conf import settings
from django.db import connections

from accounts.ledger.entry import Entry
from accounts.ledger.key_changes import KeyChange
from accounts.ledger.proof.keyfile import read_keys
from accounts.ledger.proof.note import ED25519, VerifierKey
from accounts.ledger.sealing import Connection
from accounts.ledger.sealing_process import SealingProcess
from accounts.ledger.witnessing import Publisher, parse_witness
from accounts.ledger.writer import recorded

MEMORY = "last-signed"


class WrongRole(RuntimeError):
    """This process speaks as a role that cannot read the log."""


def connect_to_log() -> Connection:
    """A new connection in autocommit; the caller closes it. Raises WrongRole, psycopg.Error.

    What it commits is on disk before it says so, whatever the server's default is.
    """
    database = connections["default"].settings_dict
    if database["USER"] not in {"penumbra_sealer", "penumbra_owner"}:
        raise WrongRole(
            "Only the sealer and the owner read the whole log. Set PENUMBRA_DB_ROLE=sealer and its password:"
            ' eval "$(python3 -m config.local env --instance live --role sealer)"'
        )
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        dbname=database["NAME"],
        user=database["USER"],
        password=database["PASSWORD"],
        autocommit=True,
        connect_timeout=10,
        application_name="penumbra-sealer",
        options="-c synchronous_commit=on",
    )


def read_own_keys() -> list[VerifierKey]:
    """The public halves of the keys in the key file: outside the database, so worth believing. Nothing without a file."""
    if not settings.LEDGER_KEY_FILE.exists():
        return []
    return [key.verifier for key in read_keys(settings.LEDGER_KEY_FILE, ED25519)]


@contextmanager
def record_key_change(change: KeyChange) -> Iterator[None]:
    """The entries of a key that begins to sign and of one that ceases; of keys that signed before there is none. They are
    themselves among the first lines that the changed keys sign. Raises LedgerUnavailable; then nothing is signed.
    """
    actions = [("key.add", change.is_added), ("key.drop", change.is_dropped)]
    with ExitStack() as stack:
        for action, is_due in actions:
            if is_due:
                stack.enter_context(recorded(Entry(None, action, "seal_ledger", uuid4())))
        yield


def make_sealing_process(accepts_new_key: bool = False) -> SealingProcess:
    """The sealer as the settings want it. accepts_new_key: as there. Raises KeyUnusable, WitnessUnusable."""
    keys = read_keys(settings.LEDGER_KEY_FILE, ED25519)
    publisher = Publisher([parse_witness(word) for word in settings.WITNESSES], settings.WITNESS_S)
    memory = settings.LEDGER_KEY_FILE.with_name(MEMORY)
    return SealingProcess(
        connect_to_log, keys, memory, publisher, settings.SEAL_S, record_key_change, accepts_new_key
    )

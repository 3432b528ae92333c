"""The log's signature under certificates of releases: whoever has one asks, the sealer signs it in its next round.

So the key stays with one process. A certificate is signed as a note whose text is its canonical JSON and a newline: it
begins with a brace, which no checkpoint does, so neither can pass for the other. Must not import Django.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from accounts.ledger.proof.canonical import NotCanonical, parse_canonical
from accounts.ledger.proof.note import SigningKey, sign_note
from accounts.ledger.sealing import Connection

AT_ONCE = 100
"""Certificates that are signed between two looks at the log."""
FIELDS = frozenset({"release", "policy_version", "limits", "scope", "editions", "digest"})
"""What a certificate has, and the sealer signs nothing else."""

# Rights: the asker inserts and cannot read what others asked. The two statements are one, so one journey.
_ASK = """
    WITH asked AS (
        INSERT INTO ledger.certificate (digest, content) VALUES (%(digest)s, %(content)s) ON CONFLICT DO NOTHING
    )
    SELECT lines FROM ledger.certificate_signature WHERE digest = %(digest)s AND lines <> ''
"""
_WAITING = """
    SELECT c.digest, c.content FROM ledger.certificate c
    WHERE NOT EXISTS (SELECT FROM ledger.certificate_signature s WHERE s.digest = c.digest)
    ORDER BY c.asked_at LIMIT %s
"""


def ask_signature(connection: Connection, certificate: str) -> str | None:
    """The signature lines under a certificate, or None where the sealer has not signed it yet; it is asked to.

    certificate: canonical JSON. Raises psycopg.Error.
    """
    content = certificate.encode()
    row = connection.execute(_ASK, {"digest": sha256(content).digest(), "content": certificate}).fetchone()
    return str(row[0]) if row else None


def sign_waiting(connection: Connection, keys: Sequence[SigningKey]) -> int:
    """Sign the certificates that wait, the oldest first; how many were looked at. As the sealer. Raises psycopg.Error.

    A text that is no certificate gets an empty signature, so that it is looked at once.
    """
    waiting = connection.execute(_WAITING, [AT_ONCE]).fetchall()
    signed = [(digest, _sign(content, keys)) for digest, content in waiting]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO ledger.certificate_signature (digest, lines) VALUES (%s, %s)", signed)
    return len(signed)


def _sign(content: str, keys: Sequence[SigningKey]) -> str:
    try:
        value = parse_canonical(content.encode())
    except NotCanonical:
        return ""
    if not isinstance(value, Mapping) or value.keys() != FIELDS:
        return ""
    return "".join(str(signature) for signature in sign_note(f"{content}\n", keys).signatures)

"""Issue, recognise and revoke tokens. A token is 32 random bytes, so its plain SHA-256 cannot be guessed backwards."""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.deciders import describe_decision
from accounts.ledger.writer import recorded
from accounts.models import Token, User
from accounts.viewer import Viewer

PREFIX = "pen_"
_HOLDER = ("username", "is_active", "id", "role", "organisation_id", "pseudonym")
"""What every request asks of an account, in the order of the model; the rest is read when somebody wants it."""
_FIND = """
    SELECT t.id, u.username, u.is_active, u.id, u.role, u.organisation_id, u.pseudonym
    FROM accounts_token t JOIN accounts_user u ON u.id = t.user_id
    WHERE t.digest = %s AND t.revoked_at IS NULL AND t.expires_at > %s AND u.is_active"""


def issue_token(user: User, label: str = "", by: User | None = None) -> str:
    """Make a token for `user` and return its secret, which is not kept and cannot be read again.

    by: who decided, where there is an administrator. Raises LedgerUnavailable, as `recorded` does: a token that was made all
    the same opens nothing, because nobody was told its secret.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    with recorded(describe_decision("token.issue", "issue_token", by, user)):
        Token.objects.create(
            user=user,
            digest=_digest(secret),
            label=label,
            expires_at=timezone.now() + settings.TOKEN_LIFETIME,
        )
    return secret


def find_token(secret: str) -> Token | None:
    """The usable token with this secret, or None: unknown, expired, revoked and closed look the same (P8).

    Every request asks this; put together by the ORM it took a good part of the time of a page. What is usable is
    said here as in TokenQuerySet.usable: a test holds both to the same.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [_digest(secret), timezone.now()])
        found = cursor.fetchone()
    if found is None:
        return None
    token_id, *values = found
    user = User.from_db(connection.alias, _HOLDER, values)
    token = Token.from_db(connection.alias, ("id", "user_id"), (token_id, user.id))
    token.user = user
    return token


def find_holder(secret: str) -> User | None:
    """The active account behind a usable token, or None."""
    token = find_token(secret)
    return token.user if token else None


def still_stands(viewer: Viewer) -> bool:
    """Whether the token behind a request is usable still, and its account has the role it asked in (P7).

    Always for a command, behind which no token stands.
    """
    credential = viewer.credential
    if credential is None:
        return True
    tokens = Token.objects.usable().filter(id=credential.token_id, user_id=viewer.user_id)
    return tokens.filter(user__role=viewer.role).exists()


def revoke_tokens(user: User, label: str | None = None, by: User | None = None) -> int:
    """Revoke the account's usable tokens, all or those with `label`; how many. Effective with the next statement (P7).

    by: who decided, where there is an administrator. Raises LedgerUnavailable, as `recorded` does.
    """
    with recorded(describe_decision("token.revoke", "revoke_tokens", by, user)):
        return end_tokens(user, label)


def end_tokens(user: User, label: str | None = None) -> int:
    """The same as a part of what is an entry already, such as the closing of the account."""
    tokens = Token.objects.usable().filter(user=user)
    if label is not None:
        tokens = tokens.filter(label=label)
    return tokens.update(revoked_at=timezone.now())


def encode_secret(secret: str) -> bytes:
    """The bytes of a secret, as its digest is taken over them here and in the database."""
    return secret.encode("utf-8", "surrogateescape")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(encode_secret(secret)).digest()

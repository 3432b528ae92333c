"""Erase who somebody was. The ledger knows people by pseudonyms only, so no proof breaks when the link to a name goes.

The account's row stays, because inspections and findings point to it, and says nothing about anybody any more.
"""

from __future__ import annotations

from uuid import uuid4

from django.db import transaction

from accounts.deciders import describe_decision, is_administrator
from accounts.ledger.writer import recorded
from accounts.models import Token, User

ERASED = "erased-"


class ErasureRefused(RuntimeError):
    """The account has no identity left to erase, or nobody who may decides it."""


def erase_identity(user: User, by: User) -> None:
    """Take name, address, organisation, tokens and pseudonym from an account and close it for ever.

    Its lines in the ledger keep the old pseudonym, which from then on leads nowhere; what was seen under it can still be
    told. by: the administrator who decides it, perhaps about themselves. Raises ErasureRefused, and then nothing is erased;
    LedgerUnavailable, as `recorded` does.
    """
    if user.username.startswith(ERASED):
        raise ErasureRefused("This account was erased before.")
    if not is_administrator(by):
        raise ErasureRefused("Identities are for an active administrator to erase: nothing was erased.")
    with recorded(describe_decision("account.erase", "erase_identity", by, user)), transaction.atomic():
        Token.objects.filter(user=user).delete()
        user.username = f"{ERASED}{uuid4().hex}"
        user.first_name = user.last_name = user.email = ""
        user.organisation = None
        user.last_login = None
        user.is_active = user.is_staff = user.is_superuser = False
        user.pseudonym = uuid4()
        user.set_unusable_password()
        user.save()

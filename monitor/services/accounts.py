"""Accounts and what they hold on regions, made by commands: each change is an entry of the ledger, written before it.

Runs as the worker: nobody who answers questions can make an account or widen one.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.deciders import describe_decision, has_administrator, is_administrator
from accounts.erasure import ERASED
from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from accounts.models import Organisation, User
from accounts.roles import ACCOUNT_ROLES, Role
from accounts.tokens import end_tokens
from monitor.models import Region
from monitor.privacy.policy import POLICY_VERSION
from monitor.privacy.scope import grant_region, holds_region, withdraw_region


class AccountRefused(ValueError):
    """This account or right cannot be made or ended; the text names the cause."""


def make_account(username: str, role: Role, email: str, organisation: str | None, by: User | None) -> User:
    """A new account without a password: programs use tokens. by: who decided, None for a first account, and for one after
    the last administrator was closed: the ledger calls these by a word of their own.

    Raises AccountRefused, and then there is no account; LedgerUnavailable, as `recorded` does.
    """
    if role not in ACCOUNT_ROLES:
        raise AccountRefused(f"No account can have the role {role.value}.")
    if username.startswith(ERASED):
        raise AccountRefused(f"Names that begin with {ERASED!r} are those of erased accounts.")
    namesake = User.objects.filter(username=username).first()
    if namesake is not None:
        raise AccountRefused(
            "An account of that name exists."
            if namesake.is_active
            else "A closed account has that name, and stays closed: take another name."
        )
    _check_decider(by)
    user = User(username=username, email=email, role=role.value)
    user.set_unusable_password()
    _check_words(user)
    if organisation is not None:
        _check_words(Organisation(name=organisation))
    action = "account.make" if by else "account.make_first"
    with recorded(_entry(action, "make_account", by, user)), transaction.atomic():
        if organisation is not None:
            user.organisation, _ = Organisation.objects.get_or_create(name=organisation)
        try:
            user.save()
        except IntegrityError as error:
            raise AccountRefused("An account of that name was made in the meantime.") from error
    return user


def close_account(user: User, by: User) -> None:
    """Close an account and revoke its tokens, from the next statement on (P7), in one entry.

    Raises AccountRefused, and then nothing is closed; LedgerUnavailable, as `recorded` does.
    """
    _check_decider(by)
    with recorded(_entry("account.close", "make_account", by, user)), transaction.atomic():
        user.is_active = False
        user.save(update_fields=["is_active"])
        end_tokens(user)


def give_region(user: User, region: Region, by: User) -> None:
    """Give a regulator or analyst the mandate for a region. Partners get theirs by an agreement.

    Raises AccountRefused, and then nothing is given; LedgerUnavailable, as `recorded` does.
    """
    if user.role not in {Role.REGULATOR.value, Role.ANALYST.value}:
        raise AccountRefused(
            "A mandate is for a regulator or an analyst; partners get regions by an agreement."
        )
    if not user.is_active:
        raise AccountRefused("The account is closed.")
    if by == user:
        raise AccountRefused("Nobody gives a mandate to themselves.")
    _check_decider(by)
    with recorded(_entry("mandate.give", "give_region", by, user, region)), transaction.atomic():
        grant_region(user, region)


def end_region(user: User, region: Region, by: User) -> None:
    """Take a mandate from an account, from the next statement on (P7).

    Raises AccountRefused, and then nothing is taken; LedgerUnavailable, as `recorded` does.
    """
    if user.role == Role.PARTNER.value:
        # the ledger would call it a mandate
        raise AccountRefused(
            "A partner's region is an agreement: `grant_agreement PARTNER REGION --end` ends it."
        )
    _check_decider(by)
    if not holds_region(user, region):
        raise AccountRefused("The account holds nothing on this region: nothing was ended.")
    with recorded(_entry("mandate.end", "give_region", by, user, region)), transaction.atomic():
        withdraw_region(user, region)


def _check_words(made: User | Organisation) -> None:
    try:
        made.clean_fields()
    except ValidationError as error:
        causes = [f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
        kind = "account" if isinstance(made, User) else "organisation"
        raise AccountRefused(f"The {kind} cannot be made: {'; '.join(causes)}") from error


def _check_decider(by: User | None) -> None:
    if by is not None and not is_administrator(by):
        raise AccountRefused("Accounts and mandates are for an active administrator to decide about.")
    if by is None and has_administrator():
        raise AccountRefused("Say which administrator decides: there is one already.")


def _entry(action: str, command: str, by: User | None, user: User, region: Region | None = None) -> Entry:
    return describe_decision(action, command, by, user, [region.id] if region else [], POLICY_VERSION)

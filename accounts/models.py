"""Accounts, organisations and tokens. Holds personal data (names, addresses) and no place."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from accounts.roles import ACCOUNT_ROLES


class Organisation(models.Model):
    """A ministry, a conservation organisation, an audit office."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    name = models.CharField(max_length=200, unique=True)  # where: none

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """An account with one role. `is_superuser` opens no place: the rule table knows roles only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    role = models.CharField(
        max_length=16, choices=[(role.value, role.value) for role in ACCOUNT_ROLES]
    )  # where: none
    organisation = models.ForeignKey(
        Organisation, null=True, blank=True, on_delete=models.PROTECT
    )  # where: none
    pseudonym = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)  # where: none
    """How the ledger calls this person; drawn at random, so erasing the account erases the link."""

    REQUIRED_FIELDS = ["email", "role"]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role__in=[r.value for r in ACCOUNT_ROLES]), name="user_role_is_known"
            )
        ]


class TokenQuerySet(models.QuerySet["Token"]):
    """Tokens, and which of them still open anything."""

    def usable(self) -> TokenQuerySet:
        """Tokens that are neither revoked nor expired and whose holder is active."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=timezone.now(), user__is_active=True)


class Token(models.Model):
    """A secret that a program signs in with; only its SHA-256 is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")  # where: none
    digest = models.BinaryField(max_length=32, unique=True, editable=False)  # where: none
    label = models.CharField(max_length=80, blank=True)  # where: none
    created_at = models.DateTimeField(auto_now_add=True)  # where: none
    expires_at = models.DateTimeField()  # where: none
    revoked_at = models.DateTimeField(null=True, blank=True)  # where: none

    objects = TokenQuerySet.as_manager()

    def __str__(self) -> str:
        return self.label or str(self.id)

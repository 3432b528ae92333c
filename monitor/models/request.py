"""Answers already given to POST requests with an Idempotency-Key, so that a repeat changes nothing."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class HandledRequest(models.Model):
    """The first answer to one key of one account. POST answers hold no place, so neither does this."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)  # where: none
    key = models.CharField(max_length=100)  # where: none
    request_digest = models.CharField(max_length=32)  # where: none
    """Keyed digest of method, path and body: the same key for another request is refused."""
    status = models.PositiveSmallIntegerField()  # where: none
    body = models.TextField()  # where: none
    location = models.CharField(max_length=100, blank=True)  # where: none
    """The Location header, where the first answer had one."""
    handled_at = models.DateTimeField(auto_now_add=True)  # where: none

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return str(self.status)

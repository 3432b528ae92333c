"""Agreements: on which terms a partner receives a region's releases. They speak of public regions and of people's acts."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from monitor.models.region import Region


class Agreement(models.Model):
    """The terms of one account for one region. It gives nothing by itself: the right to receive the region does.

    Without one, a partner receives a region at L2. L1 needs a written agreement, named by `reference`, to which two people
    said yes; it ends by itself, and the region is received at L2 again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # where: none
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")  # where: none
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="+")  # where: none
    level = models.PositiveSmallIntegerField()  # where: none
    reference = models.CharField(max_length=200, blank=True)  # where: none
    agreed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")  # where: none
    seconded_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+"
    )  # where: none
    agreed_at = models.DateTimeField()  # where: none
    expires_at = models.DateTimeField(null=True)  # where: none

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "region"], name="one_agreement_a_region"),
            models.CheckConstraint(condition=Q(level__in=[1, 2, 3]), name="agreement_is_coarse"),
            models.CheckConstraint(condition=~Q(agreed_by=F("user")), name="agreement_is_never_self_agreed"),
            models.CheckConstraint(
                condition=~Q(level=1)
                | Q(seconded_by__isnull=False, expires_at__isnull=False, expires_at__gt=F("agreed_at"))
                & ~Q(reference="")
                & ~Q(seconded_by=F("agreed_by"))
                & ~Q(seconded_by=F("user")),
                name="agreement_on_l1_is_in_writing_by_two",
            ),
            # one that made coarser and lapsed would make finer by itself
            models.CheckConstraint(
                condition=Q(level=1) | Q(expires_at__isnull=True), name="agreement_that_lapses_is_on_l1"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

"""Agreements, and the schema `release` in three editions, from the SQL file beside this one."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    """Not reversible: what the schema holds is not dropped by a command."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("monitor", "0006_exits"),
    ]
    operations = [
        migrations.CreateModel(
            name="Agreement",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("level", models.PositiveSmallIntegerField()),
                ("reference", models.CharField(blank=True, max_length=200)),
                ("agreed_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "agreed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "region",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="monitor.region"
                    ),
                ),
                (
                    "seconded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=["user", "region"], name="one_agreement_a_region"),
                    models.CheckConstraint(condition=Q(level__in=[1, 2, 3]), name="agreement_is_coarse"),
                    models.CheckConstraint(
                        condition=~Q(agreed_by=F("user")), name="agreement_is_never_self_agreed"
                    ),
                    models.CheckConstraint(
                        condition=~Q(level=1)
                        | Q(
                            seconded_by__isnull=False, expires_at__isnull=False, expires_at__gt=F("agreed_at")
                        )
                        & ~Q(reference="")
                        & ~Q(seconded_by=F("agreed_by"))
                        & ~Q(seconded_by=F("user")),
                        name="agreement_on_l1_is_in_writing_by_two",
                    ),
                    models.CheckConstraint(
                        condition=Q(level=1) | Q(expires_at__isnull=True),
                        name="agreement_that_lapses_is_on_l1",
                    ),
                ],
            },
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
    ]

"""A finding has an id of ours beside the inspector's own, which is taken within its inspection only."""

from __future__ import annotations

from uuid import uuid4

from django.db import migrations, models


class Migration(migrations.Migration):
    """Not reversible where two inspections used one id."""

    dependencies = [("monitor", "0015_pinned_plan")]
    operations = [
        migrations.AddField("finding", "own_id", models.UUIDField(null=True)),
        migrations.RunSQL("UPDATE public.monitor_finding SET own_id = id"),
        migrations.AlterField("finding", "own_id", models.UUIDField()),
        migrations.AlterField(
            "finding",
            "id",
            models.UUIDField(default=uuid4, editable=False, primary_key=True, serialize=False),
        ),
        migrations.AddConstraint(
            "finding", models.UniqueConstraint(fields=("inspection", "own_id"), name="one_finding_an_own_id")
        ),
    ]

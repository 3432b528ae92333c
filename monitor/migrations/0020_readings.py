"""Auditors are answered by whole readings: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, as those before it are not."""

    dependencies = [("monitor", "0019_bearer"), ("accounts", "0011_readings")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

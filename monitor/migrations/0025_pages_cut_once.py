"""Exact pages in less time: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, as those before it are not."""

    dependencies = [("monitor", "0024_little_by_little")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

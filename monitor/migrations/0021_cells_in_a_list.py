"""Auditors' questions take disclosed cells as a list of numbers: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, as those before it are not."""

    dependencies = [("monitor", "0020_readings"), ("accounts", "0012_cells_in_a_list")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

"""The vault's reading of cells for every exit, from the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible: an export that is under way would lose its function."""

    dependencies = [("monitor", "0004_access")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

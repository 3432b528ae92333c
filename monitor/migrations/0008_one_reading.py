"""One function reads cells for every exit, and a cell is written when it is stored: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible: an export that is under way would lose its function."""

    dependencies = [("monitor", "0007_editions")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

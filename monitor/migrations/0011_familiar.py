"""Scores say whether the model was on familiar ground: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible: states were folded by it."""

    dependencies = [("monitor", "0010_auditing")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

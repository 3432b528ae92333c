"""A wish for a posture and a yes end for good with what whoever gave them holds: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, as those before it are not."""

    dependencies = [("monitor", "0032_told")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

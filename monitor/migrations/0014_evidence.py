"""Outside evidence by delivery, what it confirms, and what exact answers say of it: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible: cells that other systems confirmed would have no history."""

    dependencies = [("monitor", "0013_outside")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

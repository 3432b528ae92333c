"""What accounts were shown over all days, beside what on each: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, as those before it are not."""

    dependencies = [("monitor", "0023_labels_of_scenes")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

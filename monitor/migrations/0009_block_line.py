"""A published row is written as one text when it is stored: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Reversible: the text follows from the row."""

    dependencies = [("monitor", "0008_one_reading")]
    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"),
            "ALTER TABLE release.block DROP COLUMN line",
        )
    ]

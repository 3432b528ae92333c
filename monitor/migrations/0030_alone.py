"""Scores by change say what the model sees without the reference: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Reversible by itself: without the column, states are what they were by the rule of before."""

    dependencies = [("monitor", "0029_statements_unshown")]
    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"),
            reverse_sql="ALTER TABLE vault.score DROP COLUMN alone",
        )
    ]

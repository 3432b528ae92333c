"""What accounts were shown each day, in numbers, for auditors who look for harvesting. From the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, like the functions before it."""

    dependencies = [("accounts", "0006_certificates"), ("monitor", "0010_auditing")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]

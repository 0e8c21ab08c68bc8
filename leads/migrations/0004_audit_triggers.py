from django.db import migrations

from leads import ledger


def install(apps, schema_editor):
    ledger.install(schema_editor.connection)


def remove(apps, schema_editor):
    """Nothing: the triggers go with the table, and those of the other tables stay."""


class Migration(migrations.Migration):
    dependencies = [("leads", "0003_audit_log")]

    operations = [migrations.RunPython(install, remove)]

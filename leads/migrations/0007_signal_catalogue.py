import json
from pathlib import Path

from django.db import migrations

CATALOGUE = Path(__file__).parents[1] / "catalogue.json"


def load(apps, schema_editor):
    Signal = apps.get_model("leads", "Signal")
    known = set(Signal.objects.values_list("slug", flat=True))
    entries = json.loads(CATALOGUE.read_text())
    Signal.objects.bulk_create(Signal(**entry) for entry in entries if entry["slug"] not in known)


class Migration(migrations.Migration):
    dependencies = [("leads", "0006_tracking")]

    # The way back leaves the entries: events may refer to them, and migrating forward again keeps them.
    operations = [migrations.RunPython(load, migrations.RunPython.noop)]

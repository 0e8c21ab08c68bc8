"""The reasons sales starts out with; each organisation edits them afterwards."""

from django.db import migrations

# slug, label, next path, days of nurture, gives the turn back, needs a note
REASONS = [
    ("no_need_now", "No need now", "nurture", 90, False, False),
    ("no_timeline", "No timeline", "nurture", 90, False, False),
    ("no_budget", "No budget", "nurture", 120, False, False),
    ("wrong_person", "Wrong person, right company", "fix_data", 90, False, False),
    ("no_fit", "Company does not fit", "disqualify", 90, False, False),
    ("in_talks", "Already a customer or in talks", "reroute", 90, False, False),
    ("false_data", "Competitor, student or false data", "disqualify", 90, True, False),
    ("unreachable", "Cannot be reached", "nurture", 30, False, False),
    ("other", "Other", "fix_data", 90, False, True),
]


def add_reasons(apps, schema_editor):
    reason = apps.get_model("handoff", "RejectionReason")
    for position, (slug, label, path, days, gives_back, needs_note) in enumerate(REASONS, 1):
        reason.objects.get_or_create(
            slug=slug,
            defaults={
                "label": label,
                "next_path": path,
                "nurture_days": days,
                "gives_turn_back": gives_back,
                "needs_note": needs_note,
                "position": position * 10,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("handoff", "0003_open_handoffs_by_rep")]

    # Kept on the way back: handoffs may refer to them, and adding them again finds them.
    operations = [migrations.RunPython(add_reasons, migrations.RunPython.noop)]

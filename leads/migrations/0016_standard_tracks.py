"""The nurture tracks an organisation starts out with; each edits them afterwards."""

from django.db import migrations

# name, purpose, MQL rules, rejection reasons, days, wake signal
TRACKS = [
    (
        "Contact again", "Another way to reach them, then another try.",
        [], ["unreachable"], None, "",
    ),
    (
        "Evaluation content", "Comparisons, checklists and references, until there is a date.",
        ["content", "score_fit", "hand_raiser"], [], None, "",
    ),
    (
        "Product education", "How others use the product they named, until the need is clear.",
        ["form_product"], [], None, "",
    ),
    (
        "Stay in touch", "The monthly notes, until they look at buying again.",
        [], [], None, "",
    ),
]  # fmt: skip


def add_tracks(apps, schema_editor):
    track = apps.get_model("leads", "NurtureTrack")
    for position, (name, purpose, rules, reasons, days, signal) in enumerate(TRACKS, 1):
        track.objects.get_or_create(
            name=name,
            defaults={
                "purpose": purpose,
                "rules": rules,
                "reasons": reasons,
                "days": days,
                "wake_signal": signal,
                "position": position * 10,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("leads", "0015_nurture_tracks")]

    # Kept on the way back: leads may refer to them, and adding them again finds them.
    operations = [migrations.RunPython(add_tracks, migrations.RunPython.noop)]

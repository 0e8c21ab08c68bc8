import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('leads', '0019_age_alarm'),
    ]

    operations = [
        migrations.AddField(
            model_name='lead',
            name='override_score',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('override_score', None), ('override_score__lte', 100), _connector='OR'), name='lead_override_in_range'),
        ),
        migrations.AddField(
            model_name='lead',
            name='shown_score',
            field=models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Coalesce('override_score', 'score'), output_field=models.SmallIntegerField()),
        ),
        migrations.RemoveIndex(
            model_name='lead',
            name='lead_owner_stage',
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(fields=['-shown_score', '-id'], name='lead_by_shown'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(fields=['stage', 'status', '-shown_score', '-id'], name='lead_stage_shown'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(fields=['owner', 'stage', '-shown_score', '-id'], name='lead_owner_shown'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('override_score', None), _negated=True), fields=['-shown_score', '-id'], name='lead_overridden'),
        ),
    ]

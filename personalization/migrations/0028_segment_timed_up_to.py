"""How far it is noted whom the passing of time may move into or out of a new condition."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalization", "0027_event_samples")]
    operations = [
        migrations.AddField(
            model_name="segment",
            name="timed_up_to",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
    ]

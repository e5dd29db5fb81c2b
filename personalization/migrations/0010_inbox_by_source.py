"""The inbox is read by source; old days are found; carts and orders may wait to be folded."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalization", "0009_source_objects")]
    operations = [
        migrations.RemoveIndex("inboxevent", "personalization_inbox_waiting"),
        migrations.AddIndex(
            "inboxevent",
            models.Index(
                fields=["source", "id"],
                condition=models.Q(quarantined_at=None),
                name="personalization_inbox_source",
            ),
        ),
        migrations.AddIndex(
            "eventdaily", BrinIndex(fields=["day"], name="personalization_daily_by_day")
        ),
        migrations.AlterField("eventkey", "seen_at", models.DateTimeField()),
        migrations.AddIndex(
            "eventkey", BrinIndex(fields=["seen_at"], name="personalization_key_by_age")
        ),
        migrations.AlterField(
            "profiledue",
            "work",
            models.CharField(
                choices=[("traits", "Traits"), ("commerce", "Carts and orders")], max_length=10
            ),
        ),
    ]

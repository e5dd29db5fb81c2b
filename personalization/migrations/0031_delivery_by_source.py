"""Count the deliveries of a source and a span without reading those of all the others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalization", "0030_room_for_days")]
    operations = [
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                fields=["source", "received_at"], name="personalization_delivery_at"
            ),
        ),
    ]

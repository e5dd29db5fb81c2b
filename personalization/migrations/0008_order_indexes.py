"""Find an order by its number, and those that changed lately."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalization", "0007_event_context")]
    operations = [
        migrations.AddIndex(
            "order",
            models.Index(fields=["id_space", "order_id"], name="personalization_order_told"),
        ),
        migrations.AddIndex(
            "order", models.Index(fields=["changed_at"], name="personalization_order_changed")
        ),
    ]

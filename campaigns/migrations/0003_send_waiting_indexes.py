"""Find held and doubtful sends without reading the whole table, every few seconds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0002_send_table")]
    operations = [
        migrations.RemoveIndex(model_name="send", name="campaigns_send_leased"),
        migrations.AddIndex(
            model_name="send",
            index=models.Index(
                fields=["lease_until"],
                condition=models.Q(state__in=["claimed", "handing_over", "unknown"]),
                name="campaigns_send_leased",
            ),
        ),
        migrations.AddIndex(
            model_name="send",
            index=models.Index(
                fields=["due_at"], condition=models.Q(state="held"), name="campaigns_send_held"
            ),
        ),
    ]

"""One more reason to suppress: the person refuses mail at another of their addresses."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0006_api_key_source")]
    operations = [
        migrations.AlterField(
            "suppression",
            "reason",
            models.CharField(
                choices=[
                    ("hard_bounce", "Hard bounce"),
                    ("complaint", "Spam complaint"),
                    ("unsubscribed", "Unsubscribed"),
                    ("manual", "Added by staff"),
                    ("erased", "Erased on request"),
                    ("same_person", "Refused at another address"),
                ],
                max_length=20,
            ),
        )
    ]

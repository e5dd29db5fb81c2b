"""What receipts share by hash, and the one decision a message shows a person in a slot."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0007_refused_at_another_address"),
        ("personalization", "0015_profile_sample"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReceiptPart",
            fields=[
                ("key", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("content", models.JSONField()),
                ("used_on", models.DateField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="Exposure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("message", models.CharField(max_length=120)),
                ("slot", models.CharField(max_length=80)),
                ("shown_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "receipt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exposures",
                        to="personalization.receipt",
                    ),
                ),
                (
                    "subject",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exposures",
                        to="consent.datasubject",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["message", "slot", "subject"],
                        name="personalization_exposure_once",
                    )
                ],
            },
        ),
    ]

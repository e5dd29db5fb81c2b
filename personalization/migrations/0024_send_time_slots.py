"""Places that mail providers fill at send time by asking us."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0010_oauth_clients"),
        ("personalization", "0023_segment_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="SendTimeSlot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "slug",
                    models.SlugField(
                        help_text="As in /api/v1/personalize/hero.", max_length=80, unique=True
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                (
                    "recommendation_count",
                    models.PositiveSmallIntegerField(
                        default=4,
                        help_text="Products in `recommendations` of the blocks; 0 for none.",
                    ),
                ),
                (
                    "ttl_seconds",
                    models.PositiveIntegerField(
                        default=300,
                        help_text="Seconds for which one answer stands; shorter where products are "
                        "shown.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(86400),
                        ],
                        verbose_name="good for",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="answers")),
                (
                    "is_default",
                    models.BooleanField(
                        default=False,
                        help_text="Its fallback answers for slots that nobody set up.",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "purpose",
                    models.ForeignKey(
                        default="email_marketing",
                        help_text="What the content is for; the answer says whether the person may be "
                        "mailed.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="consent.purpose",
                    ),
                ),
                (
                    "ruleset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="send_time_slots",
                        to="personalization.ruleset",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("is_default",),
                        name="personalization_one_default_slot",
                    )
                ],
            },
        ),
    ]

"""Lists of products that are the same for everybody, at addresses without a key."""

import django.core.validators
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("personalization", "0025_events_told"),
    ]

    operations = [
        migrations.CreateModel(
            name="Feed",
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
                        help_text="As in /api/v1/feeds/new.json.", max_length=80, unique=True
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("strategy", models.CharField(default="popular", max_length=80)),
                ("parameters", models.JSONField(blank=True, default=dict)),
                (
                    "limit",
                    models.PositiveSmallIntegerField(
                        default=12,
                        help_text="How many, at most 50.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(50),
                        ],
                        verbose_name="products",
                    ),
                ),
                (
                    "max_age",
                    models.PositiveIntegerField(
                        default=300,
                        help_text="Seconds for which a proxy or browser may keep the list.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(86400),
                        ],
                        verbose_name="good for",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="answers")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
    ]

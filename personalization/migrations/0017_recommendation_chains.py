"""Chains of strategies; pins, bans and the day a product came."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

FREEZE = """
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON personalization_recommendationchainversion
    FOR EACH ROW EXECUTE FUNCTION attune_freeze_version();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("personalization", "0016_receipt_parts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RecommendationChain",
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
                        help_text="Short name for links and API.", max_length=80, unique=True
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("description", models.TextField(blank=True)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("is_archived", models.BooleanField(default=False, editable=False)),
            ],
            options={
                "verbose_name": "recommendation chain",
                "ordering": ["name"],
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="product",
            name="added_at",
            field=models.DateTimeField(
                db_default=Now(), default=django.utils.timezone.now, editable=False
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="is_banned",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Never recommended, whatever is asked.",
                verbose_name="banned",
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="pin",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Place among the products that “Pinned by hand” shows; empty for none.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="pinned at place",
            ),
        ),
        migrations.CreateModel(
            name="RecommendationChainVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("review", "In review"),
                            ("live", "Live"),
                            ("retired", "Retired"),
                        ],
                        default="draft",
                        max_length=8,
                    ),
                ),
                ("content", models.JSONField()),
                (
                    "note",
                    models.CharField(
                        blank=True, help_text="What changed, and why.", max_length=200
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("published_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "approver",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "of",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="personalization.recommendationchain",
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="recommendationchain",
            name="live",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="personalization.recommendationchainversion",
            ),
        ),
        migrations.AddConstraint(
            model_name="recommendationchainversion",
            constraint=models.UniqueConstraint(
                fields=("of", "number"), name="personalization_chain_version"
            ),
        ),
        migrations.RunSQL(
            FREEZE,
            "DROP TRIGGER frozen ON personalization_recommendationchainversion;",
        ),
    ]

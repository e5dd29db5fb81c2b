"""Whose segments are to be looked at again, stays that ended, sizes by day, lists of people."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0009_refuse_truncate"),
        ("personalization", "0021_review"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ListEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("added_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SegmentDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "segment_id",
                        "day",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="days",
                        to="personalization.segment",
                    ),
                ),
                ("day", models.DateField()),
                ("size", models.IntegerField()),
                ("entered", models.IntegerField(default=0)),
                ("left", models.IntegerField(default=0)),
            ],
            options={
                "ordering": ["segment_id", "day"],
            },
        ),
        migrations.CreateModel(
            name="SegmentPast",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("entered_at", models.DateTimeField()),
                ("left_at", models.DateTimeField()),
                ("entered_why", models.JSONField(null=True)),
                ("left_why", models.JSONField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SegmentRecheck",
            fields=[
                ("profile_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "db_table": "personalization_segment_recheck",
            },
        ),
        migrations.CreateModel(
            name="SegmentTouch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("profile_id", models.BigIntegerField(null=True)),
                ("product_id", models.BigIntegerField(null=True)),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("event", "An event"),
                            ("profile", "An attribute or trait changed"),
                            ("consent", "A consent changed"),
                            ("identity", "Joined, parted or erased"),
                            ("product", "A product changed"),
                            ("definition", "The condition changed"),
                            ("list", "Put on or taken off the list"),
                            ("time", "Time passed"),
                            ("repair", "A rebuild"),
                        ],
                        max_length=10,
                    ),
                ),
                ("event_id", models.BigIntegerField(null=True)),
                ("event_name", models.TextField(null=True)),
                ("event_at", models.DateTimeField(null=True)),
                ("is_bulk", models.BooleanField(db_default=False, default=False)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "personalization_segment_touch",
            },
        ),
        migrations.AddField(
            model_name="segment",
            name="broken_since",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="segment",
            name="checked_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="segment",
            name="drift",
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="segment",
            name="faults",
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AddField(
            model_name="segment",
            name="is_stale",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="segment",
            name="kind",
            field=models.CharField(
                choices=[("condition", "Condition"), ("list", "List")],
                default="condition",
                editable=False,
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="segmentmembership",
            name="why",
            field=models.JSONField(null=True),
        ),
        migrations.AddIndex(
            model_name="segmentmembership",
            index=models.Index(
                fields=["segment", "-entered_at"], name="personalization_member_latest"
            ),
        ),
        migrations.AddField(
            model_name="listentry",
            name="added_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="listentry",
            name="segment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="entries",
                to="personalization.segment",
            ),
        ),
        migrations.AddField(
            model_name="listentry",
            name="subject",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="consent.datasubject",
            ),
        ),
        migrations.AddField(
            model_name="segmentpast",
            name="profile",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="personalization.customerprofile",
            ),
        ),
        migrations.AddField(
            model_name="segmentpast",
            name="segment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="past",
                to="personalization.segment",
            ),
        ),
        migrations.AddIndex(
            model_name="segmenttouch",
            index=models.Index(fields=["is_bulk", "id"], name="personalization_touch_order"),
        ),
        migrations.AddConstraint(
            model_name="listentry",
            constraint=models.UniqueConstraint(
                fields=("segment", "subject"), name="personalization_list_entry_once"
            ),
        ),
        migrations.AddIndex(
            model_name="segmentpast",
            index=models.Index(fields=["segment", "-left_at"], name="personalization_past_latest"),
        ),
        migrations.AddConstraint(
            model_name="segmentpast",
            constraint=models.CheckConstraint(
                condition=models.Q(("left_at__gte", models.F("entered_at"))),
                name="personalization_past_ends_after_it_began",
            ),
        ),
    ]

"""A stay in a segment may end because the segment was archived."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalization", "0031_delivery_by_source")]
    operations = [
        migrations.AlterField(
            model_name="segmenttouch",
            name="cause",
            field=models.CharField(
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
                    ("archived", "The segment was archived"),
                ],
                max_length=10,
            ),
        ),
    ]

"""Find the few notes that are about a product: without an index each look read all that wait."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalization", "0028_segment_timed_up_to")]
    operations = [
        migrations.AddIndex(
            model_name="segmenttouch",
            index=models.Index(
                fields=["product_id"],
                name="personalization_touch_product",
                condition=models.Q(product_id__isnull=False),
            ),
        ),
    ]

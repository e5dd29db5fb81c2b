"""Since when older products are known: their first price, else that they were there."""

from django.db import migrations

FIRST_SEEN = """
UPDATE personalization_product p SET added_at = COALESCE(
    (SELECT min(c.at) FROM personalization_productchange c WHERE c.product_id = p.id),
    p.updated_at)
"""


class Migration(migrations.Migration):
    dependencies = [("personalization", "0017_recommendation_chains")]
    operations = [migrations.RunSQL(FIRST_SEEN, migrations.RunSQL.noop)]

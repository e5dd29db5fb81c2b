"""Message ids carry neither a constraint nor an index on their source: their key begins with it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalization", "0018_products_first_seen")]
    operations = [
        migrations.AlterField(
            "eventkey",
            "source",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="personalization.source",
            ),
        )
    ]

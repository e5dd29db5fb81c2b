"""People in a random order that stays the same: samples of them are read from its beginning."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalization", "0014_product_stubs")]
    operations = [
        migrations.AddIndex(
            model_name="customerprofile",
            index=models.Index(
                models.Func(models.F("subject_id"), models.Value(0), function="hashint8extended"),
                name="personalization_profile_sample",
            ),
        ),
    ]

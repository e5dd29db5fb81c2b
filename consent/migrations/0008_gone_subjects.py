"""Find the few who are gone, among many who live, by an index that holds only them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0007_refused_at_another_address")]
    operations = [
        migrations.AddIndex(
            model_name="datasubject",
            index=models.Index(
                fields=["id"],
                condition=models.Q(erased_at__isnull=False) | models.Q(merged_into__isnull=False),
                name="consent_subject_gone",
            ),
        ),
    ]

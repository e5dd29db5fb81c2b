"""An import knows the moment that its keys and events carry."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("personalization", "0010_inbox_by_source")]
    operations = [
        migrations.AddField(
            model_name="importrun",
            name="began_at",
            field=models.DateTimeField(blank=True, null=True),
        )
    ]

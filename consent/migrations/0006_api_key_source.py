"""A key knows whose customer numbers its program uses."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0005_merges_requests_keys")]
    operations = [
        migrations.AddField(
            model_name="apikey",
            name="source",
            field=models.SlugField(
                blank=True,
                db_default="",
                default="",
                help_text="Short name of the source whose customer numbers this program uses. A call can "
                "name another one. Empty: its numbers are its own, as source “api”.",
            ),
        )
    ]

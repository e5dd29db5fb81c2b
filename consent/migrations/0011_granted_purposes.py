"""Read who granted a purpose from the index alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0010_oauth_clients")]
    operations = [
        migrations.AddIndex(
            model_name="consentstate",
            index=models.Index(
                fields=["purpose", "subject"],
                include=["expires_at"],
                condition=models.Q(is_granted=True),
                name="consent_state_granted",
            ),
        ),
        migrations.RemoveIndex(model_name="consentstate", name="consent_con_purpose_3abafa_idx"),
    ]

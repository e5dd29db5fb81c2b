"""The ledger says whose word a statement is, and holds each statement once."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0003_first_purposes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="consentrecord",
            name="is_own_choice",
            field=models.BooleanField(default=False),
        ),
        migrations.AddConstraint(
            model_name="consentrecord",
            constraint=models.UniqueConstraint(
                fields=["subject", "purpose", "occurred_at", "action", "source", "is_own_choice"],
                name="consent_record_once",
            ),
        ),
        migrations.RemoveIndex(model_name="consentrecord", name="consent_con_subject_dc7ffc_idx"),
    ]

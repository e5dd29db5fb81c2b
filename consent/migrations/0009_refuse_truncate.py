"""Refuse to empty the consent ledger and the audit log as a whole, too."""

from django.db import migrations

TABLES = ("consent_consentrecord", "consent_auditentry")


class Migration(migrations.Migration):
    dependencies = [("consent", "0008_gone_subjects")]
    operations = [
        migrations.RunSQL(
            f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION attune_refuse_change();",
            f"DROP TRIGGER append_only_whole ON {table};",
        )
        for table in TABLES
    ]

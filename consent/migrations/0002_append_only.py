"""Refuse to change or delete what must stay as it was written: consent records, audit entries."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION attune_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_consentrecord
    FOR EACH ROW EXECUTE FUNCTION attune_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_auditentry
    FOR EACH ROW EXECUTE FUNCTION attune_refuse_change();
"""
BACKWARD = """
DROP TRIGGER append_only ON consent_auditentry;
DROP TRIGGER append_only ON consent_consentrecord;
DROP FUNCTION attune_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

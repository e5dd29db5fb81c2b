"""Room for updates in place on the busiest table, and frozen template versions."""

from django.db import migrations

FORWARD = """
ALTER TABLE campaigns_send SET (fillfactor = 60);
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON campaigns_templateversion
    FOR EACH ROW EXECUTE FUNCTION attune_freeze_version();
"""
BACKWARD = """
DROP TRIGGER frozen ON campaigns_templateversion;
ALTER TABLE campaigns_send RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0001_initial"),
        ("personalization", "0003_frozen_versions"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

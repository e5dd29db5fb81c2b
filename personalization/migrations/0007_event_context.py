"""Events know where they happened and which import brought them; our own source says what it is."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FORWARD = """
ALTER TABLE personalization_event ADD context jsonb NOT NULL DEFAULT '{}';
ALTER TABLE personalization_event ADD import_id bigint;
"""
BACKWARD = """
ALTER TABLE personalization_event DROP import_id;
ALTER TABLE personalization_event DROP context;
"""


def name_kind(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("personalization", "Source").objects.filter(slug="attune").update(kind="system")


class Migration(migrations.Migration):
    dependencies = [("personalization", "0006_incoming_data")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(name_kind, migrations.RunPython.noop),
    ]

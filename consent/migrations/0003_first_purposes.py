"""The purposes every installation starts with."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PURPOSES = [
    (
        "email_marketing",
        "Marketing email",
        "We send you offers and news by email.",
        "consent",
        1095,
    ),
    (
        "email_tracking",
        "Open and click tracking",
        "We see which of our emails you open and what you click in them.",
        "consent",
        395,
    ),
    (
        "profiling",
        "Personal recommendations",
        "We use what you bought and viewed to choose content for you.",
        "consent",
        1095,
    ),
    (
        "contract",
        "Orders",
        "We keep your orders to deliver them and for the law.",
        "contract",
        3650,
    ),
]


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    purpose = apps.get_model("consent", "Purpose")
    for code, name, description, basis, days in PURPOSES:
        defaults = {
            "name": name,
            "description": description,
            "basis": basis,
            "retention_days": days,
        }
        purpose.objects.get_or_create(code=code, defaults=defaults)


class Migration(migrations.Migration):
    dependencies = [("consent", "0002_append_only")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]

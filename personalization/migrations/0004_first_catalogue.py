"""The fields and the source every installation starts with."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FIELDS = [
    ("traits", "recency_days", "Days since the last order", "number", "days", "profiling"),
    ("traits", "order_count", "Orders in the last year", "number", "orders", "profiling"),
    ("traits", "total_spent", "Spent in the last year", "number", "currency", "profiling"),
    ("traits", "average_order_value", "Average order", "number", "currency", "profiling"),
    ("traits", "favourite_category", "Favourite category", "text", "", "profiling"),
    ("attributes", "language", "Language", "text", "", "email_marketing"),
    ("attributes", "country", "Country", "text", "", "email_marketing"),
    ("attributes", "city", "City", "text", "", "email_marketing"),
    ("attributes", "timezone", "Time zone", "text", "", "email_marketing"),
]


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    field = apps.get_model("personalization", "Field")
    for kind, name, label, type_, unit, purpose in FIELDS:
        source = "computed from orders" if kind == "traits" else "customer data"
        defaults = {
            "label": label,
            "type": type_,
            "unit": unit,
            "purpose_id": purpose,
            "source": source,
        }
        field.objects.get_or_create(kind=kind, name=name, defaults=defaults)
    source_model = apps.get_model("personalization", "Source")
    source_model.objects.get_or_create(slug="attune", defaults={"name": "Attune (email behaviour)"})


class Migration(migrations.Migration):
    dependencies = [
        ("personalization", "0003_frozen_versions"),
        ("consent", "0003_first_purposes"),
    ]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]

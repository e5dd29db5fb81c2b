"""The traits that are derived from orders, visits and mails, as fields of the catalogue."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PROFILING, TRACKING = "profiling", "email_tracking"
ORDERS, ALL = "computed from orders", "computed from visits, orders and mails"
LINES, MODEL = "computed from products ordered and looked at", "estimated from orders"
FIELDS = [
    ("rfm", "RFM score", "text", "", PROFILING, ORDERS),
    ("rfm_recency", "RFM: how recent", "number", "of 5", PROFILING, ORDERS),
    ("rfm_frequency", "RFM: how often", "number", "of 5", PROFILING, ORDERS),
    ("rfm_monetary", "RFM: how much", "number", "of 5", PROFILING, ORDERS),
    ("historic_value", "Spent in all", "number", "currency", PROFILING, ORDERS),
    ("predicted_value_12m", "Expected to spend in a year", "number", "currency", PROFILING, MODEL),
    ("churn_probability", "Chance of no order in a year", "number", "of 1", PROFILING, MODEL),
    ("next_order_date", "Next order expected by", "date", "", PROFILING, MODEL),
    ("days_since_last_view", "Days since a product was viewed", "number", "days", PROFILING,
     "computed from visits"),
    ("days_since_last_open", "Days since a mail was opened", "number", "days", TRACKING,
     "computed from mails"),
    ("engagement", "Engagement", "number", "of 100", PROFILING, ALL),
    ("category_affinities", "Favourite categories", "list", "", PROFILING, LINES),
    ("brand_affinities", "Favourite brands", "list", "", PROFILING, LINES),
    ("preferred_hour", "Hour of most activity", "number", "o’clock, local time", PROFILING, ALL),
]  # fmt: skip


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    field = apps.get_model("personalization", "Field")
    for name, label, type_, unit, purpose, source in FIELDS:
        defaults = {
            "label": label,
            "type": type_,
            "unit": unit,
            "purpose_id": purpose,
            "source": source,
        }
        field.objects.get_or_create(kind="traits", name=name, defaults=defaults)


class Migration(migrations.Migration):
    dependencies = [("personalization", "0011_import_began")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]

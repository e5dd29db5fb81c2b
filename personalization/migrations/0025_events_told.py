"""Counting reads who did something when, and for how much, from the index alone."""

from django.db import migrations

FORWARD = """
CREATE INDEX personalization_event_told ON personalization_event (name, occurred_at)
    INCLUDE (profile_id, is_machine, amount);
DROP INDEX personalization_event_by_name;
"""
BACKWARD = """
CREATE INDEX personalization_event_by_name ON personalization_event (name, occurred_at);
DROP INDEX personalization_event_told;
"""


class Migration(migrations.Migration):
    dependencies = [("personalization", "0024_send_time_slots")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

"""The events of a random sixteenth of all people, and of smaller parts for larger shops.

An estimate reads what its sample did from one place, instead of looking each person up in each
month. The bounds are those of `conditions.sql_people`: parts of the range of the hash.
"""

from django.db import migrations

FORWARD = """
CREATE INDEX personalization_event_sample_16 ON personalization_event (name, occurred_at)
    INCLUDE (profile_id, is_machine, amount)
    WHERE hashint8extended(profile_id, 0) < '-8070450532247928832'::bigint;
CREATE INDEX personalization_eventitem_sample_16 ON personalization_eventitem (name, occurred_at)
    INCLUDE (profile_id, event_id, product_id, quantity, price)
    WHERE hashint8extended(profile_id, 0) < '-8070450532247928832'::bigint;
CREATE INDEX personalization_event_sample_64 ON personalization_event (name, occurred_at)
    INCLUDE (profile_id, is_machine, amount)
    WHERE hashint8extended(profile_id, 0) < '-8935141660703064064'::bigint;
CREATE INDEX personalization_eventitem_sample_64 ON personalization_eventitem (name, occurred_at)
    INCLUDE (profile_id, event_id, product_id, quantity, price)
    WHERE hashint8extended(profile_id, 0) < '-8935141660703064064'::bigint;
CREATE INDEX personalization_event_sample_256 ON personalization_event (name, occurred_at)
    INCLUDE (profile_id, is_machine, amount)
    WHERE hashint8extended(profile_id, 0) < '-9151314442816847872'::bigint;
CREATE INDEX personalization_eventitem_sample_256 ON personalization_eventitem (name, occurred_at)
    INCLUDE (profile_id, event_id, product_id, quantity, price)
    WHERE hashint8extended(profile_id, 0) < '-9151314442816847872'::bigint;
"""
BACKWARD = """
DROP INDEX personalization_event_sample_16;
DROP INDEX personalization_eventitem_sample_16;
DROP INDEX personalization_event_sample_64;
DROP INDEX personalization_eventitem_sample_64;
DROP INDEX personalization_event_sample_256;
DROP INDEX personalization_eventitem_sample_256;
"""


class Migration(migrations.Migration):
    dependencies = [("personalization", "0026_feeds")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]

"""posthog-python: `python posthog_python.py URL KEY [RUN]`; exits 1 on an error."""

import sys
import uuid
from datetime import UTC, datetime

from posthog import Posthog

url, key, run = (*sys.argv[1:], "1")[:3]
errors: list[object] = []
client = Posthog(key, host=url, on_error=lambda error, items: errors.append(error))
at = datetime(2026, 3, 1, 12, tzinfo=UTC)


def named(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"ph-{run}-{number}"))


client.set(distinct_id="C-1", properties={"email": "anna@example.com"}, timestamp=at, uuid=named(1))
viewed = {"product_id": "P-1", "price": 12.75, "currency": "EUR", "$set": {"city": "Bonn"}}
client.capture("Product Viewed", distinct_id="C-1", properties=viewed, timestamp=at, uuid=named(2))
client.alias("anon-1", "C-1", timestamp=at, uuid=named(3))
client.group_identify("company", "G-1", {"plan": "gold"}, timestamp=at, uuid=named(4))
client.capture(
    "$pageview",
    distinct_id="C-1",
    properties={"$current_url": "https://shop.example/a?b=1"},
    timestamp=at,
    uuid=named(5),
)
client.shutdown()
sys.exit(len(errors))

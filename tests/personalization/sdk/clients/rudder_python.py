"""rudder-sdk-python: `python rudder_python.py URL KEY [RUN]`; exits 1 on an error."""

import sys
from datetime import UTC, datetime

from rudderstack.analytics.client import Client

url, key, run = (*sys.argv[1:], "1")[:3]
errors: list[object] = []
client = Client(key, host=url, gzip=True, on_error=lambda error, items: errors.append(error))
at = datetime(2026, 3, 1, 12, tzinfo=UTC)
common = {"user_id": "C-1", "timestamp": at}
client.identify(**common, traits={"email": "anna@example.com"}, message_id=f"rp-{run}-1")
viewed = {"product_id": "P-1", "price": 12.75, "currency": "EUR"}
client.track(event="Product Viewed", properties=viewed, message_id=f"rp-{run}-2", **common)
client.page(**common, name="Home", message_id=f"rp-{run}-3")
client.flush()
client.join()
sys.exit(len(errors))

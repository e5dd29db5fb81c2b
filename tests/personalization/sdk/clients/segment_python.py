"""segment-analytics-python: `python segment_python.py URL KEY [RUN]`; exits 1 on an error."""

import sys
from datetime import UTC, datetime

from segment.analytics.client import Client

url, key, run = (*sys.argv[1:], "1")[:3]
errors: list[object] = []
client = Client(key, host=url, on_error=lambda error, items: errors.append(error))
at = datetime(2026, 3, 1, 12, tzinfo=UTC)
common = {"user_id": "C-1", "timestamp": at}
client.identify(**common, traits={"email": "anna@example.com"}, message_id=f"sp-{run}-1")
client.page(**common, name="Home", properties={"path": "/"}, message_id=f"sp-{run}-2")
order = {
    "order_id": "O-1",
    "total": 25.5,
    "currency": "EUR",
    "products": [{"product_id": "P-1", "quantity": 2, "price": 12.75}],
}
client.track(event="Order Completed", properties=order, message_id=f"sp-{run}-3", **common)
client.alias("anon-1", "C-1", message_id=f"sp-{run}-4")
client.group("C-1", "G-1", {"plan": "gold"}, message_id=f"sp-{run}-5")
client.flush()
client.join()
sys.exit(len(errors))

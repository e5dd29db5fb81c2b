"""cloudevents (Python): `python cloudevents_python.py URL KEY`; binary, structured, batch."""

import sys
from datetime import UTC, datetime

import requests
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

url, key = sys.argv[1:3]


def event(number: int, kind: str) -> CloudEvent:
    return CloudEvent(
        {
            "id": f"ce-{number}",
            "type": kind,
            "source": "/shop",
            "specversion": "1.0",
            "time": datetime(2026, 3, 1, 12, tzinfo=UTC),
            "subject": "C-1",
            "datacontenttype": "application/json",
        },
        {"product_id": "P-1", "price": 12.75},
    )


for message in (
    to_binary_event(event(1, "com.shop.product_viewed"), JSONFormat()),
    to_structured_event(event(2, "com.shop.product_added"), JSONFormat()),
):
    requests.post(
        f"{url}/events", data=message.body, headers={**message.headers, "X-Write-Key": key}
    ).raise_for_status()

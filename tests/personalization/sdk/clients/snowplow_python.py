"""snowplow-tracker: `python snowplow_python.py URL KEY`; the write key is the app id."""

import sys

from snowplow_tracker.emitters import Emitter
from snowplow_tracker.events.page_view import PageView
from snowplow_tracker.events.self_describing import SelfDescribing
from snowplow_tracker.events.structured_event import StructuredEvent
from snowplow_tracker.self_describing_json import SelfDescribingJson
from snowplow_tracker.subject import Subject
from snowplow_tracker.tracker import Tracker

url, key = sys.argv[1:3]
failed: list[object] = []
emitter = Emitter(
    url, method="post", batch_size=10, on_failure=lambda sent, unsent: failed.extend(unsent)
)
subject = Subject().set_user_id("C-1").set_domain_user_id("anon-1")
subject.set_timezone("Europe/Berlin").set_lang("de")
tracker = Tracker("t1", emitter, app_id=key, subject=subject, encode_base64=True)
tracker.track(
    PageView(page_url="https://shop.example/boots?mail=anna@example.com", page_title="Boots")
)
viewed = {"product_id": "P-1", "price": 12.75, "currency": "EUR"}
schema = "iglu:com.shop/product_viewed/jsonschema/1-0-0"
tracker.track(SelfDescribing(SelfDescribingJson(schema, viewed)))
tracker.track(StructuredEvent("shop", "add-to-cart", label="P-1", property_="x", value=2.0))
tracker.flush()
sys.exit(len(failed))

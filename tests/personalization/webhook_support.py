"""Send webhooks as shops and CRMs do: recorded bodies, signed, over HTTP."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from django.utils import timezone
from hypothesis import strategies as st

from personalization.models import Source, WebhookDelivery
from personalization.sources import deliveries, secrets
from personalization.sources import hubspot as hubspot_adapter
from personalization.sources import shopify as shopify_adapter
from personalization.sources import woocommerce as woocommerce_adapter
from personalization.sources.deliveries import Worked
from tests.consent.people import NOON
from tests.personalization.ground import apply_all

RECORDED = Path(__file__).parent / "webhooks"
SECRET = "shpss_5d3f1f6d0e8b4c2a"
DOMAIN = "my-shop.myshopify.com"
GENERIC_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
MAPPING: Mapping[str, dict[str, Any]] = {
    "shopify": {"shop_domain": DOMAIN, "currency": "EUR"},
    "woocommerce": {"site": "https://shop.example/", "currency": "EUR"},
    "hubspot": {},
    "generic": {
        "topics": {
            "order.paid": {
                "event": "Order Completed",
                "external_id": "data.customer.id",
                "at": "data.paid_at",
                "id": "data.id",
                "properties": {"order_id": "data.id", "total": "data.total", "currency": "=EUR"},
                "products": {
                    "in": "data.lines", "product_id": "sku", "quantity": "count", "price": "cost",
                },
            },
            "customer.updated": {
                "customer": {
                    "external_id": "data.id", "email": "data.email",
                    "first_name": "data.first", "country": "data.land?", "city": "data.city?",
                },
                "at": "data.updated_at",
                "consent": {"email_marketing": "data.newsletter?"},
                "consent_at": "data.newsletter_at?",
            },
        }
    },
}  # fmt: skip


def recorded(shop: str, name: str) -> Any:
    return json.loads((RECORDED / shop / f"{name}.json").read_text())


def source(kind: str, *, slug: str = "", secret: str | None = None, **given: Any) -> Source:
    made = Source.objects.create(
        slug=slug or kind, name=kind.title(), kind=kind, **{"mapping": MAPPING[kind], **given}
    )
    known = GENERIC_SECRET if kind == "generic" else SECRET
    secrets.rotate(made, secret=secret or known, now=timezone.now())
    return made


def body_of(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def signed(body: bytes, key: bytes) -> str:
    return base64.b64encode(hmac.digest(key, body, hashlib.sha256)).decode()


def _post(client: Client, url: str, body: bytes, headers: Mapping[str, str], /) -> Any:
    return client.post(url, data=body, content_type="application/json", headers=dict(headers))


def shopify(
    client: Client,
    topic: str,
    payload: Any,
    *,
    id_: str = "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    secret: str = SECRET,
    prefix: str = "X-Shopify-",
    domain: str = DOMAIN,
    query: str = "",
    altered: bytes | None = None,
) -> Any:
    body = body_of(payload)
    headers = {
        f"{prefix}Topic": topic,
        f"{prefix}Hmac-Sha256": signed(body, secret.encode()),
        f"{prefix}Shop-Domain": domain,
        f"{prefix}API-Version": "2026-01",
        f"{prefix}Webhook-Id": id_,
        f"{prefix}Triggered-At": "2026-03-01T18:00:27.877041743Z",
    }
    sent = body if altered is None else altered
    return _post(client, f"/webhooks/shopify/{query}", sent, headers)


def woocommerce(
    client: Client, topic: str, payload: Any, *, id_: str = "4c1d4ef5", secret: str = SECRET
) -> Any:
    body = body_of(payload)
    resource, _, event = topic.partition(".")
    headers = {
        "X-WC-Webhook-Source": "https://shop.example/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": signed(body, secret.encode()),
        "X-WC-Webhook-ID": "142",
        "X-WC-Webhook-Delivery-ID": id_,
    }
    return _post(client, "/webhooks/woocommerce/", body, headers)


def hubspot(
    client: Client,
    payload: Any,
    *,
    now: datetime | None = None,
    secret: str = SECRET,
    host: str = "",
    query: str = "",
) -> Any:
    body = body_of(payload)
    millis = str(int((now or timezone.now()).timestamp() * 1000))
    path = f"/webhooks/hubspot/{query}"
    url = f"{host or settings.PUBLIC_URL}{path}"
    base = b"POST" + url.encode() + body + millis.encode()
    headers = {
        "X-HubSpot-Signature-v3": signed(base, secret.encode()),
        "X-HubSpot-Request-Timestamp": millis,
    }
    return _post(client, path, body, headers)


def generic(
    client: Client,
    payload: Any,
    *,
    id_: str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    now: datetime | None = None,
    slug: str = "generic",
    secret: str = GENERIC_SECRET,
) -> Any:
    body = body_of(payload)
    seconds = str(int((now or timezone.now()).timestamp()))
    base = f"{id_}.{seconds}.".encode() + body
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": seconds,
        "webhook-signature": "v1," + signed(base, secrets.standard_key(secret)),
    }
    return _post(client, f"/webhooks/generic/{slug}/", body, headers)


def work() -> Worked:
    """Work on all that waits as if it came on the day of the recordings; apply the events of it."""
    WebhookDelivery.objects.filter(state="waiting").update(received_at=NOON)
    total = Worked()
    while (done := deliveries.work(now=NOON)).taken:
        total += done
    apply_all(now=NOON)
    return total


def tell(client: Client, shop: str, *stories: tuple[str, Any]) -> list[WebhookDelivery]:
    """Send recorded bodies one after the other and work on each; return the deliveries.

    A story is a topic and the name of a recording, or the body itself.
    """
    send = partial(shopify if shop == "shopify" else woocommerce, client)
    found = []
    for topic, told in stories:
        payload = recorded(shop, told) if isinstance(told, str) else told
        id_ = f"delivery-{WebhookDelivery.objects.count()}"
        assert send(topic, payload, id_=id_).status_code == 200
        work()
        found.append(WebhookDelivery.objects.get(delivery_id=id_))
    return found


TOPICS: Mapping[str, tuple[str, ...]] = {
    "shopify": shopify_adapter.TOPICS,
    "woocommerce": woocommerce_adapter.TOPICS,
    "hubspot": hubspot_adapter.TOPICS,
    "generic": ("order.paid", "customer.updated"),
}
KEYS = st.sampled_from(
    (
        *("id", "email", "customer", "line_items", "refunds", "updated_at", "created_at"),
        *("variants", "price", "product_id", "quantity", "total_price", "customer_id", "token"),
        *("billing", "date_modified_gmt", "status", "total", "objectId", "propertyName"),
        *("propertyValue", "occurredAt", "data", "lines", "transactions", "order_id"),
        *("email_marketing_consent", "state", "consent_updated_at", "default_address", "tags"),
    )
)
_ODD: tuple[Any, ...] = (
    None, True, -1, 0, 10**18, 1e300, "", "x", "\u0000", "a" * 5000, "@", "bob@x.example",
    "2026-03-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00", [], {}, [[]], [None],
    {"id": 1}, [{"id": 1}],
)  # fmt: skip


def any_recorded(kind: str, topic: str) -> Any:
    """A body of a topic; of HubSpot one event of a notification."""
    if kind == "hubspot":
        return recorded("hubspot", "changes")[0]
    path = RECORDED / kind / f"{topic.replace('/', '_').replace('.', '_')}.json"
    return json.loads(path.read_text()) if path.exists() else recorded(kind, _LIKE[kind])


_LIKE = {"shopify": "customers_create", "woocommerce": "product_created"}


@st.composite
def changed(draw: st.DrawFn, body: Any) -> Any:
    """The body with one value somewhere in it replaced by an odd one, or left out."""
    places = list(_places(body))
    holder, key = draw(st.sampled_from(places))
    if isinstance(holder, dict) and draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = draw(st.sampled_from(_ODD))
    return body


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in list(items):
        yield value, key
        if isinstance(each, dict | list):
            yield from _places(each)

"""From an SDK's request to stored events: applied once, whatever is sent again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from consent.models import ConsentState
from personalization.models import Event, InboxEvent, Order
from tests.personalization.collector_support import post, recorded, send, source, track
from tests.personalization.ground import apply_all

CONSENT = {"consent": {"categoryPreferences": {"profiling": True}}}


def replay(name: str) -> None:
    for request in recorded(name):
        assert send(request).status_code == 200


def test_an_order_of_segments_client_is_stored_once(db: None) -> None:
    source()
    replay("segment_python")
    first = apply_all(now=timezone.now())

    replay("segment_python")
    second = apply_all(now=timezone.now())

    assert first.quarantined == second.quarantined == second.stored == 0
    order = Order.objects.get()
    assert (order.order_id, order.currency) == ("O-1", "EUR")
    assert Event.objects.get().name == "Order Completed"
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize("name", ["rudder_python", "segment_node", "posthog_node", "jitsu_node"])
def test_browsing_is_kept_with_consent_only(db: None, name: str) -> None:
    source()
    replay(name)
    assert apply_all(now=timezone.now()).refused
    assert not Event.objects.exists()

    post("/v1/track", track("yes", event="Order Completed", context=CONSENT))
    post("/v1/track", track("later", context={}))
    apply_all(now=timezone.now())

    assert ConsentState.objects.get().is_granted
    assert set(Event.objects.values_list("name", flat=True)) == {
        "Order Completed", "Product Viewed",
    }  # fmt: skip


def test_a_late_event_finds_its_own_time(db: None) -> None:
    source()
    now = timezone.now()
    at = {"timestamp": (now - timedelta(days=40)).isoformat(), "sentAt": now.isoformat()}

    post("/v1/track", track("m1", event="Order Completed", **at))
    apply_all(now=timezone.now())

    stored = Event.objects.get()
    assert abs(stored.occurred_at - (now - timedelta(days=40))) < timedelta(seconds=5)

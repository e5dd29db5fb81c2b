"""What stands in the properties of an event may be made to be slow, or to name somebody."""

from typing import Any

import orjson
import pytest

from personalization.importing import event_rows
from personalization.importing.rows import Row
from personalization.importing.values import CellError
from tests.consent.people import NOON


def properties(**given: Any) -> dict[str, Any]:
    values = {
        "message_id": "m1",
        "event": "Product Viewed",
        "external_id": "C-1",
        "timestamp": NOON.isoformat(),
        "properties": given,
    }
    kept: dict[str, Any] = orjson.loads(event_rows.read(Row(1, values), now=NOON).properties)
    return kept


@pytest.mark.parametrize("part", ["a%40", "a@", "a@b.", "%40a.", "@", "a.a%40"])
def test_a_text_of_half_addresses_is_looked_through_in_no_time(part: str) -> None:
    # Cubic work on so much would take minutes, and the suite would stand still here.
    hostile = part * (30_000 // len(part))

    assert set(properties(note=hostile)) == {"note"}


def test_addresses_are_cut_out_of_texts_wherever_they_stand() -> None:
    kept = properties(
        a="anna@example.com",
        b="write to anna%40example.com today",
        c="/search?mail=anna@example.co.uk&x=1",
        d="x" * 300 + " anna@example.com",
        e="half@home",
    )

    assert kept == dict.fromkeys("abcd", "[removed]") | {"e": "half@home"}


def test_properties_called_by_an_address_or_holding_a_network_address_are_left_out() -> None:
    kept = properties(
        **{"anna@example.com": 1, "anna%40example.com": 2, "clientIp": "203.0.113.9"},
        remote_addr="203.0.113.9",
        user_ip="203.0.113.9",
        colour="red",
    )

    assert kept == {"colour": "red"}


def test_an_endless_price_is_refused_and_not_remembered() -> None:
    before = event_rows._price_text.cache_info().currsize

    with pytest.raises(CellError, match="is not a number"):
        properties(product_id="P1", price="1" * 30_000)

    assert event_rows._price_text.cache_info().currsize == before

"""What the condition builder is told: sentence, numbers, people, values, why somebody is in."""

from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from consent.models import AuditEntry
from personalization.models import CustomerProfile, Segment
from personalization.segments import counts
from tests.campaigns.factories import NOON, person
from tests.personalization.factories import FRENCH, GERMANS, client_of, event, segment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]

BROKEN = {"all": [{"field": "attributes.country"}]}


def ask(client: Client, door: str, **body: object) -> Any:
    url = reverse(f"admin:personalization_segment_{door}")
    return client.post(url, body, content_type="application/json")


def germans_and_french(*countries: str) -> None:
    for number, country in enumerate(countries or ("DE", "DE", "FR")):
        person(number, country=country)


def test_a_condition_is_told_and_counted() -> None:
    germans_and_french()

    answer = ask(client_of("marketer"), "preview", tree=GERMANS).json()

    assert answer == {
        "sentence": "Customers whose country is “DE”.",
        "problems": [],
        "count": 2,
        "low": 2,
        "high": 2,
        "total": 3,
        "is_exact": True,
    }


def test_a_big_audience_is_estimated_with_its_interval_and_then_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    germans_and_french(*["DE"] * 6, *["FR"] * 6)
    monkeypatch.setattr(counts, "SAMPLE", 8)
    client = client_of("marketer")

    about = ask(client, "preview", tree=GERMANS).json()
    exact = ask(client, "exact", tree=GERMANS).json()

    assert about["is_exact"] is False
    assert about["low"] <= 6 <= about["high"]
    assert exact == {"count": 6}


def test_a_fault_comes_back_with_its_path_and_is_not_counted() -> None:
    client = client_of("marketer")

    answer = ask(client, "preview", tree=BROKEN).json()

    assert answer["count"] is None
    assert answer["problems"][0]["path"] == "all[0].op"
    assert ask(client, "exact", tree=BROKEN).json() == {"count": None}
    assert ask(client, "parts", tree=BROKEN).json() == {"parts": {}, "total": 0}
    assert ask(client, "people", tree=BROKEN).json()["people"] == []


def test_a_segment_that_cannot_be_used_is_named_and_nobody_is_counted() -> None:
    germans_and_french()
    client, inner = client_of("marketer"), segment()
    others = {"all": [FRENCH, {"not": {"segment": inner.slug}}]}
    assert ask(client, "preview", tree=others).json()["count"] == 1

    for change, words in (
        ({"broken_since": NOON}, "is broken"),
        ({"is_archived": True}, "is archived"),
        ({"live": None, "is_archived": False}, "has no live version"),
    ):
        Segment.objects.filter(pk=inner.pk).update(**change)
        answer = ask(client, "preview", tree=others).json()

        (problem,) = answer["problems"]
        assert (problem["path"], answer["count"]) == ("all[1].not", None)
        assert words in problem["message"]
    assert ask(client, "exact", tree=others).json() == {"count": None}


@pytest.mark.parametrize("body", [b"", b"[1]", b'"text"', b"{", b"\xff\xfe"])
@pytest.mark.parametrize(
    "door", ["preview", "exact", "parts", "people", "changes", "values", "trace"]
)
def test_a_body_that_is_no_object_gets_an_answer(door: str, body: bytes) -> None:
    url = reverse(f"admin:personalization_segment_{door}")

    answer = client_of("marketer").post(url, body, content_type="application/json")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "door", ["preview", "exact", "parts", "people", "changes", "values", "trace"]
)
def test_a_stranger_to_segments_is_refused_and_an_address_answers_nothing(
    client: Client, django_user_model: Any, door: str
) -> None:
    client.force_login(django_user_model.objects.create_user("nobody", is_staff=True))

    assert ask(client, door, tree=GERMANS).status_code == 403
    url = reverse(f"admin:personalization_segment_{door}")
    assert client_of("marketer").get(url).status_code == 405


def test_each_condition_is_counted_by_itself() -> None:
    germans_and_french()
    tree = {"all": [GERMANS, {"not": FRENCH}]}

    answer = ask(client_of("marketer"), "parts", tree=tree).json()

    assert answer["total"] == 3
    found = {path: part["value"] for path, part in answer["parts"].items()}
    assert found == {"": 2, "all[0]": 2, "all[1]": 2, "all[1].not": 1}


def test_people_are_masked_and_lead_to_their_page() -> None:
    germans_and_french()

    answer = ask(client_of("marketer"), "people", tree=GERMANS, in_clear=True).json()

    assert {each["title"] for each in answer["people"]} == {"A*** B***"}
    assert {each["place"] for each in answer["people"]} == {"Berlin, DE"}
    assert answer["people"][0]["url"].startswith("/admin/personalization/customerprofile/")
    assert not AuditEntry.objects.filter(action="personal_data.view").exists()


def test_names_in_clear_are_for_who_may_see_them_and_are_noted() -> None:
    germans_and_french()
    client = client_of("admin")

    masked = ask(client, "people", tree=GERMANS).json()
    clear = ask(client, "people", tree=GERMANS, in_clear=True).json()

    assert masked["people"][0]["title"] == "A*** B***"
    assert clear["people"][0]["title"] == "Anna Berg"
    assert AuditEntry.objects.get(action="personal_data.view").detail["count"] == 2


def test_a_sample_has_ten_people_at_most() -> None:
    germans_and_french(*["DE"] * 12)

    assert len(ask(client_of("marketer"), "people", tree=GERMANS).json()["people"]) == 10


def test_it_says_who_would_enter_and_leave_a_live_segment() -> None:
    germans_and_french("DE", "DE", "FR", "FR", "FR")
    live = segment()

    answer = ask(client_of("marketer"), "changes", tree=FRENCH, segment=str(live.pk)).json()

    assert (answer["entering"]["count"], answer["leaving"]["count"]) == (3, 2)


def test_it_shows_some_of_who_would_enter_or_leave_masked() -> None:
    germans_and_french("DE", "DE", "FR", "FR", "FR")
    live = segment()
    door = partial(ask, client_of("marketer"), "people", tree=FRENCH)

    shown = {
        change: door(segment=str(live.pk), change=change).json()["people"]
        for change in ("entering", "leaving", "nothing")
    }

    assert {change: len(people) for change, people in shown.items()} == {
        "entering": 3, "leaving": 2, "nothing": 0,
    }  # fmt: skip
    assert {each["place"] for each in shown["leaving"]} == {"Berlin, DE"}
    assert {each["title"] for each in shown["leaving"]} == {"A*** B***"}
    assert door(segment="none", change="entering").json()["people"] == []


def test_a_segment_that_is_not_live_has_nothing_to_be_compared_with() -> None:
    answer = ask(client_of("marketer"), "changes", tree=FRENCH, segment="none").json()

    assert answer == {"entering": None, "leaving": None}


def test_values_are_offered_with_how_often_they_occur() -> None:
    germans_and_french(*["DE"] * 4, *["FR"] * 3, "XX")

    answer = ask(client_of("marketer"), "values", field="attributes.country", term="").json()

    assert answer["values"] == [
        {"value": "DE", "label": "DE", "count": 4},
        {"value": "FR", "label": "FR", "count": 3},
    ]


def test_it_says_part_by_part_why_a_customer_is_out() -> None:
    subject = person(1)
    event(subject.pk, at=NOON, name="Order Completed")
    tree = {
        "all": [GERMANS, {"event": "Order Completed", "count": {"op": "gte", "value": 3}},
                {"field": "traits.order_count", "op": "gte", "value": 1}]
    }  # fmt: skip

    answer = ask(client_of("marketer"), "trace", tree=tree, term="anna1@example.com").json()

    assert answer["is_in"] is False
    assert answer["person"]["title"] == "A*** B***"
    found = {path: (part["outcome"], part["seen"]) for path, part in answer["trace"].items()}
    assert found == {
        "": ("false", ""),
        "all[0]": ("true", "DE"),
        "all[1]": ("false", "1"),
        "all[2]": ("absent", ""),
    }
    assert answer["trace"]["all[1]"]["age"].endswith("ago")
    assert AuditEntry.objects.get(action="condition.trace").object_id == str(subject.pk)


def test_a_value_is_traced_with_its_age() -> None:
    subject = person(1)
    origins = {"attributes.country": {"source": "shop", "at": "2020-01-01T00:00:00+00:00"}}
    CustomerProfile.objects.filter(pk=subject.pk).update(origins=origins)

    answer = ask(client_of("marketer"), "trace", tree=GERMANS, term="C1").json()

    assert "years ago" in answer["trace"][""]["age"].replace("\xa0", " ")


def test_nobody_is_found_by_a_part_of_an_address() -> None:
    person(1)

    answer = ask(client_of("marketer"), "trace", tree=GERMANS, term="anna1").json()

    assert answer == {"error": "Nobody has this number or address. Enter it whole."}

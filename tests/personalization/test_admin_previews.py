"""What editors are told while one types: sentence, count, masked sample, rendered content."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from personalization.conditions.to_sql import SqlCondition
from personalization.segments import counts
from personalization.segments import preview as previews
from tests.campaigns.factories import NOON, person
from tests.personalization.factories import GERMANS, client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


def ask(client: Client, tree: object) -> Any:
    body = {"tree": tree}
    return client.post(
        reverse("admin:personalization_segment_preview"), body, content_type="application/json"
    )


def test_a_condition_is_told_counted_and_sampled_with_masked_names() -> None:
    for number, country in enumerate(("DE", "DE", "FR")):
        person(number, country=country)

    answer = ask(client_of("admin"), GERMANS).json()

    assert answer["sentence"] == "Customers whose country is “DE”."
    assert (answer["count"], answer["total"]) == (2, 3)
    assert {each["title"] for each in answer["sample"]} == {"A*** B***"}
    assert answer["problems"] == []


def test_a_fault_comes_back_with_its_path() -> None:
    answer = ask(client_of("marketer"), {"all": [{"field": "attributes.country"}]}).json()

    assert answer["count"] is None
    assert answer["problems"][0]["path"] == "all[0].op"


@pytest.mark.parametrize("body", [b"", b"[1]", b'"text"', b"{", b"\xff\xfe"])
def test_a_body_that_is_no_object_gets_an_answer(body: bytes) -> None:
    answer = client_of("marketer").post(
        reverse("admin:personalization_segment_preview"), body, content_type="application/json"
    )

    assert answer.status_code == 200
    assert answer.json()["problems"]


def test_a_stranger_to_segments_is_refused(client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("nobody", is_staff=True))

    assert ask(client, GERMANS).status_code == 403


def test_a_condition_that_takes_too_long_is_told_but_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person()
    monkeypatch.setattr(previews, "PATIENCE_MILLISECONDS", 1)
    # It sleeps for each row, so it takes longer than allowed on any machine.
    slow = "CREATE FUNCTION pg_temp.wait() RETURNS boolean LANGUAGE plpgsql AS "
    with connection.cursor() as cursor:
        cursor.execute(f"{slow} $$ BEGIN PERFORM pg_sleep(1); RETURN true; END $$")
    slow_condition = SqlCondition("pg_temp.wait()")
    monkeypatch.setattr(counts, "_compiled", lambda node, *, known, now: slow_condition)

    found = previews.preview(GERMANS, now=NOON)

    assert found.sentence == "Customers whose country is “DE”."
    assert found.count is None


def test_a_block_is_rendered_for_a_known_and_an_unknown_reader() -> None:
    client = client_of("marketer")
    url = reverse("admin:personalization_contentblock_preview")
    content = {"html": "<p>{{ customer.first_name | default: 'there' }}</p>", "text": "x"}

    known = client.post(url, {**content, "reader": "known"}, content_type="application/json")
    unknown = client.post(url, {**content, "reader": "unknown"}, content_type="application/json")

    assert known.json()["html"] == "<p>Anna</p>"
    assert unknown.json()["html"] == "<p>there</p>"


def test_a_fault_in_a_block_names_part_line_and_column() -> None:
    url = reverse("admin:personalization_contentblock_preview")
    content = {"html": "<p>\n  {{ customer.firstname }}</p>", "text": "x"}

    answer = client_of("marketer").post(url, content, content_type="application/json").json()

    problem = answer["problems"][0]
    assert (problem["path"], problem["line"], problem["column"]) == ("html", 2, 6)
    assert "customer.first_name" in problem["message"]

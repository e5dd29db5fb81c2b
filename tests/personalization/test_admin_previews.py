"""What the block editor is told while one types: the rendered content, or what is wrong where."""

import pytest
from django.urls import reverse

from tests.personalization.factories import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


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

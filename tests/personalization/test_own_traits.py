"""A trait a marketer defined stands in the editors' lists, and its value in every mail."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from campaigns.rendering import publish as templates
from campaigns.rendering.preview import preview
from campaigns.sending import lifecycle, pipeline
from consent.models import DataSubject
from personalization import traits
from personalization.content import blocks
from personalization.models import ContentBlock, CustomerProfile, Field
from personalization.serving import ready
from personalization.versions import ContentInvalid
from tests.campaigns import factories as make
from tests.campaigns.admin_support import client_of, page
from tests.campaigns.factories import NOON, TEMPLATE, MemoryBackend
from tests.personalization import decision_support
from tests.personalization.trait_worlds import happened

pytestmark = pytest.mark.django_db

TEXT = "Looked {{ traits.views_30d | default: 0 }} times"


def views() -> Field:
    """How often somebody looked at products within 30 days, as the field catalogue defines it."""
    window = {"event": "Product Viewed", "function": "count", "property": "", "days": 30}
    return Field.objects.create(
        kind="traits",
        name="views_30d",
        label="Views of a month",
        type="number",
        unit="products",
        purpose_id="profiling",
        definition=window,
    )


def looked(subject: DataSubject, *, times: int, now: datetime) -> None:
    for hours in range(1, times + 1):
        happened(subject.pk, "Product Viewed", at=now - timedelta(hours=hours))
    traits.compute(now=now)


def with_hero(text: str, *, now: datetime) -> None:
    variants = [
        {"key": key, "name": key, "html": f"<p>{text}</p>", "text": text}
        for key in ("german", "general")
    ]
    blocks.publisher.publish(
        ContentBlock.objects.get(slug="hero"),
        content={"variants": variants, "fallback": "general"},
        now=now,
    )


def mails_of(campaign: Campaign) -> dict[str, str]:
    backend = MemoryBackend()
    lifecycle.launch(campaign, now=NOON)
    pipeline.run_chunk(campaign, backend=backend, now=NOON)
    return {mail.recipient: mail.content.decode() for mail in backend.outbox}


def test_a_send_prints_the_own_value_of_each_and_nothing_of_who_refused_its_purpose() -> None:
    views()
    busy = make.person(1)
    make.person(2)
    refused = make.person(3, granted=("email_marketing", "email_tracking"))
    looked(busy, times=4, now=NOON)
    # As if they had taken their consent back a moment ago: the table still has the value.
    CustomerProfile.objects.filter(pk=refused.pk).update(traits={"views_30d": 9})
    campaign = make.campaign()
    with_hero(TEXT, now=NOON)

    mails = mails_of(campaign)

    assert {who: f"Looked {times} times" in mails[who] for who, times in (
        ("anna1@example.com", 4), ("anna2@example.com", 0), ("anna3@example.com", 0)
    )} == dict.fromkeys(mails, True)  # fmt: skip
    assert len(mails) == 3


def test_it_takes_no_query_more_however_many_people_have_a_value() -> None:
    def queries(slug: str) -> int:
        campaign = make.campaign(slug=slug)
        lifecycle.launch(campaign, now=NOON)
        with CaptureQueriesContext(connection) as captured:
            pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)
        return len(captured)

    make.people(8)
    queries("first")
    without = queries("without")
    views()
    CustomerProfile.objects.update(traits={"views_30d": 2})
    with_hero(TEXT, now=NOON)

    assert queries("with") == without


@pytest.mark.usefixtures("served_afresh")
def test_the_send_time_api_prints_it_too() -> None:
    now = timezone.now()
    views()
    anna, _ = decision_support.people()
    looked(anna, times=2, now=now)
    decision_support.slot()
    with_hero(TEXT, now=now)
    ready.forget()

    assert decision_support.get(external_id="C1").json()["text"] == "Looked 2 times"
    assert decision_support.get(external_id="C2").json()["text"] == "Looked 0 times"


def test_a_template_may_name_it_once_it_is_defined_and_a_sensitive_one_never() -> None:
    content: dict[str, Any] = {**TEMPLATE, "subject": "{{ traits.views_30d }} views"}
    with pytest.raises(ContentInvalid, match="views_30d"):
        templates.prepare(content)

    field = views()
    assert templates.prepare(content)["subject"] == content["subject"]

    Field.objects.filter(pk=field.pk).update(is_sensitive=True)
    with pytest.raises(ContentInvalid, match="views_30d"):
        templates.prepare(content)


def test_a_preview_for_a_made_up_reader_shows_an_example() -> None:
    views()
    make.campaign()
    content = {**TEMPLATE, "subject": "{{ traits.views_30d | default: 0 }} views"}

    assert preview(content, reader="known").subject == "3 views"
    assert preview(content, reader="unknown").subject == "0 views"


@pytest.mark.usefixtures("roles")
def test_the_editors_list_it_with_its_label_and_unit() -> None:
    views()
    client = client_of("marketer")

    for address in ("admin:campaigns_template_add", "admin:personalization_contentblock_add"):
        listed = page(client, reverse(address))
        assert "traits.views_30d" in listed
        assert "views of a month, in products" in listed

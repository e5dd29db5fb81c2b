"""Every list of personalization: the same number of queries for few and many rows, and a lesson."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from consent.models import Purpose
from personalization.models import (
    Field,
    InboxEvent,
    Product,
    RecommendationModel,
    RuleSet,
    Segment,
    Source,
)
from tests.campaigns.factories import product
from tests.personalization.factories import block, client_of, event, queries, ruleset, segment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


def list_of(model: str) -> str:
    return reverse(f"admin:personalization_{model}_changelist")


def a_field(number: int) -> None:
    purpose = Purpose.objects.get(code="profiling")
    Field.objects.create(
        kind="traits", name=f"x{number}", label=f"X {number}", type="number", purpose=purpose
    )


def an_inbox_event(number: int) -> None:
    source, _ = Source.objects.get_or_create(slug="shop", defaults={"name": "Shop"})
    now = timezone.now()
    InboxEvent.objects.create(
        source=source,
        message_id=f"m{number}",
        payload=b"sealed",
        received_at=now,
        quarantined_at=now,
        reason="“timestamp” is not a time",
    )


def a_model(number: int) -> None:
    RecommendationModel.objects.create(
        number=number, trained_at=timezone.now(), metrics={"products": 5}, payload=b"npz"
    )


def a_ruleset(number: int) -> None:
    if number == 0:
        block()
    ruleset(f"rules-{number}")


MAKERS: dict[str, Callable[[int], object]] = {
    "product": product,
    "event": lambda number: event(1, at=timezone.now() - timedelta(hours=number)),
    "inboxevent": an_inbox_event,
    "source": lambda number: Source.objects.create(slug=f"s{number}", name=f"S {number}"),
    "field": a_field,
    "recommendationmodel": a_model,
    "segment": lambda number: segment(f"s{number}"),
    "ruleset": a_ruleset,
    "contentblock": lambda number: block(f"b{number}"),
}


@pytest.mark.parametrize("model", MAKERS)
def test_a_list_takes_the_same_queries_for_2_and_for_12_rows(model: str) -> None:
    client = client_of("admin")
    counts = []
    for numbers in (range(2), range(2, 12)):
        for number in numbers:
            MAKERS[model](number)
        cache.clear()  # the names of events are remembered for a minute
        counts.append(queries(client, list_of(model)))

    assert counts[0] == counts[1]
    assert counts[0] < 20


@pytest.mark.parametrize(
    "model", ["product", "event", "inboxevent", "recommendationmodel", "segment", "ruleset"]
)
def test_an_empty_list_teaches_what_belongs_there(model: str) -> None:
    answer = client_of("admin").get(list_of(model))

    lesson = answer.context["cl"].model_admin.empty_state
    assert lesson["title"] in answer.content.decode()


def test_a_search_without_result_does_not_pretend_the_list_is_empty() -> None:
    product()

    shown = client_of("marketer").get(list_of("product"), {"q": "nothing"}).content.decode()

    assert "Nothing fits" in shown
    assert "No products yet" not in shown


def test_events_show_the_last_30_days_unless_asked_otherwise() -> None:
    now = timezone.now()
    recent, old = event(1, at=now - timedelta(days=2)), event(1, at=now - timedelta(days=60))
    client = client_of("analyst")

    by_default = client.get(list_of("event")).context["cl"].result_list
    for_a_year = client.get(list_of("event"), {"days": "365"}).context["cl"].result_list
    nonsense = client.get(list_of("event"), {"days": "x"}).context["cl"].result_list

    assert [each.pk for each in by_default] == [recent.pk]
    assert [each.pk for each in for_a_year] == [recent.pk, old.pk]
    assert [each.pk for each in nonsense] == [recent.pk]


def test_events_can_be_filtered_by_name() -> None:
    now = timezone.now()
    event(1, at=now - timedelta(hours=1))
    added = event(1, at=now - timedelta(hours=2), name="Product Added")

    found = client_of("analyst").get(list_of("event"), {"name": "Product Added"}).context["cl"]

    assert [each.pk for each in found.result_list] == [added.pk]


@pytest.mark.parametrize("model", ["event", "inboxevent", "recommendationmodel"])
@pytest.mark.parametrize("role", ["admin", "marketer"])
def test_nobody_writes_what_machines_wrote(model: str, role: str) -> None:
    MAKERS[model](1)
    row = apps.get_model("personalization", model)._default_manager.get()
    client = client_of(role)

    answers = [
        client.post(reverse(f"admin:personalization_{model}_{what}", args=args), {"post": "yes"})
        for what, args in (("add", []), ("change", [row.pk]), ("delete", [row.pk]))
    ]

    assert {answer.status_code for answer in answers} == {403}


def test_quarantine_shows_the_reason_and_keeps_the_payload_sealed() -> None:
    an_inbox_event(1)
    row = InboxEvent.objects.get()

    page = client_of("marketer").get(
        reverse("admin:personalization_inboxevent_change", args=[row.pk])
    )

    assert "“timestamp” is not a time" in page.content.decode()
    assert "sealed" not in page.content.decode()


def test_a_model_shows_its_figures() -> None:
    a_model(1)
    row = RecommendationModel.objects.get()
    row.metrics = {"hit_rate_20": 0.2338, "products": 31975}
    row.save()

    page = client_of("analyst").get(
        reverse("admin:personalization_recommendationmodel_change", args=[row.pk])
    )

    assert "23.4%" in page.content.decode()
    assert "31,975" in page.content.decode()


def test_a_product_can_be_switched_off_by_a_marketer() -> None:
    boots = product()
    url = reverse("admin:personalization_product_change", args=[boots.pk])
    data = {
        "product_id": boots.product_id,
        "name": boots.name,
        "category": "boots",
        "price": "19.90",
        "currency": "USD",
        "attributes": "{}",
    }

    answer = client_of("marketer").post(url, data)

    assert answer.status_code == 302
    assert Product.objects.get().is_active is False


def test_the_path_and_type_of_a_field_stay() -> None:
    field = Field.objects.get(kind="traits", name="order_count")
    url = reverse("admin:personalization_field_change", args=[field.pk])

    client_of("compliance").post(
        url, {"label": "Orders", "purpose": "profiling", "name": "other", "type": "text"}
    )

    field.refresh_from_db()
    assert (field.label, field.name, field.type) == ("Orders", "order_count", "number")


def test_lists_of_what_decides_name_live_and_draft_versions() -> None:
    block()
    rules = ruleset()
    segment()

    rulesets = client_of("marketer").get(list_of("ruleset")).content.decode()

    assert "Live · v1" in rulesets
    assert RuleSet.objects.get().pk == rules.pk
    assert Segment.objects.count() == 1

"""The same person? Both are shown, a human decides, and what was decided can be undone."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent.identify import Names
from consent.models import AuditEntry, DataSubject, Merge, MergeProposal
from personalization import merging
from personalization.merging import merge as joining
from personalization.models import CustomerProfile, Field
from tests.campaigns.factories import SOURCE, order, person, product
from tests.personalization.factories import client_of, event, queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]
LIST = reverse("admin:consent_mergeproposal_changelist")
MERGES = reverse("admin:consent_merge_changelist")


def proposal() -> tuple[MergeProposal, DataSubject, DataSubject]:
    """Anna 1 and Anna 2, whom the shop calls one."""
    first, second = person(1), person(2)
    order(second, product(), at=timezone.now() - timedelta(days=1))
    torn = Names(external_id="C1", email="anna2@example.com")
    merging.resolve([torn], source=SOURCE, now=timezone.now())
    return MergeProposal.objects.get(), first, second


def page(row: MergeProposal | Merge) -> str:
    return reverse(f"admin:consent_{row._meta.model_name}_change", args=[row.pk])


def decide(row: MergeProposal, client: Client, **given: str) -> str:
    url = reverse("admin:consent_mergeproposal_decide", args=[row.pk])
    answer = client.post(url, given, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def customer(pk: int) -> str:
    return reverse("admin:personalization_customerprofile_change", args=[pk])


def test_both_people_are_shown_side_by_side_and_masked() -> None:
    row, *_ = proposal()
    client = client_of("marketer")

    for url in (LIST, page(row)):
        text = shown(client, url)
        assert "anna1@example.com" not in text
        assert "a***@e***.com" in text


def test_who_may_decide_sees_what_a_merge_does_before_it_is_done() -> None:
    row, first, second = proposal()
    client = client_of("compliance")
    assert "anna2@example.com" in shown(client, page(row))

    asked = decide(row, client, answer="merge", keep="first")

    assert "Make them one customer?" in asked
    assert not Merge.objects.exists()
    decide(row, client, answer="merge", keep="first", sure="yes")
    made = Merge.objects.get()
    assert (made.kept_id, made.absorbed_id, made.reason) == (first.pk, second.pk, "decided")
    assert made.actor is not None
    assert MergeProposal.objects.get().state == "merged"
    assert AuditEntry.objects.filter(action="identity.merge", actor=made.actor).exists()


def test_the_other_one_can_be_kept() -> None:
    row, first, second = proposal()

    decide(row, client_of("admin"), answer="merge", keep="second", sure="yes")

    assert (Merge.objects.get().kept_id, Merge.objects.get().absorbed_id) == (second.pk, first.pk)


def test_who_is_not_the_same_is_not_asked_about_again() -> None:
    row, *_ = proposal()

    decide(row, client_of("compliance"), answer="reject")

    assert MergeProposal.objects.get().state == "rejected"
    assert not Merge.objects.exists()


@pytest.mark.parametrize("role", ["marketer", "analyst", "approver"])
def test_nobody_else_may_decide_or_undo(role: str) -> None:
    row, first, second = proposal()
    made = joining.merge(
        first.pk, second.pk, reason="decided", source="", actor=None, now=timezone.now()
    )
    client = client_of(role)

    for url in (
        reverse("admin:consent_mergeproposal_decide", args=[row.pk]),
        reverse("admin:consent_merge_undo", args=[made.pk]),
    ):
        assert client.get(url).status_code in (403, 405)
        assert client.post(url, {"answer": "merge", "sure": "yes"}).status_code == 403
    assert Merge.objects.get().undone_at is None


def test_a_merge_is_undone_from_its_page_once() -> None:
    _, first, second = proposal()
    made = joining.merge(
        first.pk, second.pk, reason="decided", source="", actor=None, now=timezone.now()
    )
    client = client_of("compliance")
    url = reverse("admin:consent_merge_undo", args=[made.pk])
    assert "Undo: they are two" in shown(client, page(made))

    client.post(url)
    again = client.post(url, follow=True).content.decode()

    assert "parted before" in again
    assert AuditEntry.objects.filter(action="identity.part").count() == 1
    assert DataSubject.objects.get(pk=second.pk).merged_into is None
    assert "They are two again" in shown(client, page(made))


def test_lists_take_the_same_statements_for_few_and_for_many() -> None:
    client = client_of("compliance")
    counts: dict[str, list[int]] = {LIST: [], MERGES: []}
    for numbers in (range(2), range(2, 12)):
        for number in numbers:
            visitor, name = Names(anonymous_id=f"v{number}"), f"N{number}"
            lines = [visitor, Names(external_id=name, anonymous_id=f"v{number}")]
            torn = [
                Names(email=f"{name}@example.com"),
                Names(external_id=name, email=f"{name}@example.com"),
            ]
            merging.resolve([*lines, *torn], source=SOURCE, now=timezone.now())
        for url, found in counts.items():
            found.append(queries(client, url))

    assert MergeProposal.objects.count() == Merge.objects.count() == 12
    assert all(few == many for few, many in counts.values())


def test_the_page_of_a_customer_shows_all_they_are_known_by_and_where_it_leads_to() -> None:
    anna = person(1)
    merging.resolve(
        [Names(anonymous_id="visitor-7"), Names(external_id="C1", anonymous_id="visitor-7")],
        source=SOURCE,
        now=timezone.now(),
    )
    made = Merge.objects.get()

    text = shown(client_of("compliance"), customer(anna.pk))

    for part in ("visitor-7", "A browser or app", "anna1@example.com", "C1", page(made), "Undo"):
        assert part in text
    masked = shown(client_of("marketer"), customer(anna.pk))
    assert "visitor-7" not in masked


def test_a_merged_row_is_not_in_the_list_and_its_page_leads_to_the_customer() -> None:
    first, second = person(1), person(2)
    joining.merge(first.pk, second.pk, reason="decided", source="", actor=None, now=timezone.now())
    client = client_of("marketer")

    listed = client.get(reverse("admin:personalization_customerprofile_changelist"))

    assert [row.pk for row in listed.context["cl"].result_list] == [first.pk]
    assert customer(first.pk) in shown(client, customer(second.pk))


def test_a_sensitive_value_is_shown_only_to_who_may_see_personal_data() -> None:
    anna = person(1)
    Field.objects.create(
        kind="attributes", name="diet", label="Diet", type="text", purpose_id="profiling",
        is_sensitive=True,
    )  # fmt: skip
    CustomerProfile.objects.filter(pk=anna.pk).update(
        attributes={"diet": "lactose-free"},
        origins={"attributes.diet": {"source": "crm", "at": "2026-03-01T10:00:00+00:00"}},
    )

    assert "lactose-free" not in shown(client_of("marketer"), customer(anna.pk))
    seen = shown(client_of("compliance"), customer(anna.pk))
    assert "lactose-free" in seen
    assert "crm · 1 Mar 2026" in seen


def test_the_page_says_where_events_happened_and_what_is_left_of_orders() -> None:
    anna = person(1)
    now = timezone.now()
    context = {"page": {"path": "/boots"}, "campaign": {"source": "news", "name": "spring"}}
    event(anna.pk, at=now - timedelta(hours=1), context=context)

    text = shown(client_of("marketer"), customer(anna.pk))

    assert "<code>/boots</code> from news / spring" in text
    assert "<small>Shop</small>" in text


def test_who_looked_is_shown_to_who_may_see_the_log() -> None:
    anna = person(1)
    shown(client_of("compliance"), customer(anna.pk))

    assert "Who looked" in shown(client_of("admin"), customer(anna.pk))
    assert "Who looked" not in shown(client_of("marketer"), customer(anna.pk))

"""The admin of consent: ledgers nobody changes, masked subjects, suppressions by hash, jobs."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consent import audit, identity, jobs, suppression
from consent.models import AuditEntry, Job, JobError, Suppression
from tests.campaigns.factories import person
from tests.personalization.factories import client_of, queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def url(model: str, what: str = "changelist", *args: int) -> str:
    return reverse(f"admin:consent_{model}_{what}", args=args)


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def an_entry(number: int) -> None:
    audit.note("test.act", detail={"number": number})


MAKERS: dict[str, Callable[[int], object]] = {
    "datasubject": person,
    "consentrecord": person,
    "auditentry": an_entry,
    "purpose": person,
    "job": lambda number: JobError.objects.create(
        job=jobs.create("import", label=f"File {number}"), line=number, reason="no"
    ),
    "suppression": lambda number: suppression.suppress(
        address_hash=f"{number:064}", reason="manual", source="test", at=NOON
    ),
}


@pytest.mark.parametrize("model", MAKERS)
def test_a_list_takes_the_same_queries_for_2_and_for_12_rows(model: str) -> None:
    client = client_of("admin")
    counts = []
    for numbers in (range(2), range(2, 12)):
        for number in numbers:
            MAKERS[model](number)
        counts.append(queries(client, url(model)))

    assert counts[0] == counts[1]
    assert counts[0] < 20


@pytest.mark.parametrize("role", ["admin", "compliance", "marketer"])
@pytest.mark.parametrize("model", ["consentrecord", "auditentry", "datasubject"])
def test_nobody_adds_changes_or_deletes_a_ledger_row_not_even_by_hand(
    model: str, role: str
) -> None:
    person()
    an_entry(1)
    rows = apps.get_model("consent", model)._default_manager
    row, count = rows.order_by("pk").first(), rows.count()
    client = client_of(role)
    assert row is not None
    before = rows.filter(pk=row.pk).values().get()

    answers = [
        client.post(url(model, "add"), {"action": "granted"}),
        client.post(url(model, "change", row.pk), {"action": "granted"}),
        client.post(url(model, "delete", row.pk), {"post": "yes"}),
        client.post(
            url(model), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
        ),
    ]

    assert {answer.status_code for answer in answers[:3]} == {403}
    assert rows.count() == count
    assert rows.filter(pk=row.pk).values().get() == before


def test_identifiers_are_masked_without_the_permission() -> None:
    anna = person()
    client = client_of("compliance")
    in_clear = text(client, url("datasubject", "change", anna.pk))

    # An account that may see subjects, but not personal data.
    other = client_of("marketer")
    other_user = other.get(reverse("admin:index")).context["user"]
    other_user.user_permissions.add(*_permission("view_datasubject"))
    masked = text(other, url("datasubject", "change", anna.pk))

    assert "anna1@example.com" in in_clear
    assert "anna1@example.com" not in masked
    assert "a***@e***.com" in masked
    noted = AuditEntry.objects.filter(action="personal_data.view")
    assert [(each.pseudonym, each.actor.get_username()) for each in noted if each.actor] == [
        (anna.pseudonym, "compliance")
    ]


def test_subjects_are_found_by_their_whole_pseudonym_only() -> None:
    anna = person()
    client = client_of("compliance")

    whole = client.get(url("datasubject"), {"q": str(anna.pseudonym)})
    part = client.get(url("datasubject"), {"q": str(anna.pseudonym)[:8]})

    assert [each.pk for each in whole.context["cl"].result_list] == [anna.pk]
    assert list(part.context["cl"].result_list) == []


def test_a_subject_shows_each_purpose_with_what_was_said() -> None:
    anna = person(granted=["email_marketing"])

    shown = text(client_of("compliance"), url("datasubject", "change", anna.pk))

    assert shown.count("Never asked") == 2
    assert "Marketing email" in shown
    assert ">Living</span>" in shown


def test_an_address_is_suppressed_by_its_hash_and_kept_nowhere() -> None:
    client = client_of("compliance")

    answer = client.post(
        url("suppression", "add"), {"address": "Anna@Example.com", "source": "phone"}
    )

    entry = Suppression.objects.get()
    assert answer.status_code == 302
    assert entry.address_hash == identity.suppression_hash("anna@example.com")
    assert (entry.reason, entry.source, entry.lifted_at) == ("manual", "phone", None)
    assert "example" not in str(AuditEntry.objects.values_list("detail", flat=True))


def test_an_address_that_is_listed_already_stays_listed_once() -> None:
    client = client_of("compliance")

    for _ in range(2):
        client.post(url("suppression", "add"), {"address": "anna@example.com", "source": "phone"})

    assert Suppression.objects.count() == 1


def test_what_is_no_address_is_refused() -> None:
    answer = client_of("compliance").post(
        url("suppression", "add"), {"address": "anna@", "source": ""}
    )

    assert answer.status_code == 200
    assert not Suppression.objects.exists()


def test_a_suppression_is_lifted_with_a_reason_and_never_deleted() -> None:
    suppression.suppress(address_hash="1" * 64, reason="manual", source="test", at=NOON)
    entry = Suppression.objects.get()
    client = client_of("compliance")
    data = {"action": "lift", "_selected_action": entry.pk}

    asked = client.post(url("suppression"), data)
    entry.refresh_from_db()
    without_reason = entry.lifted_at
    client.post(url("suppression"), {**data, "why": "asked by phone"})
    deleted = client.post(url("suppression", "delete", entry.pk), {"post": "yes"})

    entry.refresh_from_db()
    assert "Why" in asked.content.decode()
    assert without_reason is None
    assert entry.lifted_at is not None
    assert AuditEntry.objects.get(action="suppression.lift").detail == {"why": "asked by phone"}
    assert deleted.status_code == 403


def test_a_marketer_cannot_lift() -> None:
    suppression.suppress(address_hash="1" * 64, reason="manual", source="test", at=NOON)
    entry = Suppression.objects.get()

    client_of("marketer").post(
        url("suppression"), {"action": "lift", "_selected_action": entry.pk, "why": "please"}
    )

    entry.refresh_from_db()
    assert entry.lifted_at is None


def test_what_an_erasure_suppressed_is_not_lifted() -> None:
    suppression.suppress(address_hash="1" * 64, reason="erased", source="test", at=NOON)
    entry = Suppression.objects.get()

    client_of("compliance").post(
        url("suppression"), {"action": "lift", "_selected_action": entry.pk, "why": "please"}
    )

    entry.refresh_from_db()
    assert entry.lifted_at is None


def test_a_running_job_is_asked_to_stop_and_shows_its_progress_and_refused_rows() -> None:
    job = Job.objects.create(kind="import", label="File", state="running", done=50, total=200)
    JobError.objects.create(job=job, line=7, column="email", reason="not an address")
    client = client_of("admin")

    client.post(url("job"), {"action": "cancel", "_selected_action": job.pk})

    job.refresh_from_db()
    page = text(client, url("job", "change", job.pk))
    assert job.cancel_asked
    assert 'value="25"' in page
    assert "not an address" in page


def test_a_marketer_cannot_stop_a_job() -> None:
    job = Job.objects.create(kind="import", state="running", started_at=timezone.now())

    client_of("marketer").post(url("job"), {"action": "cancel", "_selected_action": job.pk})

    job.refresh_from_db()
    assert not job.cancel_asked


def _permission(code: str) -> list[Permission]:
    return list(Permission.objects.filter(codename=code))

"""Customers come in by file: identity, sealed values, least data, consent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent import gate, identify, identity, ledger, suppression
from consent.models import ConsentRecord, ConsentState, DataSubject, Purpose
from personalization.importing.profile_store import PLACE
from personalization.importing.values import CellError
from personalization.models import CustomerProfile, Field, SegmentTouch
from tests.personalization.importing_support import NOON, YESTERDAY, Rejections, load

pytestmark = pytest.mark.django_db

ANNA = {
    "external_id": "C-1",
    "email": "Anna.Berg@Shop.example",
    "first_name": "Annabella",
    "last_name": "Bergmannova",
    "phone": "+49 151 5550123",
    "street": "Lindenallee 17",
    "city": "Bonn",
    "consent_email_marketing": "granted",
    "consent_profiling": "",
    "consent_source": "checkout form",
    "consent_at": YESTERDAY,
}


def subject_of(external_id: str, *, source: str = "shop") -> DataSubject:
    found = identify.find("external_id", external_id, source=source)
    assert found is not None
    return found


def personal_of(subject: DataSubject) -> dict[str, Any]:
    owner = str(subject.pseudonym)
    key = identity.unwrap(bytes(subject.wrapped_key or b""), pseudonym=owner)
    sealed = bytes(CustomerProfile.objects.get(pk=subject.pk).personal or b"")
    found: dict[str, Any] = orjson.loads(
        identity.open_sealed(sealed, key=key, place=PLACE, owner=owner)
    )
    return found


def test_customer_is_found_by_number_and_address_with_sealed_and_typed_values() -> None:
    outcome = load("customers", ANNA)

    subject = subject_of("C-1")
    assert outcome.loaded == 1
    assert identify.emails([subject.pk]) == {subject.pk: "anna.berg@shop.example"}
    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}
    assert personal_of(subject) == {
        "first_name": "Annabella",
        "last_name": "Bergmannova",
        "phone": "+49 151 5550123",
        "street": "Lindenallee 17",
    }


def test_nothing_personal_is_in_clear_in_any_table() -> None:
    load("customers", ANNA)

    with connection.cursor() as cursor:
        text = ""
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" AS t')
            text += cursor.fetchone()[0] or ""

    assert "Bonn" in text
    for value in ("annabella", "bergmannova", "5550123", "lindenallee", "anna.berg", "c-1"):
        assert value not in text.lower()
        # A binary column prints as hexadecimal.
        assert value.encode().hex() not in text.lower()


def test_second_run_changes_nothing() -> None:
    load("customers", ANNA)
    tables = (CustomerProfile, DataSubject, ConsentRecord, ConsentState)
    before = [list(table.objects.order_by("pk").values()) for table in tables]

    outcome = load("customers", ANNA, now=NOON.replace(hour=15))

    assert (outcome.loaded, outcome.unchanged, outcome.consents) == (0, 1, 0)
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before


def test_an_empty_cell_leaves_what_is_known_and_a_new_value_replaces_it() -> None:
    load("customers", ANNA)

    outcome = load(
        "customers", {"external_id": "C-1", "city": "", "phone": None, "last_name": "Berg"}
    )

    personal = personal_of(subject_of("C-1"))
    assert outcome.loaded == 1
    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}
    assert (personal["last_name"], personal["phone"]) == ("Berg", "+49 151 5550123")


def test_columns_nobody_registered_are_kept_out_and_named_once() -> None:
    outcome = load(
        "customers",
        {**ANNA, "shoe_size": "39", "consent_nonsense": "granted"},
        {"external_id": "C-2", "shoe_size": "40"},
    )

    assert outcome.loaded == 2
    assert outcome.left_out == {"shoe_size", "consent_nonsense"}
    assert all("shoe_size" not in p.attributes for p in CustomerProfile.objects.all())


def test_sensitive_field_is_not_taken_from_a_file() -> None:
    Field.objects.create(
        kind="attributes", name="diet", label="Diet", type="text", purpose_id="profiling",
        is_sensitive=True,
    )  # fmt: skip

    outcome = load("customers", {**ANNA, "diet": "kosher"})

    assert outcome.left_out == {"diet"}
    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}


def a_sensitive_field() -> None:
    Purpose.objects.create(
        code="health", name="Health", description="Health", is_explicit=True, retention_days=30
    )
    Field.objects.create(
        kind="attributes", name="diet", label="Diet", type="list", purpose_id="health",
        is_sensitive=True,
    )  # fmt: skip


KOSHER = {**ANNA, "diet": "kosher|vegan", "consent_health": "granted"}


def test_sensitive_value_with_its_explicit_consent_is_kept_and_sealed() -> None:
    a_sensitive_field()

    outcome = load("customers", KOSHER)

    assert (outcome.refused_values, outcome.left_out) == (0, frozenset())
    assert personal_of(subject_of("C-1"))["diet"] == "kosher, vegan"
    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}


@pytest.mark.parametrize("said", ["", "refused", "objected"])
def test_sensitive_value_without_consent_is_left_out_and_reported_and_its_row_is_kept(
    said: str,
) -> None:
    a_sensitive_field()
    rejected = Noted()

    outcome = load("customers", {**KOSHER, "consent_health": said}, rejected=rejected)

    assert (outcome.loaded, outcome.rejected, outcome.refused_values) == (1, 0, 1)
    assert "diet" not in personal_of(subject_of("C-1"))
    assert rejected.noted[0][:2] == (2, "diet")
    assert "kosher" not in rejected.noted[0][2]


class Noted(Rejections):
    """Keeps the single values that were refused."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[int, str, str]] = []

    def note(self, fault: CellError, *, line: int) -> None:
        super().note(fault, line=line)
        self.noted.append((line, fault.column, fault.reason))


def test_sensitive_value_is_taken_from_who_agreed_before() -> None:
    a_sensitive_field()
    load("customers", {**KOSHER, "diet": ""})

    outcome = load("customers", {"external_id": "C-1", "diet": "halal"})

    assert outcome.refused_values == 0
    assert personal_of(subject_of("C-1"))["diet"] == "halal"


def test_an_objection_outranks_the_proof_in_a_row() -> None:
    a_sensitive_field()
    load("customers", ANNA)
    ledger.object_to(
        subject_of("C-1"), purpose="health", source="form", at=NOON - timedelta(days=9)
    )

    outcome = load("customers", KOSHER)

    assert outcome.refused_values == 1
    assert "diet" not in personal_of(subject_of("C-1"))


def test_an_explicit_consent_counts_only_with_where_it_was_given() -> None:
    a_sensitive_field()
    rejected = Rejections()

    outcome = load("customers", {**KOSHER, "consent_source": ""}, rejected=rejected)

    assert outcome.rejected == 1
    assert rejected.rows[0][1] == "consent_source"


def test_a_sensitive_field_needs_a_purpose_of_explicit_consent() -> None:
    a_sensitive_field()
    field = Field.objects.get(name="diet")
    field.full_clean()

    field.purpose_id = "profiling"

    with pytest.raises(ValidationError, match="marked as explicit"):
        field.full_clean()


@pytest.mark.parametrize(
    ("type_", "given", "kept"),
    [
        ("number", "12.5", 12.5),
        ("number", "7", 7),
        ("date", "1999-12-31", "1999-12-31"),
        ("boolean", "Yes", True),
        ("list", "red|blue", ["red", "blue"]),
        ("text", 12.0, "12"),
    ],
)
def test_attribute_is_kept_in_the_type_of_its_field(type_: str, given: Any, kept: Any) -> None:
    Field.objects.create(
        kind="attributes", name="extra", label="Extra", type=type_, purpose_id="profiling"
    )

    load("customers", {"external_id": "C-1", "extra": given})

    assert CustomerProfile.objects.get().attributes == {"extra": kept}


@pytest.mark.parametrize(
    ("cell", "column", "reason"),
    [
        ({"email": "anna.berg.shop.example"}, "email", "is not an email address"),
        ({"email": "a@b@c.example\n"}, "email", "is not an email address"),
        ({"external_id": "", "email": ""}, "external_id", "is missing, and so is email"),
        ({"consent_at": "2026-11-22T09:30:00"}, "consent_at", "has no time zone"),
        ({"consent_at": "22.11.2026"}, "consent_at", "is not a time"),
        ({"consent_at": "1763800000"}, "consent_at", "epoch number"),
        ({"consent_at": "2027-11-22T09:30:00Z"}, "consent_at", "in the future"),
        ({"consent_at": ""}, "consent_at", "is missing"),
        ({"consent_email_marketing": "ok"}, "consent_email_marketing", "none of granted"),
        ({"first_name": "x" * 301}, "first_name", "longer than 300"),
    ],
)
def test_bad_cell_is_reported_without_the_address_and_the_rest_is_loaded(
    cell: dict[str, str], column: str, reason: str
) -> None:
    rejected = Rejections()

    outcome = load("customers", {**ANNA, **cell}, {"external_id": "C-2"}, rejected=rejected)

    line, found_column, why = rejected.rows[0]
    assert (outcome.loaded, outcome.rejected) == (1, 1)
    assert (line, found_column) == (2, column)
    assert reason in why
    assert "berg" not in why.lower()


def test_strange_names_are_taken_as_they_are() -> None:
    load("customers", {**ANNA, "first_name": "{{7*7}}", "last_name": "<script>Ö\u00a0\u200b"})

    personal = personal_of(subject_of("C-1"))
    assert (personal["first_name"], personal["last_name"]) == ("{{7*7}}", "<script>Ö\u00a0\u200b")


def test_number_and_address_of_two_known_people_are_a_conflict() -> None:
    load("customers", ANNA, {"external_id": "C-2", "email": "ben@shop.example"})
    rejected = Rejections()

    outcome = load("customers", {**ANNA, "email": "ben@shop.example"}, rejected=rejected)

    assert outcome.rejected == 1
    assert rejected.rows[0][1] == "email"
    assert "belongs to another customer" in rejected.rows[0][2]


def test_two_rows_of_one_customer_are_one_customer() -> None:
    load("customers", ANNA, {"external_id": "C-1", "city": "Köln"})

    assert DataSubject.objects.count() == 1
    assert CustomerProfile.objects.get().attributes == {"city": "Köln"}


def test_consent_goes_to_the_ledger_with_its_source_and_time() -> None:
    outcome = load("customers", {**ANNA, "consent_email_tracking": "refused"})

    found = {r.purpose_id: r for r in ConsentRecord.objects.all()}
    assert outcome.consents == 2
    assert {code: r.action for code, r in found.items()} == {
        "email_marketing": "granted",
        "email_tracking": "refused",
    }
    record = found["email_marketing"]
    assert record.source == "checkout form"
    assert record.occurred_at == datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    assert record.evidence["line"] == 2


def test_import_never_lifts_an_objection() -> None:
    load("customers", ANNA)
    subject = subject_of("C-1")
    objected_at = datetime(2026, 11, 20, tzinfo=UTC)
    ledger.object_to(subject, purpose="email_marketing", source="mail link", at=objected_at)

    load("customers", {**ANNA, "consent_at": "2026-11-23T08:00:00Z"})

    state = ConsentState.objects.get(subject=subject, purpose="email_marketing")
    assert state.is_objection
    assert not gate.ask(subject, purpose="email_marketing", at=NOON).may_send


def test_import_never_lifts_a_suppression() -> None:
    load("customers", ANNA)
    subject = subject_of("C-1")
    assert gate.ask(subject, purpose="email_marketing", at=NOON).may_send
    suppression.suppress_subject(subject, reason="complaint", source="test", at=NOON)

    load("customers", {**ANNA, "consent_at": "2026-11-23T08:00:00Z"})

    assert gate.ask(subject, purpose="email_marketing", at=NOON).reason == "suppressed"


def test_query_count_does_not_grow_with_the_rows() -> None:
    def queries(count: int) -> int:
        rows = [
            {**ANNA, "external_id": f"{count}-{n}", "email": f"{count}-{n}@shop.example"}
            for n in range(count)
        ]
        with CaptureQueriesContext(connection) as captured:
            load("customers", *rows)
        return len(captured)

    queries(1)
    assert queries(2) == queries(200) < 29


def test_who_comes_by_file_waits_behind_those_who_change_one_by_one() -> None:
    CustomerProfile.objects.create(subject=DataSubject.objects.create())
    alone = set(SegmentTouch.objects.values_list("is_bulk", flat=True))
    SegmentTouch.objects.all().delete()

    load("customers", ANNA)

    assert alone == {False}
    assert set(SegmentTouch.objects.values_list("is_bulk", flat=True)) == {True}

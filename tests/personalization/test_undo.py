"""Undoing an import: everything as it was, except what somebody changed since."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consent import gate, identify, ledger
from consent.models import ConsentRecord, DataSubject, Identifier
from personalization.importing import run, undo
from personalization.models import (
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    EventKey,
    ImportedRow,
    ImportRun,
    Product,
    ProductChange,
    ProfileDue,
    SegmentTouch,
)
from personalization.segments import upkeep
from tests.personalization.factories import segment
from tests.personalization.importing_support import (
    NOON,
    YESTERDAY,
    product,
    write_json_lines,
)
from tests.personalization.test_importing_customers import ANNA, personal_of, subject_of

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=2)
Row = dict[str, Any]


def load(folder: Path, kind: str, *rows: Row, name: str = "file") -> ImportRun:
    """Load rows as a file of their own, each a moment after the one before."""
    file = write_json_lines(folder / f"{name}.jsonl", *rows)
    now = NOON + timedelta(seconds=ImportRun.objects.count())
    run.run(kind, path=file, now=now, source_slug="shop")
    return ImportRun.objects.latest("pk")


def undone(imported: ImportRun) -> dict[str, Any]:
    job = undo.ask(imported.pk, actor=None)
    assert job is not None
    undo.perform(imported.pk, now=LATER)
    imported.refresh_from_db()
    assert imported.state == ImportRun.State.UNDONE
    job.refresh_from_db()
    found: dict[str, Any] = job.result
    return found


def everything(*models: Any) -> list[list[dict[str, Any]]]:
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_products_go_back_and_new_ones_go(tmp_path: Path) -> None:
    product("old", price="10.00", attributes={"colour": "red"}, stock=3)
    before = Product.objects.values().get()
    imported = load(
        tmp_path, "products",
        {"product_id": "old", "price": 12, "colour": "blue", "size": "L", "stock": 0},
        {"product_id": "new", "name": "New", "price": 1, "currency": "EUR"},
    )  # fmt: skip
    assert Product.objects.get(product_id="old").attributes == {"colour": "blue", "size": "L"}

    figures = undone(imported)

    after = Product.objects.values().get()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    assert (figures["put_back"], figures["removed"], figures["left"]) == (1, 1, 0)
    # The way back is part of the price history.
    assert [float(c.price) for c in ProductChange.objects.order_by("pk")] == [12.0, 10.0]
    assert not ImportedRow.objects.exists()


def test_a_product_changed_since_stays_and_is_named(tmp_path: Path) -> None:
    product("touched")
    product("same")
    rows = [{"product_id": name, "brand": "Imported"} for name in ("touched", "same")]
    imported = load(tmp_path, "products", *rows)
    Product.objects.filter(product_id="touched").update(brand="By hand")

    figures = undone(imported)

    assert {p.product_id: p.brand for p in Product.objects.all()} == {
        "touched": "By hand",
        "same": "",
    }
    assert (figures["put_back"], figures["left"]) == (1, 1)
    imported.refresh_from_db()
    assert imported.undo_job is not None
    assert imported.undo_job.errors.get().column == "product touched"


def test_another_column_changed_since_does_not_hinder(tmp_path: Path) -> None:
    product("p", attributes={"colour": "red"})
    imported = load(tmp_path, "products", {"product_id": "p", "colour": "blue"})
    Product.objects.update(brand="By hand", attributes={"colour": "blue", "size": "L"})

    undone(imported)

    after = Product.objects.get()
    assert (after.brand, after.attributes) == ("By hand", {"colour": "red", "size": "L"})


def test_a_new_product_that_an_event_names_is_switched_off(tmp_path: Path) -> None:
    goods = {"product_id": "new", "name": "New", "price": 1, "currency": "EUR"}
    imported = load(tmp_path, "products", goods)
    load(tmp_path, "events", an_event("1", product="new"), name="events")

    figures = undone(imported)

    assert (figures["switched_off"], figures["removed"]) == (1, 0)
    assert not Product.objects.get().is_active


def test_two_rows_of_one_product_are_undone_to_the_first(tmp_path: Path) -> None:
    product("p", price="10.00")
    first = load(tmp_path, "products", {"product_id": "p", "price": 11})
    second = load(tmp_path, "products", {"product_id": "p", "price": 12}, name="second")

    undone(second)
    assert Product.objects.get().price == 11

    undone(first)
    assert Product.objects.get().price == 10


def an_event(number: str, *, product: str = "b", name: str = "Order Completed") -> Row:
    return {
        "message_id": number, "event": name, "external_id": "C-1",
        "timestamp": "2026-01-05T10:00:00Z",
        "properties": {"product_id": product, "price": 5, "total": 5, "order_id": number},
    }  # fmt: skip


def test_events_go_with_lines_keys_and_counts_and_may_come_again(tmp_path: Path) -> None:
    product("b")
    load(tmp_path, "events", an_event("kept"))
    tables = (Event, EventItem, EventKey, EventDaily)
    before = everything(*tables)
    ProfileDue.objects.all().delete()
    more = [an_event("2"), an_event("3"), an_event("4", name="Product Viewed")]
    imported = load(tmp_path, "events", *more, name="more")
    assert Event.objects.count() == 4

    figures = undone(imported)

    assert everything(*tables) == before
    assert figures["removed"] == 3
    assert ProfileDue.objects.count() == 1
    again = load(tmp_path, "events", *more, name="again").load_job
    assert again is not None
    assert again.result["loaded"] == 3


def test_a_known_customer_gets_values_name_and_address_back(tmp_path: Path) -> None:
    load(tmp_path, "customers", {**ANNA, "consent_email_marketing": ""})
    tables = (CustomerProfile, DataSubject, Identifier)
    before = everything(*tables)
    imported = load(
        tmp_path, "customers",
        {"external_id": "C-1", "email": "new@shop.example", "city": "Köln", "country": "DE",
         "last_name": "Neu"},
        name="second",
    )  # fmt: skip
    subject = subject_of("C-1")
    assert identify.emails([subject.pk]) == {subject.pk: "new@shop.example"}
    assert personal_of(subject)["last_name"] == "Neu"

    figures = undone(imported)

    after = everything(*tables)
    assert (figures["put_back"], figures["left"]) == (1, 0)
    assert [strip(rows) for rows in after] == [strip(rows) for rows in before]
    assert personal_of(subject_of("C-1"))["last_name"] == "Bergmannova"
    assert identify.emails([subject.pk]) == {subject.pk: "anna.berg@shop.example"}


def strip(rows: list[Row]) -> list[Row]:
    """A value that was sealed again has other bytes for the same text."""
    return [{name: value for name, value in row.items() if name != "personal"} for row in rows]


def test_whom_an_undo_touches_is_looked_at_after_those_who_changed_one_by_one(
    tmp_path: Path,
) -> None:
    germans, french = ({**ANNA, "country": country} for country in ("DE", "FR"))
    segment("germans")
    load(tmp_path, "customers", germans)
    changed = load(tmp_path, "customers", french, name="second")
    upkeep.catch_up(now=NOON)

    undone(changed)

    assert set(SegmentTouch.objects.values_list("is_bulk", flat=True)) == {True}
    assert upkeep.catch_up(now=LATER).entered == 1


def test_a_customer_changed_since_stays_and_is_reported_by_number(tmp_path: Path) -> None:
    load(tmp_path, "customers", ANNA)
    imported = load(tmp_path, "customers", {"external_id": "C-1", "city": "Köln"}, name="b")
    load(tmp_path, "customers", {"external_id": "C-1", "city": "Trier"}, name="c")

    figures = undone(imported)

    assert CustomerProfile.objects.get().attributes == {"city": "Trier"}
    assert (figures["put_back"], figures["left"]) == (0, 1)


def test_people_only_the_import_knew_are_gone_and_can_come_again(tmp_path: Path) -> None:
    imported = load(tmp_path, "customers", {**ANNA, "consent_email_marketing": ""})

    figures = undone(imported)

    assert figures["removed"] == 1
    for model in (DataSubject, Identifier, CustomerProfile, ImportedRow):
        assert not model.objects.exists()
    load(tmp_path, "customers", ANNA, name="again")
    assert gate.ask(subject_of("C-1"), purpose="email_marketing", at=LATER).may_send


def test_people_of_whom_the_ledger_speaks_become_tombstones(tmp_path: Path) -> None:
    imported = load(tmp_path, "customers", ANNA)
    subject = subject_of("C-1")

    figures = undone(imported)

    subject.refresh_from_db()
    assert (figures["emptied"], figures["withdrawn"]) == (1, 1)
    assert subject.erased_at == LATER
    assert subject.wrapped_key is None
    assert not Identifier.objects.exists()
    assert not CustomerProfile.objects.exists()
    said = ConsentRecord.objects.order_by("pk").values_list("action", "source")
    assert list(said) == [("granted", "checkout form"), ("withdrawn", "import-undo")]


def test_a_new_customer_who_did_something_since_stays(tmp_path: Path) -> None:
    imported = load(tmp_path, "customers", {**ANNA, "consent_email_marketing": ""})
    load(tmp_path, "events", an_event("1"), name="events")

    figures = undone(imported)

    assert (figures["removed"], figures["left"]) == (0, 1)
    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}
    assert identify.find("external_id", "C-1", source="shop") is not None


def test_only_what_this_import_alone_granted_is_withdrawn(tmp_path: Path) -> None:
    load(tmp_path, "customers", {**ANNA, "consent_at": "2026-01-01T00:00:00Z"})
    subject = subject_of("C-1")
    ledger.withdraw(subject, purpose="profiling", source="form", at=NOON - timedelta(days=9))
    imported = load(
        tmp_path, "customers", {**ANNA, "consent_email_tracking": "granted"}, name="second"
    )

    figures = undone(imported)

    permission = gate.ask(subject, purpose="email_marketing", at=LATER)
    assert figures["withdrawn"] == 1
    assert permission.granted == {"email_marketing"}
    assert ConsentRecord.objects.filter(source="import-undo").get().purpose_id == "email_tracking"


def test_a_grant_over_an_older_refusal_of_others_is_withdrawn(tmp_path: Path) -> None:
    refused = {**ANNA, "consent_email_marketing": "refused", "consent_at": "2026-01-02T00:00:00Z"}
    granted = {**ANNA, "consent_at": "2026-01-01T00:00:00Z"}
    load(tmp_path, "customers", granted)
    load(tmp_path, "customers", refused, name="b")
    imported = load(tmp_path, "customers", {**ANNA, "consent_at": YESTERDAY}, name="c")
    subject = subject_of("C-1")
    assert gate.ask(subject, purpose="email_marketing", at=LATER).may_send

    undone(imported)

    assert not gate.ask(subject, purpose="email_marketing", at=LATER).may_send


def test_what_is_undone_or_at_work_cannot_be_undone(tmp_path: Path) -> None:
    imported = load(
        tmp_path, "products", {"product_id": "n", "name": "N", "price": 1, "currency": "EUR"}
    )

    undone(imported)

    assert undo.ask(imported.pk, actor=None) is None


def test_the_confirmation_knows_the_counts(tmp_path: Path) -> None:
    product("old")
    imported = load(
        tmp_path, "products",
        {"product_id": "old", "brand": "B"},
        {"product_id": "new", "name": "N", "price": 1, "currency": "EUR"},
    )  # fmt: skip

    assert undo.preview(imported) == undo.Preview(changed=1, made=1, events=0)

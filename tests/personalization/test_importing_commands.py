"""The import commands, from a file to figures and rejected rows."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from consent.models import AuditEntry, DataSubject, Job, JobError
from personalization.models import CustomerProfile, Event, Product, Source
from tests.personalization.importing_support import write_csv, write_json_lines

pytestmark = pytest.mark.django_db

GOOD = {"external_id": "1", "email": "anna@shop.example", "city": "Bonn", "shoe_size": "39"}
BAD = {"external_id": "2", "email": "not-an-address", "city": "Bonn", "shoe_size": ""}


def command(name: str, *args: Any) -> str:
    out = StringIO()
    call_command(name, *map(str, args), stdout=out)
    return out.getvalue()


def test_customers_are_loaded_and_bad_rows_go_to_a_file_with_line_column_and_reason(
    tmp_path: Path,
) -> None:
    file = write_csv(tmp_path / "customers.csv", GOOD, BAD)

    printed = command("import_customers", file)

    assert "customers: 1 loaded, 0 unchanged, 1 rejected" in printed
    assert "no field is registered for them: shoe_size" in printed
    with (tmp_path / "customers.csv.rejected.csv").open() as rejected:
        rows = list(csv.DictReader(rejected))
    assert [(row["line"], row["column"]) for row in rows] == [("3", "email")]
    assert "not-an-address" not in rows[0]["reason"]
    assert JobError.objects.get().line == 3


def test_corrected_file_removes_the_old_list_of_rejected_rows(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "customers.csv", GOOD, BAD)
    command("import_customers", file)

    write_csv(file, GOOD, {**BAD, "email": "ben@shop.example"})
    figures = json.loads(command("import_customers", file, "--json"))

    assert (figures["loaded"], figures["unchanged"], figures["rejected"]) == (1, 1, 0)
    assert figures["rejected_file"] is None
    assert not (tmp_path / "customers.csv.rejected.csv").exists()


def test_dry_run_judges_every_row_and_writes_nothing(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "customers.csv", GOOD, BAD)

    printed = command("import_customers", file, "--dry-run", "--source", "new-shop")

    assert "customers: 1 would be loaded, 0 unchanged, 1 rejected" in printed
    assert not Source.objects.filter(slug="new-shop").exists()
    assert not DataSubject.objects.exists()
    assert not CustomerProfile.objects.exists()
    assert not AuditEntry.objects.exists()


def test_products_and_events_in_all_formats_make_one_picture(tmp_path: Path) -> None:
    goods = write_csv(
        tmp_path / "products.csv",
        {"product_id": "b", "name": "Boots", "price": "9.99", "currency": "EUR"},
        delimiter=";",
    )
    view = {
        "message_id": "m1", "event": "Product Viewed", "external_id": "1",
        "timestamp": "2026-01-05T10:00:00Z", "properties": {"product_id": "b"},
    }  # fmt: skip
    seen = write_json_lines(tmp_path / "events.jsonl.gz", view, {**view, "message_id": "m2"})

    command("import_products", goods)
    printed = command("import_events", seen)

    assert "events: 2 loaded" in printed
    assert Product.objects.get().name == "Boots"
    assert Event.objects.count() == 2


def test_mapping_names_the_columns_of_a_foreign_file(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "kunden.csv", {"Kundennummer": "1", "Ort": "Bonn"})
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"Kundennummer": "external_id", "Ort": "city"}))

    command("import_customers", file, "--mapping", mapping)

    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}


def test_file_of_something_else_is_refused_with_the_columns_it_has(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "kunden.csv", {"Kundennummer": "1", "Ort": "Bonn"})

    with pytest.raises(CommandError, match="no column external_id or email; it has Kundennummer"):
        command("import_customers", file)

    assert Job.objects.get().state == Job.State.FAILED


def test_mapping_of_a_column_the_file_lacks_is_refused(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "customers.csv", GOOD)
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"Kundennummer": "external_id"}))

    with pytest.raises(CommandError, match="no column 'Kundennummer', which the mapping names"):
        command("import_customers", file, "--mapping", mapping)


@pytest.mark.parametrize("content", ["[1]", "{", '{"a": "email", "b": "email"}'])
def test_broken_mapping_is_refused(tmp_path: Path, content: str) -> None:
    file = write_csv(tmp_path / "customers.csv", GOOD)
    mapping = tmp_path / "mapping.json"
    mapping.write_text(content)

    with pytest.raises(CommandError, match=r"mapping\.json"):
        command("import_customers", file, "--mapping", mapping)


@pytest.mark.parametrize("name", ["Our shop", "x" * 51, "", "shop/1", "größe"])
def test_what_is_no_short_name_makes_no_source(tmp_path: Path, name: str) -> None:
    file = write_csv(tmp_path / "customers.csv", GOOD)

    with pytest.raises(CommandError, match="is no short name of a source"):
        command("import_customers", file, f"--source={name}")

    assert not Source.objects.filter(slug=name).exists()


@pytest.mark.parametrize(
    ("given", "words"), [({"is_active": False}, "switched off"), ({"kind": "system"}, "itself")]
)
def test_a_source_that_takes_nothing_takes_no_file(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    Source.objects.create(slug="old", name="Old", **given)
    file = write_csv(tmp_path / "customers.csv", GOOD)

    with pytest.raises(CommandError, match=words):
        command("import_customers", file, "--source", "old")

    assert not CustomerProfile.objects.exists()


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        command("import_products", tmp_path / "products.csv")


def test_import_leaves_a_job_with_figures_and_an_audit_entry(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "customers.csv", GOOD)

    command("import_customers", file)

    job = Job.objects.get()
    assert (job.kind, job.state, job.done) == ("import_customers", Job.State.DONE, 1)
    assert job.result["loaded"] == 1
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id) == ("import.customers", str(job.pk))

"""The pages of an import: upload, columns, check, load, result, undo; and who may."""

import gzip
import io
import stat
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from consent.models import AuditEntry, DataSubject, Job
from personalization import tasks
from personalization.importing import intake, uploads
from personalization.models import CustomerProfile, ImportRun, Product, Source
from tests.personalization.factories import client_of, queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles", "own_folder")]

PEOPLE = (
    "\ufeffKundennummer;E-Mail;Vorname;Ort;Schuhgröße\r\n"
    "1;anna@shop.example;Annabella;Bonn;39\r\n"
    "2;no address;Ben;Köln;44\r\n"
).encode()
ADD = reverse("admin:personalization_importrun_add")


@pytest.fixture
def own_folder(settings: Settings, tmp_path: Path) -> Path:
    settings.ATTUNE_VAR = tmp_path
    return tmp_path / "imports"


def page(name: str, run: ImportRun) -> str:
    return reverse(f"admin:personalization_importrun_{name}", args=[run.pk])


def upload(
    client: Client, content: bytes = PEOPLE, *, name: str = "kunden.csv", kind: str = "customers"
) -> Any:
    data = {"kind": kind, "new_source": "shop", "file": SimpleUploadedFile(name, content)}
    return client.post(ADD, data)


def uploaded(client: Client, content: bytes = PEOPLE, **given: str) -> ImportRun:
    answer = upload(client, content, **given)
    assert answer.status_code == 302, answer.content.decode()
    return ImportRun.objects.latest("pk")


def choice(client: Client, run: ImportRun) -> dict[str, list[str]]:
    """What the page of the columns would send as it stands."""
    columns = client.get(page("change", run) + "?step=columns").context["columns"]
    return {
        "theirs": [column.name for column in columns],
        "ours": [column.target for column in columns],
    }


def checked(client: Client, run: ImportRun) -> ImportRun:
    client.post(page("check", run), choice(client, run))
    tasks.work_on_import(run.pk, "check")
    run.refresh_from_db()
    return run


def loaded(client: Client, run: ImportRun) -> ImportRun:
    checked(client, run)
    client.post(page("load", run))
    tasks.work_on_import(run.pk, "load")
    run.refresh_from_db()
    return run


def test_a_file_goes_the_whole_way_and_back(own_folder: Path) -> None:
    client = client_of("marketer")
    run = uploaded(client)

    checked(client, run)
    assert run.state == ImportRun.State.CHECKED
    assert not DataSubject.objects.exists()

    loaded(client, run)
    assert run.state == ImportRun.State.LOADED
    assert CustomerProfile.objects.get().attributes == {"city": "Bonn"}
    assert [file.name.endswith(".rejected.csv") for file in own_folder.iterdir()] == [True]

    assert "1" in client.get(page("undo", run)).content.decode()
    client.post(page("undo", run))
    tasks.work_on_import(run.pk, "undo")
    run.refresh_from_db()
    assert run.state == ImportRun.State.UNDONE
    assert not DataSubject.objects.exists()
    assert {"import.upload", "import.customers", "import.undo"} <= set(
        AuditEntry.objects.values_list("action", flat=True)
    )


def test_names_are_guessed_and_what_names_somebody_is_masked() -> None:
    client = client_of("marketer")
    run = uploaded(client)

    answer = client.get(page("change", run))

    found = {column.name: column for column in answer.context["columns"]}
    assert {name: column.target for name, column in found.items()} == {
        "Kundennummer": "external_id",
        "E-Mail": "email",
        "Vorname": "first_name",
        "Ort": "city",
        "Schuhgröße": "",
    }
    assert found["Ort"].samples == ("Bonn", "Köln")
    assert found["Vorname"].samples == ("A***", "B***")
    text = answer.content.decode()
    for secret in ("anna@shop", "Annabella", "no address"):
        assert secret not in text


def test_products_keep_what_is_none_of_ours_and_leave_out_what_is_chosen() -> None:
    client = client_of("marketer")
    goods = b"sku,title,price,currency,colour,secret\nb,Boots,9.99,EUR,red,x\n"
    run = uploaded(client, goods, name="goods.csv", kind="products")
    columns = choice(client, run)
    assert columns["ours"] == ["product_id", "name", "price", "currency", "=", "="]
    columns["ours"][-1] = ""

    client.post(page("check", run), columns)
    tasks.work_on_import(run.pk, "check")
    client.post(page("load", run))
    tasks.work_on_import(run.pk, "load")

    assert Product.objects.get().attributes == {"colour": "red"}


def test_a_choice_without_the_needed_column_is_told(own_folder: Path) -> None:
    client = client_of("marketer")
    run = uploaded(client)
    columns = choice(client, run)
    columns["ours"] = ["", "", "first_name", "first_name", ""]

    answer = client.post(page("check", run), columns)

    told = " ".join(str(message) for message in get_messages(answer.wsgi_request))
    assert "one of them says whose row it is" in told
    assert "Two columns are" in told
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("goods.csv.gz", gzip.compress(b"product_id\nx\n"), "products"),
        ("goods.jsonl", b'{"product_id": "x"}\n', "products"),
        ("goods", b'{"product_id": "x"}\n', "products"),
        ("goods.txt", b"product_id;name\nx;y\n", "products"),
    ],
)
def test_formats_are_told_by_name_or_by_content(name: str, content: bytes, kind: str) -> None:
    client = client_of("marketer")

    run = uploaded(client, content, name=name, kind=kind)

    assert choice(client, run)["theirs"][0] == "product_id"


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_csv", ".csv"), content)
    return packed.getvalue()


def test_the_one_file_of_a_zip_is_taken_out() -> None:
    client = client_of("marketer")

    run = uploaded(client, zipped(people_csv=PEOPLE), name="people.zip")

    assert choice(client, run)["theirs"][0] == "Kundennummer"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b" ", "no header"),
        ("two.zip", zipped(a_csv=b"x", b_csv=b"y"), "zip of 2 files"),
        ("broken.parquet", b"PAR1....", "not a whole Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, content: bytes, said: str) -> None:
    client = client_of("marketer")

    answer = upload(client, content, name=name)
    if answer.status_code == 302:
        answer = client.get(answer["Location"])

    text = answer.content.decode()
    assert said in text
    assert "imports/" not in text


def test_a_source_that_is_switched_off_takes_no_upload(own_folder: Path) -> None:
    Source.objects.create(slug="shop", name="Shop", is_active=False)

    answer = upload(client_of("marketer"))

    assert "The source Shop is switched off" in answer.content.decode()
    assert not ImportRun.objects.exists()


def test_a_file_over_the_limit_is_refused_and_not_kept(
    settings: Settings, own_folder: Path
) -> None:
    settings.ATTUNE_IMPORT_LIMIT_MB = 0

    answer = upload(client_of("marketer"))

    assert "larger than 0 MB" in answer.content.decode()
    assert list(own_folder.iterdir()) == []


def test_files_lie_closed_under_names_nobody_guesses(own_folder: Path) -> None:
    client = client_of("marketer")

    run = loaded_file = uploaded(client)

    file = own_folder / run.stored_as
    assert stat.S_IMODE(own_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "kunden" not in run.stored_as
    checked(client, loaded_file)
    listed = own_folder / f"{run.stored_as}.rejected.csv"
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600


def test_refused_rows_are_a_file_that_no_spreadsheet_runs() -> None:
    client = client_of("marketer")
    long = b"=" * 70
    content = b"product_id,name,price,currency," + long + b"\nb,Boots,9.99,EUR,x\n"
    run = checked(client, uploaded(client, content, name="goods.csv", kind="products"))

    answer = client.get(page("rejected", run))

    text = b"".join(answer).decode()
    assert answer["Content-Disposition"] == f'attachment; filename="import-{run.pk}-refused.csv"'
    assert text.splitlines()[0] == "line,column,reason"
    assert text.splitlines()[1].startswith("2,'====")


def test_a_cancelled_load_can_go_on_or_be_undone() -> None:
    client = client_of("marketer")
    run = checked(client, uploaded(client))
    client.post(page("load", run))

    client.post(page("cancel", run))
    tasks.work_on_import(run.pk, "load")

    run.refresh_from_db()
    assert run.load_job is not None
    assert run.load_job.state == Job.State.CANCELLED
    assert not DataSubject.objects.exists()
    assert intake.may_load(run)
    client.post(page("load", run))
    tasks.work_on_import(run.pk, "load")
    assert DataSubject.objects.count() == 1


def test_a_job_whose_worker_died_fails_clearly_and_can_start_again() -> None:
    client = client_of("marketer")
    run = checked(client, uploaded(client))
    client.post(page("load", run))
    run.refresh_from_db()
    assert run.load_job is not None
    long_ago = timezone.now() - timedelta(hours=1)
    Job.objects.filter(pk=run.load_job.pk).update(state="running", beat_at=long_ago)

    tasks.tend_imports()

    assert "died" in client.get(page("change", run)).content.decode()
    client.post(page("load", run))
    tasks.work_on_import(run.pk, "load")
    run.refresh_from_db()
    assert run.state == ImportRun.State.LOADED


def test_a_message_that_comes_twice_does_the_work_once() -> None:
    client = client_of("marketer")
    run = loaded(client, uploaded(client))

    tasks.work_on_import(run.pk, "load")

    assert Job.objects.filter(label__startswith="Import").count() == 1
    run.refresh_from_db()
    assert run.load_job is not None
    assert run.load_job.result["loaded"] == 1


def test_forgotten_files_go_after_a_day(own_folder: Path) -> None:
    uploaded(client_of("marketer"))

    assert uploads.sweep(now=timezone.now()) == 0
    assert uploads.sweep(now=timezone.now() + timedelta(hours=25)) == 1
    assert list(own_folder.iterdir()) == []


def test_a_file_can_be_thrown_away_before_it_is_loaded(own_folder: Path) -> None:
    client = client_of("marketer")
    run = uploaded(client)

    client.post(page("discard", run))

    assert not ImportRun.objects.exists()
    assert list(own_folder.iterdir()) == []


def test_a_waiting_page_is_told_how_far_the_job_is() -> None:
    client = client_of("marketer")
    run = checked(client, uploaded(client))

    found = client.get(page("progress", run)).json()

    assert found == {"done": 2, "total": 2, "percent": 100, "is_going_on": False}


@pytest.mark.parametrize("name", ["check", "load", "cancel", "discard"])
def test_what_changes_something_is_reached_by_post_only(name: str) -> None:
    client = client_of("marketer")
    run = uploaded(client)

    assert client.get(page(name, run)).status_code == 405


def test_who_only_looks_can_neither_upload_nor_undo() -> None:
    marketer = client_of("marketer")
    run = loaded(marketer, uploaded(marketer))
    client = client_of("analyst")

    assert client.get(page("change", run)).status_code == 200
    assert client.get(ADD).status_code == 403
    for name in ("check", "load", "undo", "cancel", "discard"):
        assert client.post(page(name, run)).status_code == 403
    assert "Undo this import" not in client.get(page("change", run)).content.decode()


def test_the_list_takes_as_many_queries_for_ten_as_for_one() -> None:
    client = client_of("marketer")
    url = reverse("admin:personalization_importrun_changelist")
    uploaded(client)
    from_one = queries(client, url)

    for _ in range(9):
        uploaded(client)

    assert queries(client, url) == from_one

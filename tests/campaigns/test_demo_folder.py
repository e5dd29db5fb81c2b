"""A folder of one's own, dirty files: moved by whole weeks, faults reported, the rest loaded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.demo import folder
from campaigns.models import DemoInstallation
from consent.models import ConsentRecord, DataSubject, JobError
from personalization.importing.rows import UnreadableError
from personalization.models import Event, Product
from tests.personalization.importing_support import write_csv, write_json_lines

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BOUGHT = datetime(2011, 12, 9, 12, 50, tzinfo=UTC)
WEEKS = (NOW - BOUGHT) // timedelta(weeks=1)


def customer(number: int, **given: str) -> dict[str, str]:
    return {
        "external_id": f"C-{number}",
        "email": f"anna{number}@example.com",
        "consent_email_marketing": "granted",
        "consent_source": "checkout",
        "consent_at": "2010-01-01T00:00:00Z",
    } | given


def order(number: int, **given: Any) -> dict[str, Any]:
    return {
        "message_id": f"m-{number}",
        "type": "track",
        "event": "Order Completed",
        "external_id": "C-1",
        "timestamp": BOUGHT.isoformat(),
        "properties": {
            "total": 10,
            "currency": "GBP",
            "products": [{"product_id": "P1", "quantity": 1}],
        },
    } | given


def product(number: int, **given: str) -> dict[str, str]:
    return {"product_id": f"P{number}", "name": "Lamp", "price": "9.99", "currency": "GBP"} | given


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    """Three files as they come: each has a row that cannot be taken."""
    write_csv(tmp_path / "customers.csv", customer(1), customer(2, email="not an address"))
    write_csv(tmp_path / "products.csv", product(1), product(2, price="free"))
    write_json_lines(
        tmp_path / "events.jsonl",
        order(1, timestamp=(BOUGHT - timedelta(days=40)).isoformat()),
        order(2),
        order(3, timestamp="yesterday"),
        order(4, timestamp="9999-12-31T23:59:59Z"),
        order(5, timestamp="0001-01-01T00:00:00+14:00"),
        order(6, timestamp="2011-12-09T12:50:00"),
    )
    return tmp_path


def load(path: Path, *, now: datetime = NOW) -> tuple[dict[str, Any], int]:
    return folder.load(folder.open_folder(path), now=now, show=None)


def test_good_rows_are_loaded_and_each_bad_one_is_reported_with_its_line(dirty: Path) -> None:
    outcomes, _ = load(dirty)

    figures = {name: (found.loaded, found.rejected) for name, found in outcomes.items()}
    assert figures == {"products": (1, 1), "customers": (1, 1), "events": (2, 4)}
    assert Product.objects.get().product_id == "P1"
    assert DataSubject.objects.count() == 1
    assert JobError.objects.count() == 6
    assert all(error.line and error.reason for error in JobError.objects.all())


def test_no_reported_reason_repeats_what_stood_in_the_cell(dirty: Path) -> None:
    load(dirty)

    assert not JobError.objects.filter(reason__contains="not an address").exists()


def test_times_move_by_whole_weeks_so_that_the_data_ends_within_the_last_seven_days(
    dirty: Path,
) -> None:
    _, weeks = load(dirty)

    first, last = Event.objects.order_by("occurred_at").values_list("occurred_at", flat=True)
    assert weeks == WEEKS
    assert last == BOUGHT + timedelta(weeks=WEEKS)
    assert timedelta(0) <= NOW - last < timedelta(days=7)
    assert last - first == timedelta(days=40)
    assert (last.weekday(), last.time()) == (BOUGHT.weekday(), BOUGHT.time())


def test_consent_moves_along_with_the_orders(dirty: Path) -> None:
    load(dirty)

    at = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(weeks=WEEKS)
    assert ConsentRecord.objects.get().occurred_at == at


def test_one_time_in_the_future_does_not_move_everything_into_the_past(tmp_path: Path) -> None:
    write_csv(tmp_path / "customers.csv", customer(1))
    write_csv(tmp_path / "products.csv", product(1))
    write_json_lines(
        tmp_path / "events.jsonl", order(1), order(2, timestamp="2099-01-01T00:00:00Z")
    )

    outcomes, weeks = load(tmp_path)

    assert weeks == WEEKS
    assert (outcomes["events"].loaded, outcomes["events"].rejected) == (1, 1)


def test_loading_again_days_later_keeps_the_shift_and_adds_nothing(dirty: Path) -> None:
    load(dirty)

    outcomes, weeks = load(dirty, now=NOW + timedelta(days=20))

    assert weeks == WEEKS
    assert {name: found.loaded for name, found in outcomes.items()} == {
        "products": 0,
        "customers": 0,
        "events": 0,
    }
    assert Event.objects.count() == 2
    assert DemoInstallation.objects.get().shift_weeks == WEEKS


def test_events_without_any_readable_time_are_not_moved(tmp_path: Path) -> None:
    write_csv(tmp_path / "customers.csv", customer(1))
    write_csv(tmp_path / "products.csv", product(1))
    write_json_lines(tmp_path / "events.jsonl", order(1, timestamp="yesterday"))

    assert load(tmp_path)[1] == 0


@pytest.mark.parametrize("missing", ["customers", "products", "events"])
def test_missing_file_is_named_with_the_formats_it_could_have(tmp_path: Path, missing: str) -> None:
    for stem in {"customers", "products", "events"} - {missing}:
        (tmp_path / f"{stem}.csv").touch()

    with pytest.raises(UnreadableError, match=rf"no {missing} file: put {missing}\.csv"):
        folder.open_folder(tmp_path)


def test_folder_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="is not a folder"):
        folder.open_folder(tmp_path / "nowhere")

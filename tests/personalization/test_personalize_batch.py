"""Many people at once, many callers at once, and what is said when the time is over."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from personalization.models import Exposure, Receipt
from personalization.serving.deadline import Budget
from tests.campaigns import factories as make
from tests.personalization.decision_support import get, key, people, post, reason, slot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("served_afresh")]


def test_a_batch_keeps_the_order_and_a_fault_concerns_its_item() -> None:
    people()
    slot()
    slot("footer")

    answer = post(
        {
            "recipients": [
                {"external_id": "C2"}, {"nonsense": 1}, {"email": "Anna1@example.com"},
                {"email": "not an address"}, {"external_id": "C1"},
            ],
            "slots": ["hero", "footer"],
            "message": "spring",
        }
    )  # fmt: skip

    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [list(each) for each in results] == [
        ["slots"],
        ["error"],
        ["slots"],
        ["slots"],
        ["slots"],
    ]
    shown = [each["slots"]["hero"]["variant"] for each in results if "slots" in each]
    assert shown == ["general", "german", "general", "german"]
    assert results[2]["slots"]["footer"] == results[4]["slots"]["footer"]
    assert "exactly one" in results[1]["error"]["title"]
    assert answer["X-Personalization"] == "fallback"


def test_a_strict_batch_names_whom_nobody_knows_as_an_error_of_their_own() -> None:
    people()
    slot()
    asked = {"recipients": [{"external_id": "C1"}, {"external_id": "C9"}], "slots": ["hero"]}

    mild, strict = post(asked).json(), post({**asked, "strict": True}).json()

    assert [list(each) for each in mild["results"]] == [["slots"], ["slots"]]
    assert strict["results"][0]["slots"]["hero"]["text"] == "Made in Germany"
    assert strict["results"][1]["error"]["status"] == 404
    assert post({**asked, "strict": "1"}).status_code == 400


def test_a_batch_takes_the_same_statements_for_any_number_of_people() -> None:
    now = timezone.now()
    for number in range(1, 13):
        make.person(number, at=now)
    slot()
    secret = key()
    post({"recipients": [{"external_id": "C1"}], "slots": ["hero"]}, secret=secret)
    counts = []
    for message, size in (("a", 2), ("b", 12), ("a", 2), ("c", 1)):
        recipients = [{"external_id": f"C{number}"} for number in range(1, size + 1)]
        with CaptureQueriesContext(connection) as found:
            post({"recipients": recipients, "slots": ["hero"], "message": message}, secret=secret)
        counts.append(len(found))

    assert counts[0] == counts[1] == counts[3] <= 10
    assert counts[2] == 6


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400), (b"[]", 400), (b'{"recipients": []}', 400), (b'{"recipients": 1}', 400),
        (b'{"recipients": [{"external_id": "a"}]}', 400),
        (b'{"recipients": [{"external_id": "a"}], "slots": []}', 400),
        (b'{"recipients": [{"external_id": "a"}], "slots": [1e999]}', 400),
        (b'{"recipients": [{"external_id": "a"}], "slots": ["hero"], "more": 1}', 400),
        (b'{"recipients": [{"external_id": "\\u0000"}], "slots": ["hero"]}', 200),
        (b'{"recipients": [{"external_id": "\\ud800"}], "slots": ["hero"]}', 400),
        (b'{"recipients": [{"external_id": NaN}], "slots": ["hero"]}', 400),
        (b'{"recipients": [{"external_id": 12345678901234567890123}], "slots": ["hero"]}', 200),
        (b'{"recipients": [null, [], 1], "slots": ["hero"]}', 200),
        (b'\xef\xbb\xbf{"recipients": [{"external_id": "a"}], "slots": ["hero"]}', 200),
        (b'{"recipients": [{"external_id": "a"}], "slots": ["hero"], "context": {"ip": 5}}', 400),
        (b"[" * 5000, 400),
        (b'{"recipients": [' + b",".join([b"{}"] * 1001) + b'], "slots": ["hero"]}', 413),
        (b"\x1f\x8b\x08\x00cut off", 400),
    ],
)  # fmt: skip
def test_bad_bodies_get_the_documented_answer(body: bytes, status: int) -> None:
    slot()

    answer = post(body)

    assert answer.status_code == status, answer.content


def test_when_the_time_is_over_the_fallback_is_said(settings: Any) -> None:
    people()
    slot()
    secret = key()
    get(secret=secret, external_id="C2")
    settings.ATTUNE_DECIDE_SECONDS = 0

    answer = get(secret=secret, external_id="C1")

    assert (answer.status_code, answer["X-Personalization"]) == (200, "fallback")
    assert reason(answer) == "deadline"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize(
    "table",
    [
        "personalization_customerprofile",
        # All is decided and only its receipt is missing: nobody is told what is not kept.
        "personalization_receipt IN SHARE MODE",
    ],
)
def test_a_statement_that_hangs_is_ended_by_the_deadline(table: str, settings: Any) -> None:
    people()
    slot()
    secret = key()
    get(secret=secret, external_id="C2")
    settings.ATTUNE_DECIDE_SECONDS = 0.3
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"BEGIN; LOCK TABLE {table}")
            locked.set()
            done.wait(60)
            cursor.execute("ROLLBACK")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait(60)
    try:
        answer = get(secret=secret, external_id="C1", message="spring")
    finally:
        done.set()
        holder.join()

    assert (answer.status_code, reason(answer)) == (200, "deadline")
    assert not Receipt.objects.filter(message_key=answer.json()["decision_id"]).exists()
    assert not Exposure.objects.filter(message="spring").exists()
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] == "0"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_that_ask_at_once_for_a_message_get_one_decision() -> None:
    people()
    slot()
    secret = key()
    get(secret=secret, external_id="C2")
    answers: list[bytes] = []
    ready_to_go = threading.Barrier(4)

    def ask() -> None:
        ready_to_go.wait()
        answers.append(get(secret=secret, external_id="C1", message="spring").content)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(set(answers)) == 1
    assert Exposure.objects.filter(message="spring").count() == 1
    assert Receipt.objects.count() == 2


def test_a_budget_runs_out() -> None:
    assert Budget(60).milliseconds > 50_000
    assert Budget(-1).milliseconds == 0

"""The ledger: nothing is changed, nothing said twice, and the order of arrival does not matter."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import permutations
from threading import Event
from time import sleep

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Send
from campaigns.sending import lifecycle, pipeline
from consent import audit, gate, ledger
from consent.ledger import Statement
from consent.models import AuditEntry, ConsentRecord, ConsentState, DataSubject
from tests.campaigns import factories
from tests.consent.people import NOON, at_once, subject

pytestmark = pytest.mark.django_db
concurrent = pytest.mark.django_db(transaction=True, serialized_rollback=True)

MARKETING = "email_marketing"


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


def said(
    who: DataSubject, action: str, on: int, *, own: bool = False, source: str = "file"
) -> Statement:
    return Statement(
        subject_id=who.pk,
        purpose=MARKETING,
        action=action,
        source=source,
        occurred_at=day(on),
        is_own_choice=own,
    )


def granted(who: DataSubject) -> bool:
    return gate.ask(who, purpose=MARKETING, at=day(100)).may_send


def state_of(who: DataSubject) -> tuple[object, ...]:
    found = ConsentState.objects.select_related("record").get(subject=who, purpose=MARKETING)
    record = found.record
    assert (found.is_granted, found.is_objection) == (
        record.action == "granted",
        record.action == "objected",
    )
    return found.is_granted, found.is_objection, found.since, record.action, record.source


@pytest.mark.parametrize("table", [ConsentRecord, AuditEntry])
@pytest.mark.parametrize("deed", ["save", "update", "delete", "delete one", "sql"])
def test_what_was_written_cannot_be_changed_or_removed(table: type[Model], deed: str) -> None:
    anna = subject()
    ledger.grant(anna, purpose=MARKETING, source="form", at=NOON)
    audit.note("test.act", target=anna)
    row = table._default_manager.get()
    column = "source" if table is ConsentRecord else "action"
    name = table._meta.db_table
    before = table._default_manager.values().get()

    def sql() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {name} SET {column} = 'x'")

    deeds: dict[str, Callable[[], object]] = {
        "save": row.save,
        "update": partial(table._default_manager.update, **{column: "x"}),
        "delete": partial(table._default_manager.all()._raw_delete, "default"),
        "delete one": partial(table._default_manager.filter(pk=row.pk)._raw_delete, "default"),
        "sql": sql,
    }
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        deeds[deed]()

    assert table._default_manager.values().get() == before


@pytest.mark.parametrize(
    "emptied", ["consent_consentrecord", "consent_auditentry", "consent_datasubject"]
)
def test_the_ledger_and_the_log_cannot_be_emptied_as_a_whole(emptied: str) -> None:
    ledger.record_many([said(subject(), "granted", 1)])
    audit.note("test")

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # The suite switches these off, to clear up after tests that commit.
        for table in ("consent_consentrecord", "consent_auditentry"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only_whole")
        with pytest.raises(IntegrityError, match="append-only: TRUNCATE"), transaction.atomic():
            cursor.execute(f"TRUNCATE {emptied} CASCADE")

    assert ConsentRecord.objects.count() == 1
    assert AuditEntry.objects.count() == 1


def test_a_statement_keeps_what_proves_it() -> None:
    anna = subject()

    ledger.record_many(
        [
            Statement(
                subject_id=anna.pk,
                purpose=MARKETING,
                action="granted",
                source="checkout",
                occurred_at=NOON,
                evidence={"form": "é'\"\\", "line": 3},
                language="de",
                notice_version="2",
            )
        ]
    )

    record = ConsentRecord.objects.get()
    assert (record.source, record.language, record.notice_version) == ("checkout", "de", "2")
    assert record.evidence == {"form": "é'\"\\", "line": 3}
    assert (record.occurred_at, record.actor_id) == (NOON, None)
    assert record.recorded_at is not None


def test_saying_it_again_adds_nothing() -> None:
    anna = subject()
    statements = [said(anna, "granted", 1), said(anna, "withdrawn", 2), said(anna, "granted", 1)]

    first = ledger.record_many(statements)
    before = (list(ConsentRecord.objects.values()), list(ConsentState.objects.values()))
    second = ledger.record_many(statements)

    assert (first, second) == (2, 0)
    assert (list(ConsentRecord.objects.values()), list(ConsentState.objects.values())) == before


def test_an_empty_batch_is_no_work() -> None:
    assert ledger.record_many([]) == 0


@pytest.mark.parametrize(
    ("statements", "is_granted"),
    [
        # The newest statement wins, the refusal where two have one time.
        ([("granted", 1, False), ("withdrawn", 2, False)], False),
        ([("withdrawn", 1, False), ("granted", 2, False)], True),
        ([("withdrawn", 1, False), ("granted", 1, False)], False),
        # An objection stands against whatever a file says later.
        ([("objected", 1, True), ("granted", 9, False)], False),
        ([("objected", 1, False), ("granted", 9, False)], False),
        # Only the person's own newer choice lifts it; then newer files count again.
        ([("objected", 5, True), ("granted", 4, True)], False),
        ([("objected", 5, True), ("granted", 5, True)], False),
        ([("objected", 5, True), ("granted", 5, True), ("granted", 7, False)], False),
        ([("objected", 5, True), ("granted", 6, True)], True),
        ([("objected", 5, True), ("granted", 6, True), ("refused", 7, False)], False),
        ([("objected", 5, True), ("refused", 4, False), ("granted", 6, True)], True),
        ([("objected", 5, True), ("granted", 6, True), ("objected", 7, True)], False),
        # What a person said to us outranks a later file that allows, not one that refuses.
        ([("withdrawn", 1, True), ("granted", 9, False)], False),
        ([("withdrawn", 1, True), ("granted", 2, True)], True),
        ([("granted", 1, True), ("withdrawn", 2, False)], False),
        ([("granted", 1, True), ("withdrawn", 2, False), ("granted", 3, False)], True),
    ],
)
def test_who_outranks_whom_in_every_order_of_arrival(
    statements: list[tuple[str, int, bool]], is_granted: bool
) -> None:
    for number, order in enumerate(permutations(statements)):
        who = subject(f"p{number}@example.com")
        for action, on, own in order:
            ledger.record_many([said(who, action, on, own=own)])
        together = subject(f"q{number}@example.com")
        ledger.record_many([said(together, action, on, own=own) for action, on, own in order])

        assert granted(who) == granted(together) == is_granted
        assert state_of(who) == state_of(together)


one_statement = st.tuples(
    st.sampled_from(["granted", "refused", "withdrawn", "objected"]),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from(["file", "form"]),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), words=st.lists(one_statement, min_size=1, max_size=6))
def test_random_orders_batches_and_repeats_end_in_one_state(
    data: st.DataObject, words: list[tuple[str, int, bool, str]]
) -> None:
    number = DataSubject.objects.count()
    plain, shuffled = subject(f"{number}@example.com"), subject(f"{number}b@example.com")
    repeated = data.draw(st.lists(st.sampled_from(words), max_size=4))
    order = data.draw(st.permutations([*words, *repeated]))
    cut = data.draw(st.integers(0, len(order)))

    def to(who: DataSubject, chosen: Sequence[tuple[str, int, bool, str]]) -> None:
        ledger.record_many(
            [said(who, action, on, own=own, source=source) for action, on, own, source in chosen]
        )

    to(plain, words)
    to(shuffled, order[:cut])
    for each in order[cut:]:
        to(shuffled, [each])

    assert state_of(plain) == state_of(shuffled)
    assert plain.consents.count() == shuffled.consents.count() == len(set(words))


def test_two_people_and_two_purposes_of_one_batch_do_not_mix() -> None:
    anna, ben = subject("a@example.com"), subject("b@example.com")
    other = Statement(
        subject_id=anna.pk, purpose="profiling", action="refused", source="file", occurred_at=NOON
    )

    ledger.record_many([said(anna, "granted", 1), said(ben, "objected", 1), other])

    assert gate.ask(anna, purpose=MARKETING, at=day(2)).granted == {MARKETING}
    assert gate.ask(ben, purpose=MARKETING, at=day(2)).granted == frozenset()


def test_a_new_winner_forgets_the_old_ones_end_and_a_loser_leaves_it() -> None:
    anna = subject()
    ledger.record_many([said(anna, "granted", 2)])
    ConsentState.objects.update(expires_at=day(50))

    ledger.record_many([said(anna, "granted", 1)])
    assert ConsentState.objects.get().expires_at == day(50)

    ledger.record_many([said(anna, "granted", 3)])
    assert ConsentState.objects.get().expires_at is None


def test_a_batch_takes_a_constant_number_of_queries() -> None:
    people = [subject(f"p{n}@example.com") for n in range(40)]

    def queries(who: Sequence[DataSubject], on: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            ledger.record_many([said(one, "granted", on) for one in who])
        return len(captured)

    assert queries(people[:1], 1) == queries(people, 2) <= 5


def test_an_unknown_purpose_is_refused_whole() -> None:
    anna = subject()
    bad = Statement(
        subject_id=anna.pk, purpose="nonsense", action="granted", source="x", occurred_at=NOON
    )

    @transaction.atomic
    def record() -> None:
        ledger.record_many([said(anna, "granted", 1), bad])
        connection.check_constraints()

    with pytest.raises(IntegrityError):
        record()

    assert not ConsentRecord.objects.exists()


@pytest.mark.parametrize("say", [ledger.withdraw, ledger.object_to])
def test_what_is_taken_back_holds_for_mails_that_are_planned_and_not_yet_claimed(
    say: Callable[..., None],
) -> None:
    anna, ben = factories.people(2, at=NOON)
    spring, backend = factories.campaign(now=NOON), factories.MemoryBackend()
    lifecycle.launch(spring, now=NOON)
    assert set(Send.objects.values_list("state", flat=True)) == {"planned"}

    say(anna, purpose=MARKETING, source="mail link", at=NOON)
    pipeline.run_chunk(spring, backend=backend, now=NOON)

    states = {send.subject_id: (send.state, send.reason) for send in Send.objects.all()}
    assert states == {anna.pk: ("skipped", "no_consent"), ben.pk: ("sent", "")}
    assert [envelope.subject_id for envelope in backend.outbox] == [ben.pk]


@concurrent
def test_an_objection_is_not_lost_when_an_import_speaks_at_the_same_time() -> None:
    people = [subject(f"p{n}@example.com") for n in range(20)]

    def object_all() -> int:
        for one in people:
            ledger.object_to(one, purpose=MARKETING, source="link", at=NOON)
        return len(people)

    at_once(
        lambda: ledger.record_many([said(one, "granted", 9) for one in people]),
        object_all,
        lambda: ledger.record_many([said(one, "granted", 8) for one in reversed(people)]),
    )

    assert ConsentState.objects.filter(is_objection=True, is_granted=False).count() == 20
    assert ConsentRecord.objects.count() == 60


@concurrent
def test_who_speaks_while_another_has_not_finished_waits_and_sees_it() -> None:
    anna, has_spoken = subject(), Event()

    def object_slowly() -> int:
        with transaction.atomic():
            ledger.object_to(anna, purpose=MARKETING, source="link", at=NOON)
            has_spoken.set()
            # Long enough for the other one to get as far as it can.
            sleep(0.3)
        return 1

    def load_file() -> int:
        assert has_spoken.wait(timeout=60)
        return ledger.record_many([said(anna, "granted", 9)])

    assert at_once(object_slowly, load_file) == [1, 1]

    assert state_of(anna)[:2] == (False, True)


@concurrent
def test_the_same_file_twice_at_the_same_time_is_kept_once() -> None:
    people = [subject(f"p{n}@example.com") for n in range(20)]
    statements = [said(one, "granted", 1) for one in people]

    added = at_once(
        lambda: ledger.record_many(statements),
        lambda: ledger.record_many(statements[::-1]),
    )

    assert sum(added) == ConsentRecord.objects.count() == 20

"""The gate: one question, five ways to ask it, one answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent import gate, ledger, suppression
from consent.models import ConsentRecord, ConsentState, DataSubject
from tests.consent.people import NOON, subject

pytestmark = pytest.mark.django_db

MARKETING = "email_marketing"


def reader(email: str = "anna@example.com", *, purpose: str = MARKETING) -> DataSubject:
    made = subject(email)
    ledger.grant(made, purpose=purpose, source="test", at=NOON - timedelta(days=1))
    return made


def erase(who: DataSubject) -> None:
    DataSubject.objects.filter(pk=who.pk).update(erased_at=NOON, wrapped_key=None, email_index=None)


def merge(who: DataSubject) -> None:
    DataSubject.objects.filter(pk=who.pk).update(merged_into=subject("survivor@example.com"))


def lose_address(who: DataSubject) -> None:
    DataSubject.objects.filter(pk=who.pk).update(email_index=None)


def suppress(who: DataSubject) -> None:
    suppression.suppress_subject(who, reason="complaint", source="test", at=NOON)


def withdraw(who: DataSubject) -> None:
    ledger.withdraw(who, purpose=MARKETING, source="test", at=NOON)


def expire(who: DataSubject) -> None:
    ConsentState.objects.filter(subject=who).update(expires_at=NOON)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (erase, "erased"),
        (merge, "erased"),
        (lose_address, "no_address"),
        (suppress, "suppressed"),
        (withdraw, "no_consent"),
        (expire, "no_consent"),
    ],
)
def test_each_way_to_be_out_of_reach_is_a_reason(
    spoil: Callable[[DataSubject], None], reason: str
) -> None:
    anna = reader()
    assert gate.ask(anna, purpose=MARKETING, at=NOON).may_send

    spoil(anna)

    permission = gate.ask(anna, purpose=MARKETING, at=NOON)
    assert (permission.may_send, permission.reason) == (False, reason)
    assert not gate.allowed(DataSubject.objects.all(), purpose=MARKETING, at=NOON).exists()


def test_nobody_may_be_mailed_who_never_said_anything() -> None:
    anna = subject()

    permission = gate.ask(anna, purpose=MARKETING, at=NOON)

    assert (permission.reason, permission.granted) == ("no_consent", frozenset())


def test_consent_to_one_purpose_is_no_consent_to_another() -> None:
    anna = reader(purpose="profiling")

    permission = gate.ask(anna, purpose=MARKETING, at=NOON)

    assert (permission.may_send, permission.may_profile, permission.may_track) == (
        False,
        True,
        False,
    )


def test_consent_ends_at_the_moment_it_expires() -> None:
    anna = reader()
    ConsentState.objects.filter(subject=anna).update(expires_at=NOON)

    before = gate.ask(anna, purpose=MARKETING, at=NOON - timedelta(microseconds=1))

    assert before.may_send
    assert not gate.ask(anna, purpose=MARKETING, at=NOON).may_send


@pytest.mark.parametrize("spoil", [erase, merge])
def test_nothing_is_granted_for_who_is_gone(spoil: Callable[[DataSubject], None]) -> None:
    anna = reader(purpose="profiling")
    ledger.grant(anna, purpose="email_tracking", source="test", at=NOON)

    spoil(anna)

    permission = gate.ask(anna, purpose=MARKETING, at=NOON)
    assert (permission.may_profile, permission.may_track) == (False, False)
    assert permission.granted == frozenset()


def test_an_unknown_person_is_refused() -> None:
    answer = gate.permissions([987654321], purpose=MARKETING, at=NOON)

    assert answer[987654321].reason == "erased"


def test_a_lifted_suppression_no_longer_counts_and_one_of_two_still_does() -> None:
    anna = reader()
    suppress(anna)
    suppression.suppress_subject(anna, reason="hard_bounce", source="test", at=NOON)
    state = "SELECT 1 FROM consent_suppression WHERE lifted_at IS NULL"

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE consent_suppression SET lifted_at = now() WHERE reason = 'complaint'"
        )
        assert gate.ask(anna, purpose=MARKETING, at=NOON).reason == "suppressed"
        cursor.execute("UPDATE consent_suppression SET lifted_at = now()")
        cursor.execute(state)
        assert cursor.fetchone() is None

    assert gate.ask(anna, purpose=MARKETING, at=NOON).may_send


def test_suppression_holds_for_the_address_and_not_for_the_row() -> None:
    """Who comes back after an erasure under the same address stays suppressed."""
    anna = reader()
    suppress(anna)
    anna.identifiers.all().delete()
    erase(anna)

    again = reader()

    assert again.pk != anna.pk
    assert gate.ask(again, purpose=MARKETING, at=NOON).reason == "suppressed"


def test_a_batch_costs_as_many_queries_as_one_person() -> None:
    people = [reader(f"p{n}@example.com").pk for n in range(30)]

    def queries(ids: list[int]) -> int:
        with CaptureQueriesContext(connection) as captured:
            gate.permissions(ids, purpose=MARKETING, at=NOON)
        return len(captured)

    assert queries(people[:1]) == queries(people) == 1
    assert queries([]) <= 2


world = st.fixed_dictionaries(
    {
        "fate": st.sampled_from(["living", "erased", "merged"]),
        "address": st.booleans(),
        "suppressed": st.sampled_from(["never", "now", "lifted"]),
        "said": st.dictionaries(
            st.sampled_from([MARKETING, "profiling", "email_tracking"]),
            st.sampled_from(["granted", "refused", "expired", "ends later"]),
        ),
    }
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(people=st.lists(world, min_size=1, max_size=4))
def test_all_forms_of_the_question_agree(people: list[dict[str, object]]) -> None:
    ConsentState.objects.all().delete()
    made = [_person(f"w{DataSubject.objects.count()}@example.com", each) for each in people]
    ids = [one.pk for one in made]

    answers = gate.permissions(ids, purpose=MARKETING, at=NOON)

    subjects = DataSubject.objects.filter(pk__in=ids)
    allowed = set(gate.allowed(subjects, purpose=MARKETING, at=NOON).values_list("pk", flat=True))
    by_key = subjects.annotate(why=gate.refusal("pk", purpose=MARKETING, at=NOON))
    records = ConsentRecord.objects.filter(subject__in=ids).annotate(
        why=gate.refusal("subject_id", purpose=MARKETING, at=NOON)
    )
    assert dict(by_key.values_list("pk", "why")) == {pk: a.reason for pk, a in answers.items()}
    for pk, why in records.values_list("subject_id", "why"):
        assert why == answers[pk].reason
    for one, given_ in zip(made, people, strict=True):
        answer = answers[one.pk]
        assert gate.ask(one, purpose=MARKETING, at=NOON) == answer
        assert answer.may_send == (one.pk in allowed) == (not answer.reason)
        assert answer.reason == _expected(given_)
        if given_["fate"] == "living":
            assert answer.granted == _permitted_by_sql(one)


def _expected(given_: dict[str, object]) -> str:
    said = given_["said"]
    assert isinstance(said, dict)
    if given_["fate"] != "living":
        return "erased"
    if not given_["address"]:
        return "no_address"
    if given_["suppressed"] == "now":
        return "suppressed"
    return "" if said.get(MARKETING) in ("granted", "ends later") else "no_consent"


def _person(email: str, given_: dict[str, object]) -> DataSubject:
    one = subject(email)
    said = given_["said"]
    assert isinstance(said, dict)
    for purpose, word in said.items():
        say = ledger.withdraw if word == "refused" else ledger.grant
        say(one, purpose=purpose, source="test", at=NOON - timedelta(days=2))
        ends = {"expired": NOON, "ends later": NOON + timedelta(seconds=1)}.get(word)
        ConsentState.objects.filter(subject=one, purpose=purpose).update(expires_at=ends)
    if given_["suppressed"] != "never":
        suppress(one)
    if given_["suppressed"] == "lifted":
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE consent_suppression SET lifted_at = now() WHERE address_hash = %s",
                [one.suppression_hash],
            )
    if not given_["address"]:
        lose_address(one)
    if given_["fate"] == "erased":
        erase(one)
    if given_["fate"] == "merged":
        merge(one)
    return one


def _permitted_by_sql(one: DataSubject) -> frozenset[str]:
    found = set()
    with connection.cursor() as cursor:
        for purpose in (MARKETING, "profiling", "email_tracking"):
            sql, params = gate.permitted_sql(purpose, at=NOON)
            values: list[Any] = [*params, one.pk]
            cursor.execute(f"SELECT {sql} FROM (SELECT %s AS subject_id) p", values)
            if cursor.fetchone()[0]:
                found.add(purpose)
    return frozenset(found)


def test_the_question_can_be_asked_along_a_path() -> None:
    anna, ben = reader(), subject("ben@example.com")
    ledger.withdraw(ben, purpose=MARKETING, source="test", at=NOON)
    suppress(anna)

    rows = ConsentState.objects.annotate(
        why=gate.refusal("record__subject_id", purpose=MARKETING, at=NOON), who=F("subject_id")
    )

    assert dict(rows.values_list("who", "why")) == {anna.pk: "suppressed", ben.pk: "no_consent"}

"""Offers: limits exact under competition, a code given once, given back with the mail."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from consent.models import DataSubject
from personalization.models import Offer, OfferCode, OfferGrant
from personalization.offers import codes, reserve, stock
from personalization.offers.reserve import Answer
from personalization.offers.terms import terms, value_of
from tests.campaigns.factories import people, person
from tests.campaigns.sending_support import together
from tests.consent.people import NOON
from tests.personalization.offer_support import ask, given, offer

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def refusals(answers: list[Answer]) -> list[str]:
    return [answer.refusal for answer in answers]


def test_a_total_is_given_out_in_the_order_of_asking_and_then_refused() -> None:
    spring = offer(total=2)

    answers = reserve.reserve([ask(who, of=spring) for who in people(3)], now=NOON)

    assert refusals(answers) == ["", "", "used_up"]
    assert given(spring) == 2


def test_a_person_gets_it_again_only_when_the_days_are_over() -> None:
    spring, anna = offer(per_person=1, per_person_days=30), person()
    month = timedelta(days=30)

    first = reserve.reserve([ask(anna, of=spring)], now=NOON)
    early = reserve.reserve([ask(anna, of=spring)], now=NOON + month - timedelta(microseconds=1))
    late = reserve.reserve([ask(anna, of=spring)], now=NOON + month)

    assert refusals([*first, *early, *late]) == ["", "had_enough", ""]


def test_two_mails_to_one_person_in_one_batch_count_both() -> None:
    spring, anna = offer(per_person=1), person()

    answers = reserve.reserve([ask(anna, of=spring), ask(anna, of=spring)], now=NOON)

    assert refusals(answers) == ["", "had_enough"]


def test_a_mail_that_is_tried_again_beside_a_new_one_counts_once() -> None:
    spring, anna = offer(per_person=2), person()
    tried = ask(anna, of=spring)
    reserve.reserve([tried], now=NOON)

    answers = reserve.reserve([tried, ask(anna, of=spring), ask(anna, of=spring)], now=NOON)

    assert refusals(answers) == ["", "", "had_enough"]
    assert given(spring) == 2


def test_what_a_merged_row_got_its_person_got() -> None:
    spring, anna, other = offer(per_person=1), person(1), person(2)
    reserve.reserve([ask(other, of=spring)], now=NOON)
    DataSubject.objects.filter(pk=other.pk).update(merged_into=anna)

    assert refusals(reserve.reserve([ask(anna, of=spring)], now=NOON)) == ["had_enough"]


@pytest.mark.parametrize(
    "terms_",
    [
        {"is_active": False},
        {"valid_from": NOON + timedelta(microseconds=1)},
        {"valid_until": NOON},
    ],
)
def test_an_offer_outside_its_time_is_not_given(terms_: dict[str, Any]) -> None:
    spring = offer(**terms_)

    assert refusals(reserve.reserve([ask(person(), of=spring)], now=NOON)) == ["not_valid"]


def test_the_same_mail_keeps_its_code_in_every_try_and_counts_once() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("A1", "B2"), per_person=1, total=1)
    wish = ask(person(), of=spring)

    answers = [reserve.reserve([wish], now=NOON)[0] for _ in range(3)]

    assert answers == [Answer("A1")] * 3
    assert given(spring) == 1


def test_a_code_is_given_to_one_mail_and_an_empty_pool_refuses() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("A1", "B2"))

    answers = reserve.reserve([ask(who, of=spring) for who in people(3)], now=NOON)

    assert answers == [Answer("A1"), Answer("B2"), Answer(refusal="no_code")]
    (standing,) = stock.of([spring])
    assert (standing.stock.free, standing.stock.given_codes, standing.left) == (0, 2, 0)


def test_the_database_itself_refuses_to_give_a_code_twice() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("A1",))
    anna = person()
    reserve.reserve([ask(anna, of=spring)], now=NOON)
    code = OfferCode.objects.get()

    with pytest.raises(IntegrityError):
        OfferGrant.objects.create(
            offer=spring, subject=anna, message_key=uuid.uuid4(), code=code, granted_at=NOON
        )


def test_what_is_released_can_be_given_again_and_only_once() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("A1",), total=1, per_person=1)
    anna, ben = people(2)
    wish = ask(anna, of=spring)
    reserve.reserve([wish], now=NOON)

    reserve.release([wish.message_key])
    reserve.release([wish.message_key])

    assert given(spring) == 0
    assert reserve.reserve([ask(ben, of=spring)], now=NOON) == [Answer("A1")]


def test_a_look_takes_nothing_and_says_what_a_send_would_hear() -> None:
    pool = offer("pool", kind=Offer.Kind.POOL, with_codes=("A1",))
    empty = offer("empty", kind=Offer.Kind.POOL)
    limited = offer("limited", total=1)
    once = offer("once", per_person=1)
    anna, ben = people(2)
    reserve.reserve([ask(ben, of=limited), ask(anna, of=once)], now=NOON)
    before = OfferGrant.objects.count()

    seen = reserve.peek(
        [(anna.pk, each.pk) for each in (pool, empty, limited, once)] + [(anna.pk, 0)], now=NOON
    )

    assert refusals(seen) == ["", "no_code", "used_up", "had_enough", "gone"]
    assert OfferGrant.objects.count() == before
    assert not OfferCode.objects.filter(is_given=True).exists()


def test_a_chunk_of_any_size_takes_two_statements() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=[f"C{n}" for n in range(40)], per_person=1)
    everybody = people(30)

    def statements(count: int) -> int:
        asks = [ask(who, of=spring) for who in everybody[:count]]
        with CaptureQueriesContext(connection) as found:
            reserve.reserve(asks, now=NOON)
        return len([each for each in found if "SAVEPOINT" not in each["sql"]])

    assert statements(1) == statements(29) == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_six_workers_at_once_give_exactly_the_limits_and_no_code_twice() -> None:
    capped = offer("capped", total=25)
    pool = offer("pool", kind=Offer.Kind.POOL, with_codes=[f"C{n}" for n in range(40)])
    once = offer("once", per_person=1, per_person_days=30)
    everybody = people(20)

    def worker() -> list[list[Answer]]:
        # Every worker asks for everybody, in chunks, with mails of its own.
        return [
            reserve.reserve([ask(who, of=each) for who in part], now=NOON)
            for part in (everybody[:7], everybody[7:14], everybody[14:])
            for each in (capped, pool, once)
        ]

    chunks = [chunk for done in together(*[worker] * 6) for chunk in done]

    assert given(capped) == 25
    assert given(once) == len(everybody)
    assert OfferGrant.objects.filter(offer=once).values("subject").distinct().count() == 20
    handed = [answer.code for chunk in chunks for answer in chunk if answer.code]
    assert len(handed) == len(set(handed)) == 40
    assert given(pool) == 40
    assert not OfferCode.objects.filter(is_given=False).exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_giving_back_beside_asking_never_gives_more_than_the_limit() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=[f"C{n}" for n in range(5)], total=4)
    everybody = people(8)

    def worker() -> int:
        most = 0
        for _ in range(5):
            for who in everybody:
                wish = ask(who, of=spring)
                (answer,) = reserve.reserve([wish], now=NOON)
                most = max(most, OfferGrant.objects.filter(offer=spring).count())
                if not answer.refusal:
                    reserve.release([wish.message_key])
        return most

    assert 1 <= max(together(*[worker] * 4)) <= 4
    assert given(spring) == 0
    assert OfferCode.objects.filter(is_given=False).count() == 5


def test_codes_are_taken_in_once_and_each_refusal_names_its_line() -> None:
    spring = offer(kind=Offer.Kind.POOL, with_codes=("OLD-1",))
    other = offer("other", kind=Offer.Kind.POOL, with_codes=("OTHER",))
    lines = ["NEW-1", "", ' "NEW-2" ', "NEW-1", "OLD-1", "OTHER", "two words", "x" * 101, "NEW-3"]

    taken = codes.add(spring, lines, now=NOON)

    assert taken.added == 3
    assert {each.line: each.reason.split(":")[0] for each in taken.refused} == {
        4: "the same as line 1",
        5: "known already",
        6: "known already",
        7: "a code is one word",
        8: "longer than 100 characters",
    }
    assert taken.refused_count == 5
    assert stock.of([spring])[0].stock.free == 4
    assert stock.of([other])[0].stock.free == 1


def test_only_a_pool_takes_codes() -> None:
    with pytest.raises(codes.NotAPool, match="has no pool of codes"):
        codes.add(offer(), ["A1"], now=NOON)


def test_a_big_upload_goes_in_by_batches() -> None:
    spring = offer(kind=Offer.Kind.POOL)
    lines = [f"BIG-{number:05}" for number in range(12_000)]

    with CaptureQueriesContext(connection) as found:
        taken = codes.add(spring, [*lines, lines[0]], now=NOON)

    assert (taken.added, taken.refused_count) == (12_000, 1)
    assert len(found) < 10


def test_an_erased_persons_code_is_blank_and_never_comes_back() -> None:
    spring, anna = offer(kind=Offer.Kind.POOL, with_codes=("A1",)), person()
    reserve.reserve([ask(anna, of=spring)], now=NOON)

    codes.erase(anna.pk)

    assert OfferCode.objects.get().text == ""
    assert not OfferGrant.objects.exists()
    assert codes.add(spring, ["A1"], now=NOON).refused[0].line == 1
    assert reserve.reserve([ask(person(2), of=spring)], now=NOON) == [Answer(refusal="no_code")]


@pytest.mark.parametrize(
    ("worth", "words"),
    [
        ({"value": 10}, "10 %"),
        ({"value": "12.50"}, "12.5 %"),
        ({"value": 5, "unit": "amount", "currency": "EUR"}, "5.00 EUR"),
        ({"value": None}, ""),
    ],
)
def test_what_it_is_worth_in_words(worth: dict[str, Any], words: str) -> None:
    offer(**worth)

    assert value_of(Offer.objects.get()) == words


def test_templates_see_days_and_the_code() -> None:
    midnight = NOON.replace(hour=0)
    spring = offer(
        kind=Offer.Kind.STATIC, code="SPRING10", valid_from=midnight, valid_until=midnight + DAY
    )

    context = terms(spring).for_reader("")

    assert context["code"] == "SPRING10"
    # Given until the midnight that ends its last day.
    assert (context["valid_from"], context["valid_until"]) == ("2026-03-02", "2026-03-02")

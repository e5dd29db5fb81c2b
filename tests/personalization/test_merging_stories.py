"""Stories of merges, undoings and events: undone, nothing is left of any merge."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent import ledger
from consent.ledger import Statement
from consent.models import ConsentRecord, ConsentState, DataSubject, Merge
from personalization.merging import merge as joining
from personalization.models import Event, EventDaily
from tests.consent.people import NOON
from tests.personalization.merging_support import LATE, dump, happened, living, profile, somebody

pytestmark = [pytest.mark.django_db, pytest.mark.long]
HOUR = timedelta(hours=1)


# What may happen: a number for who it happens to, and for whom or when.
_DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["merge", "merge", "part", "view", "order", "grant", "object", "withdraw"]),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
    max_size=14,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deeds=_DEEDS, order=st.permutations(range(14)))
def test_after_any_story_all_merges_undone_leave_what_there_would_be_without_them(
    deeds: list[tuple[str, int, int]], order: list[int]
) -> None:
    with TakenBack():
        rows = _five()
        with_merges: dict[str, Any] = {}
        without: dict[str, Any] = {}
        with TakenBack():
            _tell(rows, deeds, may_merge=True)
            _check_moments()
            held = list(Merge.objects.filter(undone_at=None).order_by("pk"))
            for place in order:
                if place < len(held):
                    joining.unmerge(held[place].pk, actor=None, now=LATE)
            with_merges = _plain(rows)
        with TakenBack():
            _tell(rows, deeds, may_merge=False)
            without = _plain(rows)
        assert with_merges == without


class TakenBack(transaction.Atomic):
    """A block of which nothing stays."""

    def __init__(self) -> None:
        super().__init__(using=None, savepoint=True, durable=False)

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            transaction.set_rollback(True)
        super().__exit__(*error)


def _five() -> list[DataSubject]:
    rows = [
        somebody(external_id="C-0", email="zero@example.com"),
        somebody(external_id="C-1"),
        somebody(email="two@example.com"),
        somebody(anonymous_id="three"),
        somebody(anonymous_id="four"),
    ]
    for number, row in enumerate(rows[:3]):
        profile(
            row, at=NOON, personal={"first_name": str(number)}, shared=number, **{f"n{number}": 1}
        )
    return rows


def _tell(rows: list[DataSubject], deeds: list[tuple[str, int, int]], *, may_merge: bool) -> None:
    made: list[Merge] = []
    for step, (deed, one, other) in enumerate(deeds):
        row, at = rows[one], NOON + step * HOUR
        if deed == "merge" and may_merge and living(row.pk) != living(rows[other].pk):
            pair = joining.Pair(living(row.pk), living(rows[other].pk), reason="decided")
            made += joining.merge_many([pair], source="test", actor=None, now=at)
        elif deed == "part" and may_merge and made:
            joining.unmerge(made.pop(other % len(made)).pk, actor=None, now=at)
        elif deed == "view":
            happened(row.pk, "Product Viewed", at=at)
        elif deed == "order":
            happened(row.pk, "Order Completed", at=at, amount=Decimal(step), order_id=f"O-{other}")
        elif deed in _ACTIONS:
            ledger.record_many([_said(row, deed, number=other, step=step)])


_ACTIONS = {"grant": "granted", "object": "objected", "withdraw": "withdrawn"}


def _said(row: DataSubject, deed: str, *, number: int, step: int) -> Statement:
    return Statement(
        subject_id=row.pk,
        purpose="email_marketing",
        action=_ACTIONS[deed],
        source=f"story {step}",
        occurred_at=NOON + number * HOUR,
        is_own_choice=number % 2 == 0,
    )


def _check_moments() -> None:
    """Every event counts for who its name's row is now, and every day adds up."""
    rows = dict(DataSubject.objects.values_list("pk", "merged_into"))
    for told in Event.objects.all():
        assert told.profile_id == (rows[told.origin_profile_id] or told.origin_profile_id)
    counted = EventDaily.objects.aggregate(n=Sum("count"))["n"] or 0
    assert counted == Event.objects.count()


def _plain(rows: list[DataSubject]) -> dict[str, Any]:
    """Return what every row holds, without numbers that differ from run to run."""
    found = dump(without=[ConsentRecord, ConsentState, Event])
    found["Event"] = sorted(
        Event.objects.values_list("name", "profile_id", "origin_profile_id", "occurred_at")
    )
    found["ConsentState"] = sorted(
        ConsentState.objects.values_list(
            "subject", "purpose", "is_granted", "is_objection", "since", "record__source"
        )
    )
    return found

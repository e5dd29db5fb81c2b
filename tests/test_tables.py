"""After a test that commits, the next one finds what migrations made, and nothing else."""

import pytest
from django.contrib.auth.models import Group

from consent.models import DataSubject, Purpose
from tests import tables
from tests.campaigns import factories as make


@pytest.mark.django_db(transaction=True)
def test_what_was_added_changed_and_taken_away_is_put_back() -> None:
    groups, purposes = Group.objects.count(), list(Purpose.objects.order_by("pk").values())
    make.person()
    Purpose.objects.update(name="Changed")
    Group.objects.get(name="marketer").delete()

    tables.restore()

    assert Group.objects.count() == groups == 5
    assert Group.objects.get(name="marketer").permissions.exists()
    assert list(Purpose.objects.order_by("pk").values()) == purposes
    assert not DataSubject.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_nothing_is_left_of_a_test_that_committed(turn: int) -> None:
    assert not DataSubject.objects.exists()
    assert Purpose.objects.exists()

    make.person()

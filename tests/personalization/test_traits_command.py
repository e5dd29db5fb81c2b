"""The command: everybody's traits, or those that are due, as a sentence or as JSON."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from consent.models import Job
from personalization.models import CustomerProfile, ProfileDue, TraitModel
from tests.campaigns.factories import order, person, product
from tests.personalization.trait_worlds import make_due

pytestmark = pytest.mark.django_db


def command(*options: str) -> str:
    out = StringIO()
    call_command("compute_traits", *options, stdout=out)
    return out.getvalue()


def as_json(*options: str) -> Any:
    return json.loads(command("--json", *options))


@pytest.fixture(autouse=True)
def _two_customers() -> None:
    now = timezone.now()
    for number in (1, 2):
        subject = person(number, at=now - timedelta(days=9))
        if number == 1:
            order(subject, product(), at=now - timedelta(days=3))


def test_everybodys_traits_are_derived_in_a_job() -> None:
    assert command() == "Traits are up to date; 1 of 2 customers changed.\n"
    assert Job.objects.get().result == {"changed": 1}
    assert set(TraitModel.objects.values_list("name", flat=True)) == {"rfm", "lifetime"}
    assert as_json() == {"customers": 2, "changed": 0}


def test_with_due_only_those_who_changed_are_looked_at() -> None:
    command()
    anna = CustomerProfile.objects.exclude(traits={}).get()
    CustomerProfile.objects.filter(pk=anna.pk).update(traits={"order_count": 7})
    make_due([anna.pk])

    done = as_json("--due")

    assert done["changed"] == 1
    assert CustomerProfile.objects.get(pk=anna.pk).traits["order_count"] == 1
    assert not ProfileDue.objects.exists()
    assert TraitModel.objects.count() == 2

"""The start fails for a model that is tied to a person and claimed by nobody."""

import pytest
from django.apps import apps
from django.core import checks
from django.db.models import Model
from pytest_django import Settings

from campaigns.models import Campaign, Conversion, FrequencyCounter, Send, TrackingEvent
from consent.checks import personal_models
from consent.models import (
    AuditEntry,
    ConsentRecord,
    ConsentState,
    DataSubject,
    Identifier,
    Purpose,
    Suppression,
)
from consent.privacy import registry
from personalization.models import (
    CustomerProfile,
    Event,
    EventDaily,
    EventItem,
    Product,
    Receipt,
    Segment,
    SegmentMembership,
)

TIED: set[type[Model]] = {
    DataSubject, Identifier, ConsentRecord, ConsentState, AuditEntry,
    CustomerProfile, Event, EventItem, EventDaily, SegmentMembership, Receipt,
    Send, TrackingEvent, Conversion, FrequencyCounter,
}  # fmt: skip


def test_every_model_that_leads_to_a_person_is_found_over_chains() -> None:
    found = set(personal_models())

    assert found >= TIED
    # A tracking event leads there only over its send.
    assert not {"subject", "profile"} & {field.name for field in TrackingEvent._meta.get_fields()}
    assert not found & {Product, Purpose, Segment, Campaign, Suppression}


def test_all_that_is_tied_to_a_person_is_claimed_and_the_check_is_silent() -> None:
    assert not [each for each in checks.run_checks() if (each.id or "").startswith("consent.")]


@pytest.mark.parametrize("model", sorted(TIED, key=str))
def test_a_model_that_nobody_claims_stops_the_start(
    model: type[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(registry._claims, model)

    errors = [each for each in checks.run_checks() if each.id == "consent.E001"]

    assert [error.obj for error in errors] == [model]
    assert errors[0].level == checks.ERROR
    assert f"Add claim({model.__name__}" in str(errors[0].hint)


def test_every_claim_leads_to_a_subject_and_exports_columns_that_exist() -> None:
    for claim in registry.claims():
        names = {field.name for field in claim.model._meta.get_fields()}
        names |= {getattr(field, "attname", "") for field in claim.model._meta.get_fields()}
        assert set(claim.export) <= names, claim.model
        str(claim.model._default_manager.filter(**{claim.path: None}).query)


def test_each_of_our_apps_says_what_it_holds() -> None:
    claimed = {claim.model._meta.app_label for claim in registry.claims()}

    assert claimed == {"consent", "personalization", "campaigns"}
    assert all(apps.is_installed(label) for label in claimed)


def test_a_key_that_cannot_seal_stops_the_start_and_is_not_shown(settings: Settings) -> None:
    settings.ATTUNE_ENCRYPTION_KEYS = "v1:c2hvcnQ="

    errors = [each for each in checks.run_checks() if each.id == "consent.E002"]

    assert len(errors) == 1
    assert "ATTUNE_ENCRYPTION_KEYS" in errors[0].msg
    assert "c2hvcnQ" not in errors[0].msg

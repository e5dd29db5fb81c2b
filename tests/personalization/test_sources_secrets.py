"""Secrets of sources: sealed, shown once, the one before holds for a day."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from consent import identity
from personalization.models import Source
from personalization.sources import secrets
from tests.consent.people import NOON

pytestmark = pytest.mark.django_db


def source(kind: str = "shopify", slug: str = "shop") -> Source:
    return Source.objects.create(slug=slug, name="Shop", kind=kind)


def test_a_new_secret_is_returned_once_and_kept_sealed() -> None:
    shop = source()

    shown = secrets.rotate(shop, secret="shpss_0123456789abcdef", now=NOON)

    stored = Source.objects.get(pk=shop.pk)
    assert shown == "shpss_0123456789abcdef"
    assert secrets.both(stored) == (shown,)
    assert shown.encode() not in bytes(stored.secrets or b"")
    assert stored.secrets


def test_rotating_keeps_the_secret_before() -> None:
    shop = source()
    first = secrets.rotate(shop, secret=None, now=NOON)
    second = secrets.rotate(shop, secret=None, now=NOON)
    third = secrets.rotate(shop, secret=None, now=NOON)

    assert len({first, second, third}) == 3
    assert secrets.both(Source.objects.get(pk=shop.pk)) == (third, second)


def test_the_secret_before_holds_for_a_day() -> None:
    shop = source()
    first = secrets.rotate(shop, secret=None, now=NOON - timedelta(days=9))
    second = secrets.rotate(shop, secret=None, now=NOON)

    assert secrets.holding(shop, now=NOON + timedelta(hours=23)) == (second, first)
    assert secrets.holding(shop, now=NOON + timedelta(hours=25)) == (second,)


def test_setting_the_same_secret_again_changes_nothing() -> None:
    shop = source()
    first = secrets.rotate(shop, secret="first-secret", now=NOON)
    second = secrets.rotate(shop, secret="second-secret", now=NOON)

    secrets.rotate(shop, secret="second-secret", now=NOON + timedelta(hours=1))

    assert secrets.both(shop) == (second, first)


def test_a_source_without_secrets_has_none() -> None:
    assert secrets.both(source()) == ()


def test_a_secret_does_not_open_for_another_source() -> None:
    shop, other = source(), source(slug="other")
    secrets.rotate(shop, secret=None, now=NOON)
    Source.objects.filter(pk=other.pk).update(secrets=shop.secrets)

    with pytest.raises(identity.SealBroken):
        secrets.both(Source.objects.get(pk=other.pk))


def test_a_generic_source_gets_a_standard_secret() -> None:
    made = secrets.rotate(source("generic"), secret=None, now=NOON)

    assert made.startswith("whsec_")
    assert len(secrets.standard_key(made)) == 32


@pytest.mark.parametrize("bad", ["whsec_", "whsec_not base64!", "c2hvcnQ=", "password1234"])
def test_a_standard_secret_that_cannot_work_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError, match="whsec_"):
        secrets.rotate(source("generic"), secret=bad, now=NOON)


@pytest.mark.parametrize("bad", ["", "short", "with\x00nul-inside"])
def test_a_secret_too_short_to_be_one_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError, match="at least 8"):
        secrets.rotate(source(), secret=bad, now=NOON)
